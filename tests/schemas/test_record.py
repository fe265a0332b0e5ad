"""Stated values and records: a value goes to the wire and comes back the same, for every row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.disclosure import may_see, visible
from schemas.attributes import circularity, dynamic, general, labels, performance
from schemas.record import Record, Stated, stated_from_wire
from schemas.registry import REGISTRY, REGISTRY_VERSION, by_record
from schemas.terms import Absent, Audience, BatteryStatus, RecordKind, Source, Unit
from schemas.values import Kind, YearMonth, utc_text

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
fast = settings(max_examples=60, deadline=None, database=None)

decimals = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20"), places=9
) | st.integers(-(10**12), 10**12).map(lambda n: Decimal(n).scaleb(-3))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)

ENTRIES = {
    Kind.NUMBER: decimals,
    Kind.INTEGER: st.integers(-(2**53) + 1, 2**53 - 1),
    Kind.TEXT: texts,
    Kind.URI: texts,
    Kind.DOCUMENT: texts,
    Kind.DATE: st.dates(),
    Kind.YEAR_MONTH: st.builds(YearMonth, st.integers(1900, 2200), st.integers(1, 12)),
    Kind.DATETIME: moments,
    Kind.DURATION_MONTHS: st.integers(1, 1200),
    Kind.FLAG: st.booleans(),
    Kind.STRUCTURE: st.dictionaries(texts, plain, max_size=3),
}


def values_of(row):
    if row.value.kind is Kind.ENUMERATION:
        entry = st.sampled_from([row.value.words(m) if row.value.words else m for m in row.value.members])
    else:
        entry = ENTRIES[row.value.kind]
    return st.lists(entry, max_size=4).map(tuple) if row.value.many else entry


@st.composite
def stated_of_some_row(draw):
    row = draw(st.sampled_from(list(REGISTRY.values())))
    value = draw(values_of(row))
    as_of = draw(st.none() | moments)
    method = draw(st.none() | texts)
    source = draw(st.sampled_from(Source))
    return row, Stated.of(row, value, source=source, as_of=as_of, method=method)


@given(stated_of_some_row())
@fast
def test_a_stated_value_read_back_is_the_stated_value_written(pair):
    row, stated = pair
    assert stated_from_wire(row, stated.to_wire(row)) == stated


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | decimals | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(["value", "unit", "as_of", "source", "method", "absent", "other"])
known_words = st.sampled_from(
    ["declared", "Ah", "%", "2026-11-20T12:00:00Z", "12.5", "not_provided", "2027-01"]
)


@given(
    st.sampled_from(list(REGISTRY.values())),
    json_values | st.dictionaries(members, json_values | known_words, max_size=5),
)
@settings(max_examples=300, deadline=None, database=None)
def test_any_json_is_read_as_a_stated_value_or_refused_with_the_name_of_the_attribute(row, wire):
    try:
        stated = stated_from_wire(row, wire)
    except ValueError as told:
        sentence = str(told)
    else:
        assert isinstance(stated.to_wire(row), dict)
        sentence = f"{row.id}: "
    assert sentence.startswith(f"{row.id}: ")


@given(decimals)
@fast
def test_a_decimal_is_never_changed_on_the_wire(number):
    stated = Stated.of(performance.rated_capacity, number, source=Source.DECLARED)
    wire = stated.to_wire(performance.rated_capacity)
    assert wire["value"] == format(number, "f")
    back = stated_from_wire(performance.rated_capacity, wire).value
    assert back == number
    assert str(format(back, "f")) == wire["value"]


def test_trailing_zeros_of_a_decimal_stay():
    stated = Stated.of(performance.rated_capacity, Decimal("102.00"), source=Source.DECLARED)
    assert stated.to_wire(performance.rated_capacity)["value"] == "102.00"


def test_the_wire_form_of_the_contract():
    stated = Stated.of(performance.rated_capacity, Decimal(102), source=Source.DECLARED, as_of=NOON)
    assert stated.to_wire(performance.rated_capacity) == {
        "value": "102",
        "unit": "Ah",
        "as_of": "2026-11-20T12:00:00Z",
        "source": "declared",
    }
    assert Stated.missing(Absent.NOT_PROVIDED).to_wire(performance.rated_capacity) == {
        "absent": "not_provided"
    }


def test_an_attribute_without_unit_has_none_on_the_wire():
    stated = Stated.of(general.battery_status, BatteryStatus.RE_USED, source=Source.DECLARED)
    assert stated.to_wire(general.battery_status) == {"value": "re-used", "source": "declared"}


@pytest.mark.parametrize(
    ("row", "value", "wire"),
    [
        (general.manufacturing_date, YearMonth(2026, 11), "2026-11"),
        (general.placed_on_market_date, date(2027, 3, 1), "2027-03-01"),
        (general.dpp_issued_at, NOON, "2026-11-20T12:00:00Z"),
        (general.warranty_period, 96, 96),
        (labels.cadmium_lead_symbols, (), []),
        (dynamic.negative_events, ({"type": "deep_discharge", "depth": Decimal("2.10")},), None),
        (circularity.dismantling_cell_layout, {"in_series": 16}, {"in_series": 16}),
    ],
    ids=["month", "day", "time", "months", "empty list", "nested", "structure"],
)
def test_spellings_on_the_wire(row, value, wire):
    got = Stated.of(row, value, source=Source.DECLARED).to_wire(row)["value"]
    assert got == (wire if wire is not None else [{"type": "deep_discharge", "depth": "2.10"}])


@pytest.mark.parametrize(
    ("row", "value", "error"),
    [
        (performance.rated_capacity, 102.0, "expected Decimal for number, got float"),
        (performance.rated_capacity, 102, "expected Decimal for number, got int"),
        (performance.rated_capacity, "102", "expected Decimal for number, got str"),
        (performance.expected_lifetime_cycles, True, "expected int for integer, got bool"),
        (general.placed_on_market_date, NOON, "expected a date without a time"),
        (dynamic.negative_events, ({"depth": 2.1},), "binary float"),
        (labels.test_reports, "https://x.example", "expected a list of document, got str"),
    ],
    ids=["float", "int for a decimal", "text", "bool", "time for a day", "nested float", "text for a list"],
)
def test_a_value_of_another_type_is_a_callers_mistake(row, value, error):
    with pytest.raises(TypeError, match=error):
        Stated.of(row, value, source=Source.DECLARED)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_number_that_is_not_finite_is_refused(text):
    with pytest.raises(ValueError, match="finite"):
        Stated.of(performance.rated_capacity, Decimal(text), source=Source.DECLARED)


def test_a_value_and_an_absence_exclude_each_other():
    with pytest.raises(ValueError, match="either a value or the reason"):
        Stated(Decimal(1), source=Source.DECLARED, absent=Absent.NOT_PROVIDED)
    with pytest.raises(ValueError, match="either a value or the reason"):
        Stated(None)
    with pytest.raises(ValueError, match="says where it comes from"):
        Stated(Decimal(1))
    with pytest.raises(ValueError, match="an absence has no unit"):
        Stated(None, unit=Unit.VOLT, absent=Absent.NOT_PROVIDED)


def test_zero_and_no_are_values():
    zero = Stated.of(dynamic.capacity_fade, Decimal(0), source=Source.COMPUTED)
    assert zero.value == 0
    assert zero.to_wire(dynamic.capacity_fade)["value"] == "0"


def test_a_time_without_zone_is_refused():
    naive = datetime(2026, 11, 20, 12, 0)
    with pytest.raises(ValueError, match="zone"):
        Stated.of(performance.rated_capacity, Decimal(1), source=Source.DECLARED, as_of=naive)


def test_times_are_stored_in_utc():
    paris = timezone(timedelta(hours=1))
    at = datetime(2026, 11, 20, 13, 0, tzinfo=paris)
    stated = Stated.of(performance.rated_capacity, Decimal(1), source=Source.DECLARED, as_of=at)
    assert stated.to_wire(performance.rated_capacity)["as_of"] == "2026-11-20T12:00:00Z"


def test_a_fraction_of_a_second_appears_where_there_is_one():
    assert utc_text(NOON.replace(microsecond=250_000)) == "2026-11-20T12:00:00.250Z"
    assert utc_text(NOON.replace(microsecond=1)) == "2026-11-20T12:00:00.000001Z"


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        ({}, "expected value and source"),
        ({"value": "1", "unit": "Ah"}, "expected value and source"),
        ({"value": "1", "source": "declared"}, "expected Ah, got no unit"),
        ({"value": "1", "unit": "V", "source": "declared"}, "expected Ah, got V"),
        ({"value": 1, "unit": "Ah", "source": "declared"}, "expected text for number"),
        ({"value": "1e3", "unit": "Ah", "source": "declared"}, "plain decimal"),
        ({"value": "١٢", "unit": "Ah", "source": "declared"}, "plain decimal"),
        ({"value": "1", "unit": "Ah", "source": "rumour"}, "rumour"),
        ({"value": "1", "unit": "Ah", "source": "declared", "colour": "red"}, "unknown members colour"),
        ({"absent": "not_provided", "value": "1"}, "an absence stands alone"),
        ({"absent": "lost"}, "lost"),
        ({"absent": ["not_provided"]}, "expected text in absent, got list"),
        ([], "expected an object, got list"),
        (None, "expected an object, got NoneType"),
        ({"value": "1", "unit": ["Ah"], "source": "declared"}, "expected text in unit"),
        ({"value": "1", "unit": "Ah", "source": "declared", "as_of": 5}, "expected text in as_of"),
        ({"value": "1", "unit": "Ah", "source": "declared", "method": 5}, "expected text in method"),
        ({"value": "1", "unit": "Ah", "source": "declared", "as_of": "2026-11-20T12:00:00"}, "zone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wire_form_that_is_not_ours_is_refused(wire, sentence):
    with pytest.raises(ValueError, match=sentence):
        stated_from_wire(performance.rated_capacity, wire)


def test_a_record_says_something_of_every_row_of_its_kind():
    stated = Stated.of(performance.rated_capacity, Decimal(102), source=Source.DECLARED)
    record = Record.filled(RecordKind.PASSPORT, {"rated_capacity": stated})
    assert list(record.values) == [row.id for row in by_record(RecordKind.PASSPORT)]
    assert record.get(performance.rated_capacity) is stated
    assert record.get(general.operator_name) == Stated.missing(Absent.NOT_PROVIDED)
    assert record.get(dynamic.state_of_charge) is None  # lives elsewhere
    assert record.to_wire()["rated_capacity"] == {"value": "102", "unit": "Ah", "source": "declared"}
    assert record.to_wire()["operator_name"] == {"absent": "not_provided"}


def test_a_record_can_name_another_absence_row_by_row():
    record = Record.filled(
        RecordKind.CONDITION,
        {},
        lambda row: Absent.NOT_APPLICABLE if row.id == "state_of_certified_energy" else Absent.NOT_PROVIDED,
    )
    assert record.get(dynamic.state_of_certified_energy) == Stated.missing(Absent.NOT_APPLICABLE)
    assert record.get(dynamic.remaining_capacity) == Stated.missing(Absent.NOT_PROVIDED)


def test_a_record_that_leaves_a_row_out_or_holds_a_stranger_is_refused():
    with pytest.raises(ValueError, match="nothing said of"):
        Record(RecordKind.ASSESSMENT, REGISTRY_VERSION, {})
    with pytest.raises(ValueError, match="does not hold rated_capacity"):
        Record.filled(RecordKind.CONDITION, {"rated_capacity": Stated.missing(Absent.NOT_PROVIDED)})
    full = Record.filled(RecordKind.ASSESSMENT, {}).values
    with pytest.raises(ValueError, match="does not hold nonsense"):
        Record(
            RecordKind.ASSESSMENT, REGISTRY_VERSION, {**full, "nonsense": Stated.missing(Absent.NOT_PROVIDED)}
        )


def test_a_record_of_an_older_registry_is_taken_as_it_was():
    record = Record(RecordKind.PASSPORT, "2025.01", {})
    assert record.get(performance.rated_capacity) is None


@given(st.sampled_from(Audience), st.sampled_from(RecordKind))
@fast
def test_what_an_audience_sees_of_a_record_holds_no_class_it_lacks(audience, kind):
    shown = {name for name in Record.filled(kind, {}).values if name in visible(audience)}
    for name in shown:
        assert may_see(audience, REGISTRY[name].disclosure)


def test_other_words_for_some_rows_leave_the_rest_of_a_record_as_it_is():
    blank = Record.filled(RecordKind.CONDITION, {})
    told = Stated.of(REGISTRY["full_cycles"], Decimal("1.250"), source=Source.COMPUTED)
    record = blank.stating({"full_cycles": told})
    assert list(record.values) == list(blank.values)
    assert record.values["full_cycles"] is told
    assert {name for name, one in record.values.items() if one.absent is None} == {"full_cycles"}
    with pytest.raises(ValueError, match="condition record: does not hold rated_capacity"):
        blank.stating({"rated_capacity": told})
