"""`json:MAP.toml` and `csv:MAP.toml`."""

import contextlib
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.captures import Decoded, read_capture
from ingest.commands.map import command as map_command
from ingest.errors import MapRefused
from ingest.protocol import Damage, Fault, Refused, find
from ingest.records import Message
from schemas.terms import Origin, ReadingAbsence

JSON_MAP = """
title = "example"
[time]
at = "/ts"
form = "unix_ms"
[[row]]
at = "/pack/u"
quantity = "voltage"
unit = "mV"
origin = "native"
[[row]]
at = "/pack/i"
quantity = "current"
negate = true
[[row]]
at = "/pack/soh"
quantity = "bms_reported_health"
[[row]]
at = "/cells/{index}/v"
quantity = "cell_voltage"
unit = "mV"
index_from = 0
origin = "native"
not_available = [65535]
[[row]]
at = "/strings/s{string}/u"
quantity = "voltage"
component = "string/{string}"
[[row]]
at = "/flags/uv"
quantity = "alarm"
value = "cell_under_voltage"
[[row]]
at = "/flags/charge"
quantity = "charging_enabled"
[[row]]
at = "/id~1sn"
quantity = "serial_number"
"""
MESSAGE = {
    "ts": 1_700_000_000_500,
    "pack": {"u": 53123, "i": -12.5, "soh": None},
    "cells": [{"v": 3320}, {"v": 65535}, {"w": 1}, {"v": "3321"}],
    "strings": {"s1": {"u": 53.1}, "s2": {"u": 53.2}, "other": {"u": 1}},
    "flags": {"uv": True, "charge": 0},
    "id/sn": "EX1",
}


@pytest.fixture
def named(tmp_path):
    def write(text, kind):
        path = tmp_path / f"map-{kind}.toml"
        path.write_text(text)
        return f"{kind}:{path}"

    return write


def test_a_message_says_what_its_map_finds_in_it(named):
    (found,) = read_capture(json.dumps(MESSAGE).encode() + b"\n", find(named(JSON_MAP, "json")))
    at = datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)
    assert found.at == at
    said = {(r.quantity, r.index, r.component): (r.value, r.origin) for r in found.readings}
    native, derived = Origin.NATIVE, Origin.DERIVED
    assert said == {
        ("voltage", None, None): (Decimal("53.123"), native),
        ("current", None, None): (Decimal("12.5"), derived),
        ("bms_reported_health", None, None): (None, derived),
        ("cell_voltage", 1, None): (Decimal("3.320"), native),
        ("cell_voltage", 2, None): (None, native),
        ("cell_voltage", 4, None): (Decimal("3.321"), native),
        ("voltage", None, "string/1"): (Decimal("53.1"), derived),
        ("voltage", None, "string/2"): (Decimal("53.2"), derived),
        ("alarm", None, None): ("cell_under_voltage", derived),
        ("charging_enabled", None, None): (False, derived),
        ("serial_number", None, None): ("EX1", derived),
    }
    assert {r.absence for r in found.readings if r.value is None} == {ReadingAbsence.NOT_READ}


def test_a_line_that_is_no_object_is_refused_and_the_next_one_is_read(named):
    data = b'{"pack": {"u": 1\n[1]\n{"pack": {"u": NaN}}\n{"pack": {"u": 1000}}\n{}\n'
    broken, listed, not_a_number, good, empty = read_capture(data, find(named(JSON_MAP, "json")))
    assert [one.fault for one in (broken, listed, not_a_number)] == [
        Fault.DELIMITER,
        Fault.FOREIGN,
        Fault.DELIMITER,
    ]
    assert [r.value for r in good.readings] == [Decimal(1)]
    assert empty.readings == ()


CSV_MAP = """
delimiter = ";"
[time]
at = "Time"
form = "iso"
[[row]]
at = "U [mV]"
quantity = "voltage"
unit = "mV"
origin = "native"
[[row]]
at = "Cell {index}"
quantity = "cell_voltage"
"""


def test_a_table_says_what_its_map_finds_in_it(named):
    data = (
        b"Time;U [mV];Cell 1;Cell 2;Remark\n"
        b"2026-11-01T10:00:00+01:00;53123;3.32;;fine\n"
        b"2026-11-01T10:01:00;53124;3.321;3.322;no zone\n"
        b"2026-11-01T10:02:00Z;1;2\n"
    )
    first, second, short = read_capture(data, find(named(CSV_MAP, "csv")))
    assert first.at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert [(r.quantity, r.index, r.value) for r in first.readings] == [
        ("voltage", None, Decimal("53.123")),
        ("cell_voltage", 1, Decimal("3.32")),
        ("cell_voltage", 2, None),
    ]
    assert second.at is None, "a time without its zone is none"
    assert short.fault is Fault.LENGTH


def test_another_table_is_refused_at_its_head(named):
    (refused,) = read_capture(b"a;b\n1;2\n", find(named(CSV_MAP, "csv")))
    assert refused.fault is Fault.FOREIGN
    assert "U [mV]" in refused.expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"at least one \[\[row\]\]"),
        ("[[row]]\nat = 'u'\nquantity = 'voltage'", "a JSON pointer"),
        (
            "[[row]]\nat = '/u'\nquantity = 'volts'",
            "quantity: no quantity is called 'volts'",
        ),
        ("[[row]]\nat = '/u'\nquantity = 'voltage'\nunit = 'A'", "row 1: unit: "),
        ("[[row]]\nat = '/u'\nquantity = 'voltage'\nfactor = 2", "unknown key 'factor'"),
        ("[[row]]\nat = '/{i}/{i}'\nquantity = 'voltage'", "stands twice"),
        ("[[row]]\nat = '/u'\nquantity = 'event_count'", "event_count needs it"),
        ("[[row]]\nat = '/u'\nquantity = 'voltage'\norigin = 'felt'", "origin: expected one of"),
        ("[time]\nat = '/t'\nform = 'local'\n[[row]]\nat = '/u'\nquantity = 'voltage'", "a form of unix"),
        ("delimiter = ';'\n[[row]]\nat = '/u'\nquantity = 'voltage'", "unknown key 'delimiter'"),
        ("row = 3", r"at least one \[\[row\]\]"),
        ("row = [", "expected TOML"),
    ],
)
def test_a_map_that_is_none_is_refused_in_words(named, text, sentence):
    with pytest.raises(MapRefused, match=sentence):
        find(named(text, "json"))


DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["ts", "pack", "u", "i", "cells", "v", "flags", "uv", "s1"]), inner),
    ),
    max_leaves=20,
)


@settings(deadline=None, database=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(["ts", "pack", "cells", "strings", "flags", "id/sn"]), DOCUMENTS))
def test_any_message_gives_readings_or_a_refusal(tmp_path_factory, message):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(JSON_MAP)
    data = json.dumps(message).encode()
    for found in read_capture(data + b"\n" + data[: len(data) // 2], find(f"json:{path}")):
        assert isinstance(found, Decoded | Refused)
        for reading in getattr(found, "readings", ()):
            json.dumps(reading.to_wire())


# Topics

TOPICS = """
topic = "site/{site}/pack/{pack}/telemetry"
component = "module/{pack}"
[time]
at = "/t"
form = "unix"
[[row]]
at = "/u"
quantity = "voltage"
[[row]]
at = "/c/{index}"
quantity = "cell_voltage"
index_from = 0
[[row]]
topic = "site/{site}/pack/{pack}/cell/{index}/temperature"
at = ""
quantity = "cell_temperature"
[[row]]
topic = "site/{site}/pack/{pack}/serial"
at = ""
quantity = "serial_number"
component = "rack/{site}/module/{pack}"
"""


def read_message(protocol, topic, payload, **more):
    (said,) = protocol.reader().read(Message(topic, payload, **more))
    return said.at, [(r.quantity, r.index, r.component, r.value) for r in said.readings]


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        (
            "site/yard/pack/a1/telemetry",
            b'{"u": 51.2, "c": [3.2, 3.3]}',
            [
                ("voltage", None, "module/a1", Decimal("51.2")),
                ("cell_voltage", 1, "module/a1", Decimal("3.2")),
                ("cell_voltage", 2, "module/a1", Decimal("3.3")),
            ],
        ),
        (
            "site/yard/pack/2/cell/14/temperature",
            b"21.5",
            [("cell_temperature", 14, "module/2", Decimal("21.5"))],
        ),
        ("site/yard/pack/2/serial", b"EX-7", [("serial_number", None, "rack/yard/module/2", "EX-7")]),
        ("site/yard/pack/2/serial", b'"EX-7"', [("serial_number", None, "rack/yard/module/2", "EX-7")]),
    ],
)
def test_a_topic_names_the_part_and_what_stands_under_it(named, topic, payload, expected):
    assert read_message(find(named(TOPICS, "json")), topic, payload) == (None, expected)


@pytest.mark.parametrize(
    "topic",
    [
        "site/yard/pack/a1",
        "site/yard/pack/a1/telemetry/x",
        "Site/yard/pack/a1/telemetry",
        "site/yard/pack/a 1/telemetry",
        "site//pack/a1/telemetry",
        "site/yard/pack/a1/cell/x/temperature",
    ],
)
def test_a_topic_that_no_row_holds_for_is_refused(named, topic):
    with pytest.raises(Damage) as refused:
        find(named(TOPICS, "json")).reader().read(Message(topic, b'{"u": 1}'))
    assert refused.value.fault is Fault.TOPIC


def test_a_kept_message_is_read_only_with_its_own_time(named):
    protocol = find(named(TOPICS, "json"))
    topic = "site/yard/pack/a1/telemetry"
    with pytest.raises(Damage) as refused:
        protocol.reader().read(Message(topic, b'{"u": 51.2}', retained=True))
    assert refused.value.fault is Fault.UNDATED
    at, _ = read_message(protocol, topic, b'{"u": 51.2, "t": 1790000000}', retained=True)
    assert at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_a_recording_of_a_broker_is_read_with_its_topics(named):
    """As `mosquitto_sub -F %j` and `-F %J` write it."""
    lines = [
        '{"tst":"2026-11-20T12:00:00.250000Z+0000","topic":"site/y/pack/1/telemetry","payload":"{\\"u\\":51.25}"}',
        '{"tst":"2026-11-20T13:00:01.5+0100","topic":"site/y/pack/1/telemetry","retain":0,"payload":{"u":51.3}}',
        '{"tst":"2026-11-20T12:00:02+00:00","topic":"site/y/pack/1/telemetry","retain":1,"payload":{"u":1}}',
        '{"topic":"site/y/pack/1/telemetry","payload":{"u":51.4,"t":1790000000}}',
        '{"topic":"elsewhere","payload":{"u":1}}',
        '{"u": 51.2}',
    ]
    found = list(read_capture("\n".join(lines).encode(), find(named(TOPICS, "json"))))
    told = [(one.at, [r.value for r in one.readings]) for one in found if isinstance(one, Decoded)]
    assert told == [
        (datetime(2026, 11, 20, 12, 0, 0, 250_000, UTC), [Decimal("51.25")]),
        (datetime(2026, 11, 20, 12, 0, 1, 500_000, UTC), [Decimal("51.3")]),
        (None, [Decimal(1)]),
        (datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC), [Decimal("51.4")]),
    ]
    assert [one.fault for one in found if isinstance(one, Refused)] == [Fault.TOPIC, Fault.FOREIGN]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TOPICS.replace("{pack}/telemetry", "{site}/telemetry"), "a placeholder stands twice"),
        (TOPICS.replace("/telemetry", "/#/telemetry"), "with # only at its end"),
        (TOPICS.replace("/telemetry", "/a+"), "are whole levels"),
        (
            TOPICS.replace('component = "module/{pack}"', 'component = "module/{rack}"'),
            "{rack} stands neither",
        ),
        (TOPICS.replace('at = "/c/{index}"', 'at = "/c/{pack}"'), "{pack} stands in the topic and in at"),
        (TOPICS.replace('"site/{site}/pack/{pack}/telemetry"', "7"), "topic: expected a text"),
    ],
)
def test_a_wrong_topic_is_named(named, text, sentence):
    with pytest.raises(MapRefused, match=re.escape(sentence)):
        find(named(text, "json"))


def test_the_example_of_a_cloud_feed_reads_its_own_message():
    path = Path(__file__).parents[2] / "docs" / "maps" / "cloud-feed.example.toml"
    result = CliRunner().invoke(map_command, ["check", f"json:{path}"])
    assert (result.exit_code, result.output) == (0, "JSON messages: Invented cloud feed: can be used\n")
    message = path.read_text().splitlines()[1].removeprefix("# ").encode()
    at, said = read_message(find(f"json:{path}"), "cloud/yard/a1/telemetry", message)
    assert at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert said == [
        ("voltage", None, "module/a1", Decimal("51.234")),
        ("current", None, "module/a1", Decimal("12.5")),
        ("state_of_charge", None, "module/a1", Decimal("81.2")),
        ("bms_reported_health", None, "module/a1", Decimal(97)),
        ("cell_voltage", 1, "module/a1", Decimal("3.201")),
        ("cell_voltage", 2, "module/a1", Decimal("3.202")),
    ]
    status = read_message(find(f"json:{path}"), "cloud/yard/a1/status/cycles", b"412")
    assert status == (None, [("cycle_count", None, "module/a1", Decimal(412))])


@pytest.mark.parametrize(
    ("text", "status", "said"), [("[[row]]\n", 1, "row 1: at"), (None, 2, "cannot be read")]
)
def test_a_wrong_map_of_messages_is_told_with_its_status(tmp_path, text, status, said):
    path = tmp_path / "m.toml"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(map_command, ["check", f"json:{path}", "--json"])
    assert result.exit_code == status
    told = json.loads(result.output)
    assert said in (told["error"] if status == 2 else told["wrong"][0]["sentence"])


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40), st.binary(max_size=200), st.booleans())
def test_any_message_is_readings_or_a_typed_refusal(topic, payload, retained):
    with TemporaryDirectory() as folder:
        (Path(folder) / "m.toml").write_text(TOPICS + TOPICS[TOPICS.index("[[row]]") :].replace("site/", ""))
        reader = find(f"json:{folder}/m.toml").reader()
    for one in (topic, "pack/{}/serial", "site/y/pack/1/telemetry", "site/y/pack/1/serial"):
        with contextlib.suppress(Damage):
            reader.read(Message(one, payload, retained=retained))
