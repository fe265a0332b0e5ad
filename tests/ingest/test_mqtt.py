"""`cellpass ingest mqtt:...` against a real Mosquitto."""

import contextlib
import json
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest import journal
from ingest.errors import TransportFailed
from ingest.gateway import Clock, Routing
from ingest.messages import EPOCH, JournalMessages, MessageGateway
from ingest.protocol import find
from ingest.transports.address import parse_address
from ingest.transports.base import BackOff
from ingest.transports.mqtt import MqttFeed, client_name
from tests.broker import Broker, broker, needs_broker
from tests.ingest.test_ingest_command import House, know, run

pytestmark = needs_broker

PLAIN = """
title = "plain"
topic = "site/{site}/pack/{pack}/telemetry"
component = "module/{pack}"
[[row]]
at = "/u"
quantity = "voltage"
unit = "mV"
origin = "native"
"""
TIMED = PLAIN + '[[row]]\nat = "/i"\nquantity = "current"\n[time]\nat = "/ts"\nform = "unix_ms"\n'


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def plain(tmp_path) -> str:
    (tmp_path / "plain.toml").write_text(PLAIN)
    return f"json:{tmp_path / 'plain.toml'}"


@pytest.fixture
def timed(tmp_path) -> str:
    (tmp_path / "timed.toml").write_text(TIMED)
    return f"json:{tmp_path / 'timed.toml'}"


@pytest.fixture
def served(tmp_path):
    with broker(tmp_path / "broker") as made:
        yield made


def later(wait_s: float, act) -> threading.Thread:
    thread = threading.Thread(target=lambda: (time.sleep(wait_s), act()))
    thread.start()
    return thread


def subscribed(made: Broker, address: str, source: str) -> None:
    """The session of a source is there, so that the broker keeps what is published now."""
    MqttFeed(parse_address(address), source).close()


def address(made: Broker, topic: str = "site/+/pack/+/telemetry", more: str = "") -> str:
    return f"mqtt:127.0.0.1:{made.port}/{topic}{more}"


def pack(number: int, millivolts: int, **more) -> tuple[str, bytes]:
    return f"site/yard/pack/{number}/telemetry", json.dumps({"u": millivolts, **more}).encode()


def take(house: House, where: str, protocol: str, *words) -> dict:
    result = run(house, where, "--protocol", protocol, "--source", "yard", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def test_messages_go_to_the_battery_that_their_topic_names(house, served, plain):
    know(house, "B1", "B2")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000), pack(2, 52_000), pack(1, 51_001), pack(3, 1)])
    told = take(
        house, address(served), plain, "--bind", "module/1=B1", "--bind", "module/2=B2", "--count", "4"
    )
    assert house.values("B1", "voltage") == ["51.000", "51.001"]
    assert house.values("B2", "voltage") == ["52.000"]
    assert told["unbound"] == {"module/3": 1}
    # What was acknowledged does not come again.
    served.publish([pack(2, 52_001)])
    again = take(house, address(served), plain, "--count", "1")
    assert again["repeated"] == 0
    assert house.values("B2", "voltage") == ["52.000", "52.001"]


def test_listening_is_told_and_rows_of_messages_have_no_cycle(house, served, plain):
    know(house, "B1")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000)])
    words = ["--protocol", plain, "--source", "yard", "--bind", "B1", "--count", "1"]
    said = run(house, address(served), *words).stderr
    assert f"listening at mqtt:127.0.0.1:{served.port} for site/+/pack/+/telemetry\n" in said
    assert "stored 1 row of B1; receipt " in said


def test_a_polite_kill_tells_what_had_come(house, served, plain):
    know(house, "B1")
    thread = threading.Thread(target=stop_politely)
    thread.start()
    result = run(house, address(served, "other/#"), "--protocol", plain, "--bind", "B1")
    thread.join()
    assert result.exit_code == 3
    assert "stopped before anything was stored; connected, no message yet" in result.stderr


def stop_politely() -> None:
    """Once the command listens for signals, SIGTERM to this process."""
    for _ in range(200):
        time.sleep(0.05)
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGTERM)
            return


def test_a_topic_that_does_not_fit_the_map_is_counted_and_told(house, served, plain):
    know(house, "B1")
    where = address(served, "site/#")
    subscribed(served, where, "yard")
    served.publish([("site/yard/rack/1", b'{"u": 1}'), pack(1, 51_000)])
    told = take(house, where, plain, "--bind", "B1", "--count", "2")
    assert told["frames"] == {"read": 1, "empty": 0, "refused": {"topic": 1}}
    assert house.values("B1", "voltage") == ["51.000"]


ONE_VALUE = '[[row]]\nat = ""\ntopic = "site/{site}/pack/{pack}/soc"\nquantity = "state_of_charge"\n'


@pytest.mark.parametrize("more", ["", ONE_VALUE], ids=["objects alone", "a bare value under another topic"])
def test_what_is_no_object_is_refused_and_counted(house, served, tmp_path, more):
    (tmp_path / "map.toml").write_text(PLAIN + more)
    know(house, "B1")
    subscribed(served, address(served), "yard")
    topic = pack(1, 0)[0]
    served.publish([(topic, b"garbage"), (topic, b"[1,2"), (topic, b"[1]"), (topic, b""), pack(1, 51_000)])
    told = take(house, address(served), f"json:{tmp_path / 'map.toml'}", "--bind", "B1", "--count", "5")
    assert told["frames"] == {"read": 1, "empty": 0, "refused": {"delimiter": 3, "foreign": 1}}
    assert house.values("B1", "voltage") == ["51.000"]


def test_a_time_that_cannot_be_read_is_refused_and_not_taken_for_now(house, served, timed):
    know(house, "B1")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 40_000, ts="yesterday"), pack(1, 41_000, ts=None), pack(1, 42_000)])
    told = take(house, address(served), timed, "--bind", "B1", "--count", "3")
    assert told["frames"] == {"read": 2, "empty": 0, "refused": {"undated": 1}}
    assert house.values("B1", "voltage") == ["41.000", "42.000"], "no time is the time of arrival"


def test_what_the_broker_kept_from_an_unknown_time_is_no_measurement_of_now(house, served, plain):
    know(house, "B1")
    served.publish([pack(1, 40_000)], retain=True)
    thread = later(2.0, lambda: served.publish([pack(1, 51_000)]))
    told = take(house, address(served), plain, "--bind", "B1", "--count", "2")
    thread.join()
    assert told["frames"]["refused"] == {"undated": 1}
    assert house.values("B1", "voltage") == ["51.000"]


def test_what_the_broker_kept_with_a_time_of_its_own_has_that_time(house, served, timed):
    know(house, "B1")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    served.publish([pack(1, 40_000, ts=int(at.timestamp() * 1000))], retain=True)
    take(house, address(served), timed, "--bind", "B1", "--count", "1")
    (chunk,) = house.rows("B1")
    assert chunk.samples.time_ms.tolist() == [int(at.timestamp() * 1000)]


def test_two_parts_under_one_binding_are_refused_even_in_separate_messages(house, served, plain):
    know(house, "B1")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000), pack(2, 52_000)])
    result = run(
        house, address(served), "--protocol", plain, "--source", "yard", "--bind", "B1", "--count", "2"
    )
    assert result.exit_code == 3
    assert "--bind module/1=BATTERY1 --bind module/2=BATTERY2" in result.output
    assert not house.rows("B1")


def test_a_message_that_is_sent_twice_with_its_time_counts_once(house, served, timed):
    know(house, "B1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000, ts=now), pack(1, 51_000, ts=now), pack(1, 51_001, ts=now + 1)])
    told = take(house, address(served), timed, "--bind", "B1", "--count", "2")
    assert told["repeated"] == 1
    assert house.values("B1", "voltage") == ["51.000", "51.001"]
    # After the window was lost too: the number follows from the time.
    with house.writing() as connection:
        connection.exec_driver_sql("DELETE FROM source_note")
    served.publish([pack(1, 51_000, ts=now)])
    told = take(house, address(served), timed, "--count", "1")
    assert told["batteries"][0]["receipt"]["duplicates"] == 1
    assert house.values("B1", "voltage") == ["51.000", "51.001"]


def test_equal_messages_without_a_time_are_separate_measurements(house, served, plain):
    know(house, "B1")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000)] * 5)
    told = take(house, address(served), plain, "--bind", "B1", "--count", "5")
    assert told["repeated"] == 0
    assert house.values("B1", "voltage") == ["51.000"] * 5


def test_two_messages_of_one_moment_are_both_kept(house, served, timed):
    know(house, "B1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    subscribed(served, address(served), "yard")
    topic = "site/yard/pack/1/telemetry"
    # Five hundred messages of one millisecond: some fall on one another's numbers.
    served.publish([(topic, json.dumps({"u": 50_000 + n, "ts": now}).encode()) for n in range(500)])
    take(house, address(served), timed, "--bind", "B1", "--count", "250")
    take(house, address(served), timed, "--count", "250")
    assert sorted(house.values("B1", "voltage")) == [f"{(50_000 + n) / 1000:.3f}" for n in range(500)]


def test_rows_that_are_told_late_stand_in_the_order_of_their_times(house, served, timed):
    know(house, "B1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    subscribed(served, address(served), "yard")
    minutes = [0, -1, -30, -20]
    served.publish([pack(1, 51_000 + n, ts=now + n * 60_000) for n in minutes])
    take(house, address(served), timed, "--bind", "B1", "--count", "4")
    assert house.values("B1", "voltage") == ["50.970", "50.980", "50.999", "51.000"]


def test_a_clock_that_is_ahead_is_doubted_and_the_row_stands_where_it_arrived(house, served, timed):
    know(house, "B1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 51_000, ts=now + 86_400_000)])
    told = take(house, address(served), timed, "--bind", "B1", "--count", "1")
    assert told["doubts"]["clock_off"] == 1
    (chunk,) = house.rows("B1")
    assert abs(int(chunk.samples.time_ms[0]) - now) < 60_000


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_broker_that_starts_again_loses_and_repeats_nothing(house, served, plain, version):
    know(house, "B1")
    where = address(served, more=f"?version={version}")
    subscribed(served, where, "yard")
    served.publish([pack(1, 50_000 + n) for n in range(100)])

    def again() -> None:
        served.stop()
        served.start()
        served.publish([pack(1, 50_000 + n) for n in range(100, 150)])

    thread = later(1.0, again)
    told = take(house, where, plain, "--bind", "B1", "--count", "150")
    thread.join()
    assert house.values("B1", "voltage") == [f"{(50_000 + n) / 1000:.3f}" for n in range(150)]
    assert told["cycles"] == 150


def test_what_was_not_acknowledged_is_sent_again_and_known_again(house, served, plain):
    """The rows are stored, and the acknowledgement is lost with its connection."""
    know(house, "B1")
    where = address(served)
    subscribed(served, where, "yard")
    served.publish([pack(1, 50_000 + n) for n in range(10)])
    quiet = MqttFeed.acknowledge
    MqttFeed.acknowledge = lambda self, messages: None
    try:
        take(house, where, plain, "--bind", "B1", "--count", "10")
    finally:
        MqttFeed.acknowledge = quiet
    served.publish([pack(1, 50_010)])
    told = take(house, where, plain, "--count", "1")
    assert told["repeated"] == 10
    assert house.values("B1", "voltage") == [f"{(50_000 + n) / 1000:.3f}" for n in range(11)]
    with house.writing() as connection:
        assert set(journal.notes(connection, "yard")) == {"seen/0000000000000001", "seen/0000000000000002"}


class Full(Exception):
    """As the passport side calls a disk that is full."""

    code = "store_unavailable"


def test_what_cannot_be_stored_stays_at_the_broker(house, served, plain):
    know(house, "B1")
    subscribed(served, address(served), "yard")
    served.publish([pack(1, 50_000 + n) for n in range(10)])
    take(house, address(served), plain, "--bind", "B1", "--count", "4")
    writing = house.writing

    @contextlib.contextmanager
    def full():
        with writing() as connection:
            yield connection
            if connection.exec_driver_sql("SELECT sum(rows) FROM telemetry_epoch").scalar() > 4:
                raise Full("the disk is full")

    house.writing = full
    result = run(house, address(served), "--protocol", plain, "--source", "yard", "--count", "6")
    assert result.exit_code == 3
    assert "the disk is full. What has a receipt is stored; run the same command again" in result.output
    house.writing = writing
    take(house, address(served), plain, "--count", "6")
    assert house.values("B1", "voltage") == [f"{(50_000 + n) / 1000:.3f}" for n in range(10)]


def test_a_part_that_is_commissioned_anew_goes_to_its_new_battery(house, served, plain):
    subscribed(served, address(served), "yard")
    protocol = find(plain)
    sink = JournalMessages(
        house.writing, house.batteries, source="yard", epoch=EPOCH, now=lambda: datetime.now(UTC)
    )

    def before() -> None:
        if gateway.heard.cycles == 2:
            gateway.recommission({"module/1": "B2"}, {"module/1": None})

    gateway = MessageGateway(
        parse_address(address(served)),
        protocol,
        Routing({"module/1": "B1"}),
        sink,
        source="yard",
        clock=Clock(lambda: datetime.now(UTC), time.monotonic, lambda seconds: False),
        back_off=BackOff(jitter=lambda: 0.5),
        notes=sink.notes,
        before=before,
    )
    served.publish([pack(1, 51_000), pack(1, 51_001)])
    thread = later(1.0, lambda: served.publish([pack(1, 52_000)]))
    gateway.run(3)
    thread.join()
    assert house.values("B1", "voltage") == ["51.000", "51.001"]
    assert house.values("B2", "voltage") == ["52.000"]


def test_two_gateways_with_one_name_say_who_took_the_session(served):
    where = parse_address(address(served))
    with contextlib.closing(MqttFeed(where, "yard")) as first:
        with contextlib.closing(MqttFeed(where, "yard")), pytest.raises(TransportFailed) as told:
            while True:
                first.receive(0.2, 1)
        assert "choose another with ?client=NAME" in str(told.value)


def test_a_source_without_a_name_has_the_broker_and_the_filter_for_one(house, served, plain, tmp_path):
    know(house, "B1")
    (tmp_path / "login").write_text("anyone\n")
    source = f"mqtt:127.0.0.1:{served.port}/site/+/pack/+/telemetry"
    subscribed(served, address(served), source)
    served.publish([pack(1, 51_000)])
    where = address(served, more=f"?login={tmp_path / 'login'}")
    result = run(house, where, "--protocol", plain, "--bind", "B1", "--count", "1", "--json")
    assert json.loads(result.stdout.splitlines()[-1])["source"] == source


# Who may come in


def test_a_wrong_password_gives_a_sentence_and_no_password(house, tmp_path, plain, monkeypatch):
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "users").write_text("yard:secret\n")
    (tmp_path / "broker" / "users").chmod(0o600)
    import subprocess

    subprocess.run(["mosquitto_passwd", "-U", str(tmp_path / "broker" / "users")], check=True)
    with broker(tmp_path / "broker", [f"password_file {tmp_path / 'broker' / 'users'}"]) as made:
        know(house, "B1")
        (tmp_path / "login").write_text("yard\nguess-7\n")
        where = address(made, more=f"?login={tmp_path / 'login'}")
        result = run(house, where, "--protocol", plain, "--bind", "B1", "--count", "1")
        assert result.exit_code == 3
        assert "user name" in result.output
        assert "guess-7" not in result.output
        without = run(house, address(made), "--protocol", plain, "--bind", "B1", "--count", "1")
        assert "it may want a user name and password" in without.output
        (tmp_path / "login").write_text("yard\nsecret\n")
        MqttFeed(parse_address(where), "yard").close()
        monkeypatch.setenv("CELLPASS_MQTT_USER", "yard")
        monkeypatch.setenv("CELLPASS_MQTT_PASSWORD", "secret")
        MqttFeed(parse_address(address(made)), "yard").close()


def test_a_filter_that_the_user_may_not_read_is_told(tmp_path):
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "rights").write_text("topic read open/#\n")
    lines = ["allow_anonymous true", f"acl_file {tmp_path / 'broker' / 'rights'}"]
    with broker(tmp_path / "broker", lines) as made:
        MqttFeed(parse_address(address(made, "open/+")), "yard").close()
        # Mosquitto grants the subscription and delivers nothing; a broker that refuses is told.
        made.stop()
        with pytest.raises(TransportFailed, match="nobody listens on this port; is the broker running"):
            MqttFeed(parse_address(address(made)), "yard")


def certificate(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_tls_takes_the_named_authority_and_no_other(house, tmp_path, plain):
    (tmp_path / "broker").mkdir()
    cert, key = certificate(tmp_path / "broker")
    lines = ["allow_anonymous true", f"certfile {cert}", f"keyfile {key}"]
    with broker(tmp_path / "broker", lines) as made:
        topic = "site/+/pack/+/telemetry"
        with pytest.raises(TransportFailed, match=r"certificate is not trusted: .*\?ca=FILE"):
            MqttFeed(parse_address(f"mqtts:localhost:{made.port}/{topic}"), "yard")
        with pytest.raises(TransportFailed, match="the connection"):
            MqttFeed(parse_address(f"mqtt:localhost:{made.port}/{topic}"), "yard")
        where = f"mqtts:localhost:{made.port}/{topic}?ca={cert}"
        with contextlib.closing(MqttFeed(parse_address(where), "yard")) as feed:
            assert not feed.resumed
        with contextlib.closing(MqttFeed(parse_address(where), "yard")) as feed:
            assert feed.resumed


def test_a_broker_that_wants_a_certificate_gets_the_one_of_the_address(tmp_path):
    (tmp_path / "broker").mkdir()
    cert, key = certificate(tmp_path / "broker")
    lines = [
        "allow_anonymous true",
        f"certfile {cert}",
        f"keyfile {key}",
        f"cafile {cert}",
        "require_certificate true",
    ]
    with broker(tmp_path / "broker", lines) as made:
        where = f"mqtts:localhost:{made.port}/t?ca={cert}"
        with pytest.raises(TransportFailed):
            MqttFeed(parse_address(where), "yard")
        MqttFeed(parse_address(f"{where}&certificate={cert}&key={key}"), "yard").close()
        with pytest.raises(TransportFailed, match="a certificate or key cannot be read"):
            MqttFeed(parse_address(f"{where}&certificate={tmp_path / 'none.pem'}"), "yard")


# Addresses


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mqtt:broker.example", "expected a topic filter"),
        ("mqtt:broker.example/", "expected a topic filter"),
        ("mqtt:broker.example/a/#/b", "expected a topic filter"),
        ("mqtt:broker.example/a+/b", "expected a topic filter"),
        ("mqtt:/topic", r"expected mqtt:HOST\[:PORT\]/TOPIC-FILTER"),
        ("mqtt:h:99999/t", r"expected mqtt:HOST\[:PORT\]/TOPIC-FILTER"),
        ("mqtt:me:secret@h/t", "would stand in logs"),
        ("mqtt:h/t?qos=2", "unknown option qos"),
        ("mqtt:h/t?version=4", "expected version=5 or version=3.1.1"),
        ("mqtt:h/t?ca=x.pem", "certificates are for mqtts:"),
        ("mqtts:h/t?key=x.pem", "a key belongs to a certificate"),
    ],
)
def test_an_address_that_is_none_is_told(text, sentence):
    with pytest.raises(TransportFailed, match=sentence) as told:
        parse_address(text)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("mqtt:broker.example/site/+/t", "mqtt:broker.example:1883/site/+/t"),
        ("mqtts://broker.example/a/#", "mqtts:broker.example:8883/a/#"),
        ("mqtt:[2001:db8::1]:1884/a", "mqtt:[2001:db8::1]:1884/a"),
        ("mqtt:h/a%3Fb?version=3.1.1&login=x", "mqtt:h:1883/a%3Fb?login=x&version=3.1.1"),
    ],
)
def test_an_address_is_spelt_so_that_it_parses_to_the_same(text, whole):
    found = parse_address(text)
    assert str(found) == whole
    assert parse_address(whole) == found


def test_a_protocol_that_reads_no_messages_is_told_of_both_maps_that_do():
    refusal = parse_address("mqtt:192.0.2.7/a").refuses(find("jbd"))
    assert "json:MAP.toml or sparkplug:MAP.toml" in refusal


def test_the_name_of_a_session_follows_from_its_source():
    assert client_name("yard/bank") == client_name("yard/bank") != client_name("yard/rack")
    assert len(client_name("x")) <= 23  # what every broker of 3.1.1 takes
