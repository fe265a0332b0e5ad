"""`sparkplug:MAP.toml`: payloads written by Google's protobuf, sessions by hand, and a real broker."""

import contextlib
import json
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.captures import Decoded, read_capture
from ingest.errors import MapRefused
from ingest.protocol import Damage, Fault, Refused, find
from ingest.protocols.sparkplug import recorded
from ingest.records import Message
from ingest.sparkplug_payload import Metric, read_payload
from ingest.transports.address import parse_address
from ingest.transports.mqtt import MqttFeed
from schemas.terms import ReadingAbsence
from tests.broker import broker, needs_broker
from tests.ingest.test_ingest_command import House, know, run

MAP = """
title = "example plant"
component = "module/{device}"
[[row]]
at = "Pack/Voltage"
quantity = "voltage"
origin = "native"
[[row]]
at = "Pack/Current"
quantity = "current"
negate = true
[[row]]
at = "Cells/{index}/mV"
quantity = "cell_voltage"
unit = "mV"
index_from = 0
[[row]]
at = "Pack/Serial"
quantity = "serial_number"
[[row]]
at = "Pack/Charging"
quantity = "charging"
[[row]]
at = "Pack/Trip"
quantity = "alarm"
value = "cell_under_voltage"
"""
MS = 1_790_000_000_000
NOON = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
INT32, INT64, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING = 3, 4, 8, 9, 10, 11, 12


@cache
def sparkplug():
    """The message class of the specification, from its field numbers: another program's word."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {
        "uint64": field.TYPE_UINT64,
        "uint32": field.TYPE_UINT32,
        "bool": field.TYPE_BOOL,
        "float": field.TYPE_FLOAT,
        "double": field.TYPE_DOUBLE,
        "string": field.TYPE_STRING,
        "bytes": field.TYPE_BYTES,
    }
    messages = {
        "Value": [("type", 1, "uint32"), ("int_value", 3, "uint32"), ("string_value", 8, "string")],
        "Properties": [("keys", 1, "string*"), ("values", 2, "Value*")],
        "Metric": [
            ("name", 1, "string"),
            ("alias", 2, "uint64"),
            ("timestamp", 3, "uint64"),
            ("datatype", 4, "uint32"),
            ("is_historical", 5, "bool"),
            ("is_transient", 6, "bool"),
            ("is_null", 7, "bool"),
            ("properties", 9, "Properties"),
            ("int_value", 10, "uint32"),
            ("long_value", 11, "uint64"),
            ("float_value", 12, "float"),
            ("double_value", 13, "double"),
            ("boolean_value", 14, "bool"),
            ("string_value", 15, "string"),
            ("bytes_value", 16, "bytes"),
        ],
        "Payload": [
            ("timestamp", 1, "uint64"),
            ("metrics", 2, "Metric*"),
            ("seq", 3, "uint64"),
            ("uuid", 4, "string"),
            ("body", 5, "bytes"),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="example", syntax="proto2")
    for name, fields in messages.items():
        made = file.message_type.add(name=name)
        for own, number, kind in fields:
            plain = kind.removesuffix("*")
            one = made.field.add(name=own, number=number)
            one.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
            if plain in kinds:
                one.type = kinds[plain]
            else:
                one.type, one.type_name = field.TYPE_MESSAGE, f".example.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("example.Payload"))


def payload(*metrics, seq=None, at=MS) -> bytes:
    made = sparkplug()()
    if at is not None:
        made.timestamp = at
    if seq is not None:
        made.seq = seq
    for metric in metrics:
        one = made.metrics.add()
        quality = metric.pop("quality", None)
        for key, value in metric.items():
            setattr(one, key, value)
        if quality is not None:
            one.properties.keys.append("Quality")
            one.properties.values.add(type=3, int_value=quality)
    return made.SerializeToString()


def topic(kind, device=None, node="gw", group="plant"):
    return f"spBv1.0/{group}/{kind}/{node}" + (f"/{device}" if device else "")


def nbirth(seq=0, bd_seq=7, *more, at=MS):
    return topic("NBIRTH"), payload({"name": "bdSeq", "long_value": bd_seq}, *more, seq=seq, at=at)


VOLTAGE = {"name": "Pack/Voltage", "alias": 1, "datatype": FLOAT, "float_value": 51.2}
CURRENT = {"name": "Pack/Current", "alias": 2, "datatype": DOUBLE, "double_value": -12.5}
CELL = {"name": "Cells/0/mV", "alias": 3, "datatype": INT32, "int_value": 3201}


def dbirth(seq=1, device="a1", *, metrics=(VOLTAGE, CURRENT, CELL), at=MS):
    return topic("DBIRTH", device), payload(*(dict(one) for one in metrics), seq=seq, at=at)


def ddata(seq, *metrics, device="a1", at=MS + 1000):
    return topic("DDATA", device), payload(*metrics, seq=seq, at=at)


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    return find(f"sparkplug:{tmp_path / 'map.toml'}")


def told(found):
    return [
        (one.at, one.late, [(r.quantity, r.index, r.component, r.value, r.doubts) for r in one.readings])
        for one in found
    ]


def test_births_name_what_data_send_by_alias(protocol):
    reader = protocol.reader()
    assert told(reader.read(Message(*nbirth()))) == []
    assert told(reader.read(Message(*dbirth()))) == [
        (
            NOON,
            False,
            [
                ("voltage", None, "module/a1", Decimal("51.2"), ()),
                ("current", None, "module/a1", Decimal("12.5"), ()),
                ("cell_voltage", 1, "module/a1", Decimal("3.201"), ()),
            ],
        )
    ]
    data = ddata(2, {"alias": 1, "float_value": 51.1}, {"alias": 3, "int_value": 3199, "timestamp": MS + 900})
    assert told(reader.read(Message(*data))) == [
        (
            NOON + timedelta(milliseconds=900),
            False,
            [("cell_voltage", 1, "module/a1", Decimal("3.199"), ())],
        ),
        (NOON + timedelta(seconds=1), False, [("voltage", None, "module/a1", Decimal("51.1"), ())]),
    ]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([ddata(1, {"name": "Pack/Voltage", "double_value": 1.0})], "NBIRTH of gw before"),
        ([dbirth()], "NBIRTH of gw before"),
        ([nbirth(), ddata(1, {"alias": 1, "float_value": 1.0})], "DBIRTH of a1 before"),
        ([nbirth(), dbirth(), ddata(2, {"alias": 9, "float_value": 1.0})], "metrics that the birth declared"),
        (
            [nbirth(), dbirth(), ddata(2, {"name": "New", "float_value": 1.0})],
            "metrics that the birth declared",
        ),
        (
            [nbirth(), dbirth(), dbirth(2, "b2"), ddata(3, {"alias": 1, "float_value": 1.0})],
            "metrics that the birth declared",  # a node gives each alias once: it is b2's now
        ),
        (
            [nbirth(), dbirth(), nbirth(bd_seq=8), ddata(1, {"alias": 1, "float_value": 1.0})],
            "DBIRTH of a1 before",
        ),
    ],
)
def test_data_without_their_birth_are_refused(protocol, messages, expected):
    reader = protocol.reader()
    *before, last = [Message(*one) for one in messages]
    for one in before:
        reader.read(one)
    with pytest.raises(Damage) as refused:
        reader.read(last)
    assert refused.value.fault is Fault.UNBORN
    assert expected in str(refused.value)


def test_a_gap_is_doubted_until_the_next_birth_where_only_the_alias_names_the_metric(protocol):
    reader = protocol.reader()
    for one in (nbirth(), dbirth(), ddata(2, {"alias": 1, "float_value": 51.0})):
        reader.read(Message(*one))

    def doubts(seq, metric):
        (found,) = reader.read(Message(*ddata(seq, metric)))
        return [reading.doubts for reading in found.readings]

    assert doubts(4, {"name": "Pack/Voltage", "float_value": 51.0}) == [("messages_lost",)]
    assert doubts(5, {"name": "Pack/Voltage", "float_value": 51.0}) == [()]
    assert doubts(6, {"alias": 1, "float_value": 51.0}) == [("messages_lost",)]
    (birth,) = reader.read(Message(*dbirth(7)))
    assert [reading.doubts for reading in birth.readings] == [(), (), ()]
    assert doubts(8, {"alias": 1, "float_value": 51.0}) == [()]


def test_the_sequence_goes_round_after_255(protocol):
    reader = protocol.reader()
    for one in (nbirth(254), dbirth(255), ddata(0, {"alias": 1, "float_value": 51.0})):
        found = reader.read(Message(*one))
    assert found[0].readings[0].doubts == ()


def test_a_death_ends_what_its_own_birth_began(protocol):
    reader = protocol.reader()
    for one in (nbirth(bd_seq=7), dbirth()):
        reader.read(Message(*one))
    old = topic("NDEATH"), payload({"name": "bdSeq", "long_value": 6}, at=None)
    assert (reader.read(Message(*old)), reader.ended()) == ([], [])
    reader.read(Message(*ddata(2, {"alias": 1, "float_value": 51.0})))
    own = topic("NDEATH"), payload({"name": "bdSeq", "long_value": 7}, at=None)
    assert reader.read(Message(*own)) == []
    (end,) = reader.ended()
    assert (end.component, end.sentence) == (
        "module/a1",
        "plant/gw/a1 ended (NDEATH): what module/a1 said holds no longer",
    )
    with pytest.raises(Damage, match="NBIRTH of gw before"):
        reader.read(Message(*ddata(3, {"alias": 1, "float_value": 51.0})))


def test_the_death_of_a_device_leaves_the_others(protocol):
    reader = protocol.reader()
    other = [{**VOLTAGE, "alias": 11}]
    for one in (nbirth(), dbirth(), dbirth(2, "b2", metrics=other)):
        reader.read(Message(*one))
    reader.read(Message(topic("DDEATH", "a1"), payload(seq=3)))
    assert [end.component for end in reader.ended()] == ["module/a1"]
    with pytest.raises(Damage, match="DBIRTH of a1 before"):
        reader.read(Message(*ddata(4, {"alias": 1, "float_value": 51.0})))
    assert reader.read(Message(*ddata(5, {"alias": 11, "float_value": 51.0}, device="b2")))


def test_what_was_kept_stands_at_its_own_time_and_is_late(protocol):
    reader = protocol.reader()
    for one in (nbirth(), dbirth()):
        reader.read(Message(*one))
    hours = [
        {"alias": 1, "float_value": 50.0 + n, "timestamp": MS - n * 3_600_000, "is_historical": True}
        for n in (2, 1)
    ]
    found = reader.read(Message(*ddata(2, {"alias": 1, "float_value": 51.0}, *hours)))
    assert [(one.at, one.late, str(one.readings[0].value)) for one in found] == [
        (NOON - timedelta(hours=2), True, "52"),
        (NOON - timedelta(hours=1), True, "51"),
        (NOON + timedelta(seconds=1), False, "51"),
    ]
    with pytest.raises(Damage) as refused:
        reader.read(Message(*ddata(3, {"alias": 1, "float_value": 1.0, "is_historical": True})))
    assert refused.value.fault is Fault.UNDATED


def test_null_is_absent_and_bad_quality_is_doubted(protocol):
    reader = protocol.reader()
    for one in (nbirth(), dbirth()):
        reader.read(Message(*one))
    (found,) = reader.read(
        Message(
            *ddata(
                2,
                {"alias": 1, "is_null": True},
                {"alias": 2, "double_value": 1.0, "quality": 0},
                {"alias": 3, "int_value": 3200, "quality": 192},
            )
        )
    )
    assert [(r.value, r.absence, r.doubts) for r in found.readings] == [
        (None, ReadingAbsence.NOT_READ, ()),
        (Decimal(-1), None, ("not_valid",)),
        (Decimal("3.2"), None, ()),
    ]


@pytest.mark.parametrize(
    ("datatype", "sent", "expected"),
    [
        (1, {"int_value": 0xFF}, Decimal(-1)),
        (1, {"int_value": 0xFFFFFFFF}, Decimal(-1)),
        (2, {"int_value": 0x8000}, Decimal(-32768)),
        (3, {"int_value": 0xFFFFFFFE}, Decimal(-2)),
        (4, {"long_value": 2**64 - 5}, Decimal(-5)),
        (5, {"int_value": 200}, Decimal(200)),
        (7, {"int_value": 2**32 - 1}, Decimal(2**32 - 1)),
        (7, {"long_value": 2**32 - 1}, Decimal(2**32 - 1)),
        (8, {"long_value": 2**64 - 1}, Decimal(2**64 - 1)),
        (9, {"float_value": 3.2009999752044678}, Decimal("3.201")),
        (10, {"double_value": 3.2009999752044678}, Decimal("3.2009999752044678")),
        (9, {"float_value": float("nan")}, None),
        (10, {"double_value": float("-inf")}, None),
        (11, {"boolean_value": True}, True),
        (11, {"int_value": 0}, False),
        (12, {"string_value": "EX-7"}, "EX-7"),
        (14, {"string_value": "EX-7"}, "EX-7"),
        (16, {"bytes_value": b"1"}, None),
        (17, {"bytes_value": b"1"}, None),
        (99, {"int_value": 1}, None),
        (None, {"int_value": 7}, Decimal(7)),
        (9, {"float_value": 1.0, "is_null": True}, None),
    ],
)
def test_a_value_is_what_its_type_says(datatype, sent, expected):
    (metric,) = read_payload(payload({"name": "x", **sent})).metrics
    assert metric.value(datatype) == expected


def test_a_topic_that_is_none_of_sparkplug_is_refused_and_commands_of_others_say_nothing(protocol):
    reader = protocol.reader()
    for text in (
        "plant/gw",
        "spBv1.0/plant/NDATA",
        "spBv1.0/plant/NDATA/gw/a1",
        "spBv1.0/plant/DDATA/gw",
        "",
    ):
        with pytest.raises(Damage) as refused:
            reader.read(Message(text, payload()))
        assert refused.value.fault is Fault.TOPIC
    assert reader.read(Message("spBv1.0/STATE/host", b"{}")) == []
    assert reader.read(Message(topic("NCMD"), b"\xff")) == []


def test_a_restarted_reader_knows_the_births_and_the_count(protocol):
    first = protocol.reader()
    noted = {}
    for one in (
        nbirth(),
        dbirth(),
        dbirth(2, "b2", metrics=[{**VOLTAGE, "alias": 11}]),
        (topic("DDEATH", "b2"), payload(seq=3)),
        ddata(4, {"alias": 1, "float_value": 51.0}),
    ):
        first.read(Message(*one))
        noted.update(first.noted())
    second = protocol.reader()
    second.recall({name: data for name, data in noted.items() if data})
    (found,) = second.read(Message(*ddata(5, {"alias": 1, "float_value": 50.5})))
    assert [(r.value, r.doubts) for r in found.readings] == [(Decimal("50.5"), ())]
    with pytest.raises(Damage, match="DBIRTH of b2 before"):
        second.read(Message(*ddata(6, {"alias": 11, "float_value": 1.0}, device="b2")))
    third = protocol.reader()
    third.recall({name: data for name, data in noted.items() if data})
    (found,) = third.read(Message(*ddata(9, {"alias": 1, "float_value": 50.5})))
    assert found.readings[0].doubts == ("messages_lost",)


def test_a_recording_is_read_moment_by_moment(protocol):
    late = {"alias": 1, "float_value": 50.0, "timestamp": MS - 1000, "is_historical": True}
    messages = [
        ddata(9, {"alias": 1, "float_value": 1.0}),
        nbirth(),
        dbirth(),
        ddata(2, {"alias": 1, "float_value": 51.0}, late),
    ]
    lines = [recorded(*one) for one in messages] + [b'{"topic": "x", "hex": "0g"}']
    found = list(read_capture(b"\n".join(lines), protocol))
    assert [one.fault for one in found if isinstance(one, Refused)] == [Fault.UNBORN, Fault.FOREIGN]
    rows = [(one.at, [str(r.value) for r in one.readings]) for one in found if isinstance(one, Decoded)]
    assert rows == [
        (None, []),
        (NOON, ["51.2", "12.5", "3.201"]),
        (NOON - timedelta(seconds=1), ["50"]),
        (NOON + timedelta(seconds=1), ["51"]),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MAP.replace("module/{device}", "module/{pack}"), "{pack} stands neither in at nor in the topic"),
        (MAP + '[time]\nat = "x"\nform = "iso"\n', "unknown key 'time'"),
        (MAP.replace('"voltage"', '"volts"'), "row 1: quantity"),
    ],
)
def test_a_wrong_map_is_told(tmp_path, text, sentence):
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(MapRefused) as refused:
        find(f"sparkplug:{tmp_path / 'map.toml'}")
    assert sentence in str(refused.value)


def test_a_topic_of_the_map_names_what_a_device_is_called(tmp_path):
    text = MAP.replace(
        'component = "module/{device}"', 'topic = "{site}/+/Pack {pack}"\ncomponent = "module/{pack}"'
    )
    (tmp_path / "map.toml").write_text(text)
    reader = find(f"sparkplug:{tmp_path / 'map.toml'}").reader()
    reader.read(Message(*nbirth()))
    (found,) = reader.read(Message(*dbirth(device="Pack 3")))
    assert {reading.component for reading in found.readings} == {"module/3"}
    assert reader.read(Message(*dbirth(2, device="Meter"))) == []


# Any bytes


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_payload_or_a_typed_refusal(data):
    with contextlib.suppress(Damage):
        for metric in read_payload(data).metrics:
            for datatype in (None, *range(20)):
                assert isinstance(metric.value(datatype), Decimal | bool | str | None)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_payload_is_a_payload_or_a_typed_refusal(place, byte):
    data = bytearray(dbirth()[1])
    data[place % len(data)] = byte
    with contextlib.suppress(Damage):
        read_payload(bytes(data))
    with contextlib.suppress(Damage):
        read_payload(bytes(data[: place % len(data)]))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.text(max_size=20),
                "alias": st.integers(0, 2**64 - 1),
                "timestamp": st.integers(0, 2**64 - 1),
                "datatype": st.integers(0, 40),
                "is_historical": st.booleans(),
                "long_value": st.integers(0, 2**64 - 1),
            }
        ),
        max_size=5,
    ),
    st.integers(0, 255),
)
def test_what_protobuf_writes_is_read_back(metrics, seq):
    found = read_payload(payload(*(dict(one) for one in metrics), seq=seq))
    assert (found.timestamp_ms, found.seq) == (MS, seq)
    assert found.metrics == tuple(
        Metric(
            one["name"],
            one["alias"],
            one["timestamp"],
            one["datatype"],
            one["is_historical"],
            False,
            one["long_value"],
            None,
        )
        for one in metrics
    )


def test_numbers_that_never_end_are_refused():
    for data in (
        b"\x08" + b"\xff" * 11,
        b"\x12\xff\xff\xff\xff\x0f",
        b"\x0b",
        b"\x00\x01",
        struct.pack("<BI", 0x65, 1),
    ):
        with pytest.raises(Damage):
            read_payload(data + b"\x12")


# A real broker


@needs_broker
def test_a_node_at_a_broker_is_stored_and_known_after_a_restart(tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    house = House(tmp_path)
    know(house, "B1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    with broker(tmp_path / "broker") as served:
        where = f"mqtt:127.0.0.1:{served.port}/spBv1.0/plant/#"
        words = ["--protocol", f"sparkplug:{tmp_path / 'map.toml'}", "--source", "plant", "--json"]
        MqttFeed(parse_address(where), "plant").close()
        hour = {"alias": 1, "float_value": 49.0, "timestamp": now - 3_600_000, "is_historical": True}
        served.publish(
            [
                ddata(1, {"alias": 1, "float_value": 1.0}),
                nbirth(at=now - 3000),
                dbirth(at=now - 2000),
                ddata(2, {"alias": 1, "float_value": 51.0}, hour, at=now - 1000),
            ]
        )
        result = run(house, where, *words, "--bind", "module/a1=B1", "--count", "4")
        assert result.exit_code == 0, result.output
        first = json.loads(result.stdout.splitlines()[-1])
        assert first["frames"] == {"read": 2, "empty": 1, "refused": {"before_birth": 1}}
        assert house.values("B1", "voltage") == ["49.000", "51.200", "51.000"]
        death = topic("NDEATH"), payload({"name": "bdSeq", "long_value": 7}, at=None)
        served.publish([ddata(3, {"alias": 1, "float_value": 50.5}, at=now), death])
        result = run(house, where, *words, "--count", "2")
        assert result.exit_code == 0, result.output
        second = json.loads(result.stdout.splitlines()[-1])
        assert house.values("B1", "voltage") == ["49.000", "51.200", "51.000", "50.500"]
        assert [(one["code"], one["component"]) for one in second["findings"]] == [("stale", "module/a1")]
        # Nothing was published by us: the broker saw the test's own messages alone.
        assert served.log().count("Received PUBLISH") == 6
    house.engine.dispose()
