"""Stated values as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport.documents import values
from passport.documents.values import MINUS, NO_BREAK, THIN_NO_BREAK, shown
from schemas.registry import REGISTRY
from schemas.terms import Absent, Unit


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0", "0"),
        ("-0.5", MINUS + "0.5"),
        ("1234", "1234"),
        ("12345", f"12{THIN_NO_BREAK}345"),
        ("-1234567.8910", f"{MINUS}1{THIN_NO_BREAK}234{THIN_NO_BREAK}567.8910"),
        ("100", "100"),
    ],
)
def test_numbers_keep_every_digit_that_was_signed(text: str, printed: str) -> None:
    assert values.number_text(text) == printed


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "", "-", "1.", "0x10", "１２３４５"])
def test_what_is_no_plain_decimal_is_left_as_it_is(text: str) -> None:
    assert values.number_text(text) == text


@pytest.mark.parametrize(
    ("unit", "printed"),
    [
        (Unit.AMPERE_HOUR, "102" + NO_BREAK + "Ah"),
        (Unit.PERCENT, "102" + NO_BREAK + "%"),
        (Unit.CELSIUS, "102" + NO_BREAK + "°C"),
        (Unit.ONE, "102"),
        (Unit.YEAR, "102" + NO_BREAK + "years"),
        (Unit.PERCENT_BY_MASS, "102" + NO_BREAK + "%" + NO_BREAK + "by mass"),
        (Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR, "102" + NO_BREAK + "kg" + NO_BREAK + "CO₂e/kWh"),
    ],
)
def test_a_unit_never_parts_from_its_number(unit: Unit, printed: str) -> None:
    assert values.quantity("102", unit) == printed


def test_no_unit_stands_behind_a_breakable_blank() -> None:
    for unit in Unit:
        printed = values.quantity("5", unit)
        assert printed == "5" or printed.startswith("5" + NO_BREAK)


def test_a_range_is_printed_from_low_to_high() -> None:
    assert values.interval("60", "-20", Unit.CELSIUS) == f"{MINUS}20 to 60{NO_BREAK}°C"


def test_a_value_with_unit_day_and_source() -> None:
    wire = {"value": "102", "unit": "Ah", "as_of": "2026-11-20T23:59:59Z", "source": "bms_reported"}
    found = shown(REGISTRY["rated_capacity"], wire)
    assert found.lines == (f"102{NO_BREAK}Ah",)
    assert (found.as_of, found.as_of_machine) == (
        f"20{NO_BREAK}November 2026",
        "2026-11-20T23:59:59Z",
    )
    assert found.source == "reported by the BMS"
    assert found.given


def test_a_time_in_another_zone_is_shown_in_utc() -> None:
    assert values.day_text("2026-11-21T00:30:00+02:00") == f"20{NO_BREAK}November 2026"


@pytest.mark.parametrize(
    ("wire", "absent", "words"),
    [
        ({"absent": "not_yet_required"}, Absent.NOT_YET_REQUIRED, "Not yet required"),
        ({"absent": "not_provided"}, Absent.NOT_PROVIDED, "Not provided"),
        ({"absent": "restricted"}, Absent.RESTRICTED, "Restricted"),
        ({"absent": "not_applicable"}, Absent.NOT_APPLICABLE, "Not applicable"),
        ({"absent": "whatever"}, Absent.NOT_PROVIDED, "Not provided"),
        (None, Absent.NOT_PROVIDED, "Not provided"),
    ],
)
def test_an_absence_is_told_in_words(wire: dict[str, str] | None, absent: Absent, words: str) -> None:
    found = shown(REGISTRY["rated_capacity"], wire)
    assert (found.absent, found.text, found.lines) == (absent, words, ())


def test_a_list_has_one_line_per_entry_and_an_empty_one_says_none() -> None:
    row = REGISTRY["extinguishing_agent"]
    assert shown(row, {"value": ["Water", "Foam"], "source": "declared"}).lines == ("Water", "Foam")
    assert shown(row, {"value": [], "source": "declared"}).lines == ("None",)


def test_an_address_stands_as_on_an_envelope() -> None:
    row = REGISTRY["manufacturer_address"]
    wire = {"value": {"street": "Road 1", "postal_code": "00100", "town": "Town"}, "source": "declared"}
    assert shown(row, wire).lines == ("Road 1", "00100 Town")


def test_a_year_is_a_name_and_not_a_quantity() -> None:
    row = REGISTRY["recycled_content_year"]
    assert shown(row, {"value": 2028, "source": "declared"}).lines == ("2028",)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "https://a b", 'https://a"onx', "//evil.example", "mailto:x"],
)
def test_only_web_addresses_become_links(address: str) -> None:
    row = REGISTRY["manufacturer_web"]
    found = shown(row, {"value": address, "source": "declared"})
    assert found.links == ("",)
    assert found.lines == (address,)
    good = shown(row, {"value": "https://cells.example/a?b=1", "source": "declared"})
    assert good.links == ("https://cells.example/a?b=1",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=8), s, max_size=3),
        max_leaves=8,
    )
)
def test_any_value_on_the_wire_can_be_shown(value: object) -> None:
    for name in (
        "rated_capacity",
        "manufacturer_address",
        "extinguishing_agent",
        "manufacturing_date",
        "manufacturer_web",
    ):
        found = shown(REGISTRY[name], {"value": value, "source": "declared"})
        assert found.given
        assert len(found.lines) == len(found.links) >= 1


def test_a_sum_over_recorded_time_is_not_told_as_one_over_the_whole_life():
    wire = {"value": "225.883", "unit": "cycles", "source": "computed", "method": "fec.dis_rated.observed.v1"}
    told = shown(REGISTRY["full_cycles"], wire)
    assert told.source == "computed over recorded time, not the whole life"
    counted = {**wire, "source": "bms_reported", "method": "fec.dis_rated.v1"}
    assert shown(REGISTRY["full_cycles"], counted).source == "reported by the BMS"
