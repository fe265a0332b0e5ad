"""`json:MAP.toml` and `csv:MAP.toml`."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.captures import Decoded, read_capture
from ingest.errors import MapRefused
from ingest.protocol import Fault, Refused, find
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
        ("[[row]]\nat = '/u'\nquantity = 'volts'", "quantity: expected one of"),
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
