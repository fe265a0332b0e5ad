"""Search: what is found, in which order, and what is refused by name."""

import base64
import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport import grants, search
from passport.errors import Forbidden, InputRefused
from passport.ledger import database
from schemas.terms import Audience
from tests.databases import migrated

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PUBLIC = grants.VISITOR
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
AUTHORITY = grants.Principal(Audience.AUTHORITY, key="a")
DEVICE = grants.Principal(None, right=grants.Right.INTAKE, key="d")


@dataclass(frozen=True)
class Pack:
    id: str
    operator: str = "first"
    category: str = "stationary"
    simulated: bool = True

    @property
    def passport_id(self):
        return "P" + self.id

    @property
    def identifier(self):
        return f"/01/09521234543213/21/{self.id}"


TODAY = AT.date()
COMPOSITION = ("nickel", "cobalt", "lithium")
INDIVIDUAL = (
    *(
        "battery_status",
        "state_of_charge",
        "full_cycles",
        "temperature",
        "health",
        "health_low",
        "calibrated",
    ),
    *("verdict", "grade", "score", "use", "possible_use", "remaining_years", "value", "offered_since"),
)
# An assessment as a record states it.
JUDGED = {
    "state_of_health": {"value": "84.1", "unit": "%"},
    "residual_value": {
        "value": {
            "amount": "310.50",
            "currency": "EUR",
            "low": "250.00",
            "high": "350.00",
            "best_use": "backup",
        }
    },
    "second_life_assessment": {
        "value": {
            "verdict": "needs_inspection",
            "inspect": ["insulation resistance", "casing"],
            "grade": "B",
            "score": "71.5",
            "health_low": "81.2",
            "calibrated": True,
            "uses": [
                {"use": "home_storage", "fit": "fit"},
                {"use": "backup", "fit": "fit"},
                {"use": "grid_buffer", "fit": "not_known"},
                {"use": "same_vehicle", "fit": "not_fit"},
            ],
            "remaining_life": {
                "home_storage": {"low": "8.4", "value": "9.9", "high": "11.0"},
                "backup": {"low": "7.2", "value": "8.0", "high": "9.1"},
                "grid_buffer": {"low": "12.0", "value": "13.0", "high": "14.0"},
            },
        }
    },
}


def stated(**values):
    return {name: {"value": value} for name, value in values.items()}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("search"))
    with database.writing(engine) as connection:

        def add(pack, **parts):
            search.index(connection, battery=pack, **parts)

        # 102 Ah x 51.2 V = 5.2224 kWh; 50 x 48 = 2.4; 280 x 51.2 = 14.336
        add(
            Pack("AAAA"),
            facts=stated(
                battery_chemistry="Li-ion LFP",
                manufacturer_name="Example Cells",
                rated_capacity="102",
                nominal_voltage="51.2",
                battery_mass="44.5",
            ),
            condition=stated(
                battery_status="original", state_of_charge="55.5", full_cycles="120.25", temperature="-3"
            ),
            condition_at=AT,
            assessment=JUDGED,
        )
        add(
            Pack("BBBB", operator="second"),
            facts=stated(battery_chemistry="Li-ion NMC", rated_capacity="50", nominal_voltage="48"),
            condition=stated(battery_status="re-used", full_cycles="900"),
        )
        add(
            Pack("CCCC", category="ev"),
            facts=stated(battery_chemistry="Li-ion LFP", rated_capacity="280", nominal_voltage="51.2"),
        )
        add(Pack("DDDD", category="lmt"), facts=stated(battery_chemistry="Li-ion LFP"))
        add(Pack("EEEE", category="lmt"), facts=stated(battery_chemistry="Li-ion LFP"))
    yield engine
    engine.dispose()


def ask(engine, reader, *pairs):
    with database.reading(engine) as connection:
        return search.query(connection, search.parse(pairs), reader, today=TODAY)


def ids(page):
    return [row.battery for row in page.rows]


def test_without_a_key_public_fields_are_found_and_shown(engine):
    page = ask(engine, PUBLIC, ("chemistry", "LFP"), ("rated_energy_min", "5"))
    assert ids(page) == ["CCCC", "AAAA"]
    first = page.rows[1]
    assert first.values["rated_energy"] == "5.222"
    assert first.values["mass"] == "44.5"
    assert first.inspect is None
    assert first.condition_at is None
    hidden = set(COMPOSITION + INDIVIDUAL)
    assert set(first.withheld) == hidden
    assert not hidden & set(first.values)


def test_with_legitimate_interest_condition_is_found_and_shown(engine):
    page = ask(engine, INTEREST, ("full_cycles_max", "500"))
    assert ids(page) == ["AAAA"]
    row = page.rows[0]
    assert row.values["state_of_charge"] == "55.5"
    assert row.values["full_cycles"] == "120.25"
    assert row.values["temperature"] == "-3"
    assert row.values["verdict"] == "needs_inspection"
    assert row.inspect == ("insulation resistance", "casing")
    assert row.condition_at == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize("word", ["LFP", "lfp", "Li-ion LFP"])
def test_a_chemistry_may_be_asked_without_its_family(engine, word):
    assert len(ask(engine, PUBLIC, ("chemistry", word)).rows) == 4


def test_a_word_that_no_list_knows_finds_nothing(engine):
    assert ask(engine, PUBLIC, ("chemistry", "unobtainium")).rows == ()


RESTRICTED = [
    ("battery_status", "original"),
    ("state_of_charge_min", "1"),
    ("state_of_charge_max", "1"),
    ("full_cycles_min", "1"),
    ("temperature_max", "1"),
    ("verdict", "needs_inspection"),
    ("order", "full_cycles"),
    ("order", "-state_of_charge"),
    ("order", "temperature"),
    ("order", "grade"),
    *((name, "x") for name in ("calibrated", "grade", "use")),
    *((f"{name}_min", "1") for name in ("health", "health_low", "score", "remaining_years", "value")),
    ("offered_since_min", "2026-11-01"),
]


@pytest.mark.parametrize("name", COMPOSITION)
def test_metals_are_open_to_interest_and_to_authorities_alone(engine, name):
    for question in ((f"{name}_min", "0"), ("order", name)):
        with pytest.raises(Forbidden, match=f"{name}.*Annex XIII point 2"):
            ask(engine, PUBLIC, question)
        assert ask(engine, AUTHORITY, question).rows
        assert ask(engine, INTEREST, question).rows


@pytest.mark.parametrize("reader", [PUBLIC, AUTHORITY], ids=["public", "authority"])
@pytest.mark.parametrize("pair", RESTRICTED, ids=lambda pair: f"{pair[0]}={pair[1]}")
def test_a_field_that_the_reader_may_not_read_is_refused_by_name(engine, reader, pair):
    with pytest.raises(Forbidden) as caught:
        ask(engine, reader, pair)
    named = pair[1].lstrip("-") if pair[0] == "order" else pair[0].removesuffix("_min").removesuffix("_max")
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("health_min", "84.1"), ("health_max", "84.1")], True),
        ([("health_min", "84.2")], False),
        ([("health_low_min", "80")], True),
        ([("health_low_min", "82")], False),
        ([("calibrated", "yes")], True),
        ([("calibrated", "no")], False),
        ([("grade", "b")], True),
        ([("grade", "A")], False),
        ([("grade", "A"), ("grade", "B")], True),
        ([("score_min", "71.5"), ("score_max", "71.5")], True),
        ([("use", "home_storage")], True),
        ([("use", "same_vehicle")], False),
        ([("use", "grid_buffer")], False),  # not known is not fit
        ([("use", "home")], False),
        ([("possible_use", "grid_buffer")], True),
        ([("possible_use", "same_vehicle")], False),
        # of the uses that it is fit for, backup is worth most, and lasts 7.2 years at the least
        ([("remaining_years_min", "7.2"), ("remaining_years_max", "7.2")], True),
        ([("value_min", "310.5"), ("value_max", "310.5")], True),
        ([("value_min", "310.51")], False),
    ],
    ids=str,
)
def test_an_assessment_is_found_by_all_that_it_says(engine, pairs, found):
    assert ids(ask(engine, INTEREST, *pairs)) == (["AAAA"] if found else [])


def test_without_a_best_use_the_longest_life_of_those_it_is_fit_for_counts(tmp_path):
    engine = migrated(tmp_path)
    said = {name: value for name, value in JUDGED.items() if name != "residual_value"}
    with database.writing(engine) as connection:
        search.index(connection, battery=Pack("AAAA"), assessment=said)
    row = ask(engine, INTEREST).rows[0]
    engine.dispose()
    assert row.values["remaining_years"] == "8.4"
    assert row.values["value"] is None


def test_without_an_interval_of_health_nothing_is_calibrated_or_not(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        said = stated(second_life_assessment={"verdict": "needs_inspection", "calibrated": False})
        search.index(connection, battery=Pack("AAAA"), assessment=said)
    row = ask(engine, INTEREST).rows[0]
    engine.dispose()
    assert row.values["calibrated"] is None


def test_a_composition_of_compounds_alone_leaves_metals_to_stoichiometry(tmp_path):
    engine = migrated(tmp_path)
    facts = stated(
        battery_chemistry="Li-ion LFP",
        rated_capacity="100",
        nominal_voltage="50",
        material_composition=[
            {"component": "cathode", "name": "iron phosphate", "cas_number": "15365-14-7", "mass": "12"},
            {"component": "foil", "name": "copper", "cas_number": "7440-50-8", "mass": "1"},
        ],
    )
    with database.writing(engine) as connection:
        search.index(connection, battery=Pack("AAAA"), facts=facts)
    row = ask(engine, INTEREST).rows[0]
    engine.dispose()
    # 5 kWh of LFP: 0.088 kg of lithium for each, and none of the others
    assert (row.values["lithium"], row.values["nickel"], row.metals_computed) == ("0.44", "0", True)


def test_an_amount_in_another_currency_is_not_taken_for_euro(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        worth = stated(residual_value={"amount": "100", "currency": "CHF"})
        search.index(connection, battery=Pack("AAAA"), assessment=worth)
    row = ask(engine, INTEREST).rows[0]
    engine.dispose()
    assert row.values["value"] is None


def test_a_declared_composition_goes_before_stoichiometry(tmp_path):
    engine = migrated(tmp_path)
    pack = stated(
        battery_chemistry="Li-ion NMC",
        battery_chemistry_name="NMC 811 / graphite",
        rated_capacity="100",
        nominal_voltage="50",
    )
    parts = [
        {"component": "cathode", "name": "nickel", "cas_number": "7440-02-0", "mass": "2.5"},
        {"component": "tabs", "name": "nickel", "cas_number": "7440-02-0", "mass": "0.25"},
    ]
    with database.writing(engine) as connection:
        search.index(connection, battery=Pack("COMPUTED"), facts=pack)
        search.index(
            connection, battery=Pack("DECLARED"), facts={**pack, **stated(material_composition=parts)}
        )
        search.index(connection, battery=Pack("NEITHER"), facts=stated(battery_chemistry="Na-ion"))
    found = {row.battery: row for row in ask(engine, AUTHORITY).rows}
    engine.dispose()
    metals = {
        name: tuple(row.values[metal] for metal in ("nickel", "cobalt", "lithium"))
        for name, row in found.items()
    }
    # 5 kWh of NMC811: 0.669, 0.084 and 0.099 kg for each
    assert metals["COMPUTED"] == ("3.345", "0.42", "0.495")
    # a composition may name some metals only: what it leaves out is unknown, not none
    assert metals["DECLARED"] == ("2.75", None, None)
    assert metals["NEITHER"] == (None, None, None)
    told = {
        name: search.wire(row, "http://127.0.0.1:8000")["fields"]["nickel"] for name, row in found.items()
    }
    assert told["COMPUTED"] == {"value": "3.345", "unit": "kg", "source": "computed"}
    assert told["DECLARED"] == {"value": "2.75", "unit": "kg"}
    assert told["NEITHER"] == {"absent": "not_provided"}


def test_the_operator_s_country_and_contact_are_public(tmp_path):
    engine = migrated(tmp_path)
    facts = stated(
        operator_address={"town": "Ghent", "country": "BE"},
        operator_contact={"name": "Desk", "telephone": "+32 9 000 00 00", "email": "desk@cells.example"},
    )
    with database.writing(engine) as connection:
        search.index(connection, battery=Pack("AAAA"), facts=facts)
        search.index(connection, battery=Pack("BBBB"), facts={})
    page = ask(engine, PUBLIC, ("region", "be"))
    engine.dispose()
    assert ids(page) == ["AAAA"]
    assert page.rows[0].values["region"] == "BE"
    assert page.rows[0].contact == "desk@cells.example"


def test_a_device_key_finds_nothing_at_all(engine):
    # Public fields are not called restricted for its sake.
    with pytest.raises(Forbidden, match="it reads nothing"):
        ask(engine, DEVICE)


def test_a_scoped_key_reads_and_filters_condition_only_in_its_scope(engine):
    scoped = grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second")
    assert ids(ask(engine, scoped, ("full_cycles_min", "0"))) == ["BBBB"]
    assert ids(ask(engine, scoped, ("order", "full_cycles"))) == ["BBBB"]
    everything = {row.battery: row for row in ask(engine, scoped).rows}
    assert everything["BBBB"].values["full_cycles"] == "900"
    assert "full_cycles" not in everything["AAAA"].values
    assert everything["AAAA"].inspect is None


def test_what_is_unknown_matches_no_filter_and_stands_last_both_ways(engine):
    assert ids(ask(engine, PUBLIC, ("rated_energy_min", "0"))) == ["CCCC", "AAAA", "BBBB"]
    assert ids(ask(engine, PUBLIC, ("rated_energy_max", "999999"))) == ["CCCC", "AAAA", "BBBB"]
    assert ids(ask(engine, PUBLIC, ("order", "rated_energy"))) == ["BBBB", "AAAA", "CCCC", "DDDD", "EEEE"]
    assert ids(ask(engine, PUBLIC, ("order", "-rated_energy"))) == ["CCCC", "AAAA", "BBBB", "EEEE", "DDDD"]


@pytest.mark.parametrize("order", search.ORDERS)
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", ["1", "2", "3"])
def test_walking_the_pages_meets_every_battery_once_in_the_same_order(engine, order, sign, limit):
    whole = ids(ask(engine, INTEREST, ("order", sign + order), ("limit", "200")))
    assert sorted(whole) == ["AAAA", "BBBB", "CCCC", "DDDD", "EEEE"]
    walked, cursor = [], None
    while True:
        pairs = [("order", sign + order), ("limit", limit)] + ([("cursor", cursor)] if cursor else [])
        page = ask(engine, INTEREST, *pairs)
        walked += ids(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert walked == whole


def test_a_cursor_belongs_to_its_question(engine):
    cursor = ask(engine, PUBLIC, ("limit", "1")).cursor
    with pytest.raises(InputRefused, match="another question"):
        ask(engine, PUBLIC, ("limit", "1"), ("chemistry", "LFP"), ("cursor", cursor))
    with pytest.raises(InputRefused, match="another question"):
        ask(engine, PUBLIC, ("order", "mass"), ("cursor", cursor))


@pytest.mark.parametrize(
    "pair",
    [
        ("shoe_size", "44"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "1e2"),
        ("limit", "٣"),
        ("order", "battery"),
        ("order", "operator"),
        ("order", "rated_energy; DROP TABLE battery"),
        ("order", "--rated_energy"),
        ("rated_energy", "5"),
        ("rated_energy_min", "five"),
        ("rated_energy_min", "NaN"),
        ("rated_energy_min", "Infinity"),
        ("rated_energy_min", "1e400"),
        ("rated_energy_min", "9" * 39),
        ("rated_energy_mid", "5"),
        ("offered_since_min", "yesterday"),
        ("offered_since_min", "2026-02-30"),
        ("offered_since_max", "9" * 60),
        ("order", "use"),
        ("chemistry_min", "5"),
        ("chemistry", "x" * 201),
        ("chemistry", "L\x00FP"),
        ("cursor", "AAAA"),
        ("cursor", "W10"),
        ("cursor", "é"),
        ("cursor", "x" * 601),
    ],
    ids=lambda pair: f"{pair[0]}={pair[1][:30]}".encode("ascii", "replace").decode(),
)
def test_a_hostile_or_unknown_parameter_is_refused_by_name(engine, pair):
    with pytest.raises(InputRefused) as caught:
        ask(engine, PUBLIC, pair)
    assert pair[0] in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_a_parameter_given_twice_is_refused_where_only_one_makes_sense(engine):
    for pair in (("limit", "5"), ("order", "mass"), ("mass_min", "1")):
        with pytest.raises(InputRefused, match="twice"):
            ask(engine, PUBLIC, pair, pair)
    assert ids(ask(engine, PUBLIC, ("chemistry", "LFP"), ("chemistry", "NMC"), ("limit", "9"))) == [
        "CCCC",
        "AAAA",
        "BBBB",
        "EEEE",
        "DDDD",
    ]


def test_an_untouched_form_asks_nothing(engine):
    assert (
        len(ask(engine, PUBLIC, ("chemistry", ""), ("mass_min", " "), ("order", ""), ("limit", "")).rows) == 5
    )


def test_a_new_version_replaces_only_the_parts_that_it_speaks_of(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        pack = Pack("AAAA")
        search.index(connection, battery=pack, facts=stated(battery_chemistry="Li-ion LFP"))
        search.index(connection, battery=pack, condition=stated(full_cycles="3"))
        opinion = {"verdict": "needs_inspection", "inspect": ["casing"]}
        search.index(connection, battery=pack, assessment=stated(second_life_assessment=opinion))
        search.index(connection, battery=pack, facts=stated(battery_chemistry="Li-ion NMC"))
        row = search.query(connection, search.parse([]), INTEREST, today=TODAY).rows[0]
    engine.dispose()
    assert (row.values["chemistry"], row.values["full_cycles"], row.inspect) == (
        "Li-ion NMC",
        "3",
        ("casing",),
    )


def test_words_for_a_form_are_public_ones_only(engine):
    with database.reading(engine) as connection:
        assert search.choices(connection, "chemistry") == ("Li-ion LFP", "Li-ion NMC")
        assert search.choices(connection, "manufacturer") == ("Example Cells",)
        for name in ("battery_status", "verdict", "mass"):
            with pytest.raises(ValueError):
                search.choices(connection, name)


def test_on_the_wire_every_field_has_a_value_or_a_reason(engine):
    row = search.wire(ask(engine, PUBLIC, ("chemistry", "NMC")).rows[0], "http://127.0.0.1:8000")
    assert row["identifier"] == "http://127.0.0.1:8000/01/09521234543213/21/BBBB"
    assert row["simulated"] is True
    assert row["fields"]["rated_energy"] == {"value": "2.4", "unit": "kWh"}
    assert row["fields"]["mass"] == {"absent": "not_provided"}
    assert row["fields"]["full_cycles"] == {"absent": "restricted"}
    assert set(row["fields"]) == set(search.FIELDS)
    assert "inspect" not in row


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(search.parameters()), st.text(max_size=20)), st.text(max_size=30)
        ),
        max_size=4,
    )
)
def test_any_question_is_answered_or_refused_and_nothing_else(engine, pairs):
    with contextlib.suppress(InputRefused, Forbidden):
        ask(engine, PUBLIC, *pairs)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), st.lists, max_leaves=6
    )
)
def test_any_cursor_is_answered_or_refused_and_nothing_else(engine, content):
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    with contextlib.suppress(InputRefused):
        ask(engine, PUBLIC, ("cursor", cursor))
