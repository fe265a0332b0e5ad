"""Residual value against sums worked out by hand, and its laws."""

import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import ParametersRefused
from passport.judgement import residual_value as module
from passport.judgement.residual_value import (
    Band,
    ValueInputs,
    grade_of,
    metals_from_composition,
    residual_value,
    residual_values,
)
from passport.judgement.second_life.uses import USES
from passport.judgement.value_parameters import ENTRIES, parse_parameters, read_parameters

DEFAULTS = read_parameters()
TEXT = resources.files("passport.judgement").joinpath("value.toml").read_text("utf-8")
ALL = tuple(use.id for use in USES)
PAGE = (Path(__file__).parents[3] / "docs/value.md").read_text("utf-8")


def exact(**figures: float):
    """Parameters without bands: nothing paid for metals, nothing discounted, but for what is named."""
    plain = {
        **{name: bounds[1] for name, bounds in ENTRIES.items()},
        "rate.usd": 1,
        "yield.mechanical": 1,
        "factor.damaged_transport": 3,
        "new.years": 10,
        "new.end": 1,
        "price.new.stationary": 100,
        "price.new.lfp": 120,
        "price.new.nickel": 200,
        "cost.process": 14,
        "cost.test": 6,
        "cost.test_with_history": 2,
        "cost.repack": 10,
        "cost.reuse": 5,
        "cost.logistics": 4,
        "cost.warranty": 2,
        "cost.warranty_claim": 10,
        "warranty.years": 3,
        **figures,
    }
    lines = ['title = "by hand"', "as_of = 2026-11-01", 'currency = "EUR"']
    for name, figure in plain.items():
        lines += [f"[{name}]", *(f"{key} = {figure}" for key in ("value", "low", "high"))]
        lines += [f'unit = "{ENTRIES[name][0]}"', "as_of = 2026-11-01", 'source = "by hand"']
    return parse_parameters("\n".join(lines), "by hand")


def sure(figure: float) -> Band:
    return Band(figure, figure, figure)


def known(**words) -> ValueInputs:
    given_words = {
        "seed": b"record",
        "rated_kwh": 10.0,
        "chemistry": "Li-ion LFP",
        "health": sure(0.8),
        "years": {"home_storage": sure(5.0)},
        "uses": ("home_storage",),
        "safety": True,
    }
    return ValueInputs(**{**given_words, **words})


def test_a_use_is_valued_as_by_hand():
    # From 0.8 to 0.6 in 5 years, 0.7 on average, is 3.5 of the 10 that a new one delivers. 100 EUR/kWh * 0.35
    # is 35, less test 6, repacking 10, carriage 4 and warranty 2: 13 EUR/kWh, 130 EUR in all.
    result = residual_value(known(), exact())
    assert result.value == result.uses["home_storage"]
    assert (result.value.low, result.value.middle, result.value.high) == (Decimal("130.00"),) * 3
    assert result.best == "home_storage"


def test_being_used_takes_its_discount_and_imbalance_its_share():
    # 35 * (1 - 0.2) * 0.9 = 25.2, less 22: 3.2 EUR/kWh
    result = residual_value(known(usable=sure(0.9)), exact(**{"rate.used_discount": 0.2}))
    assert result.value.middle == Decimal("32.00")


def test_fading_and_discounting_are_as_by_hand():
    # Two years at 10 %, from 0.9 to 0.6: the middle of the years holds 0.825 and 0.675.
    # 0.825 / 1.1 + 0.675 / 1.21 = 1.307851; new, one year of 1 / 1.1 = 0.909091: share 1.438636, 143.86 EUR.
    # Less 22 and a certain claim of 10 is 111.86, and no used battery is worth more than a new one, 100.
    figures = {"rate.discount": 0.1, "new.years": 1}
    wanted = known(health=sure(0.9), years={"home_storage": sure(2.0)})
    result = residual_value(wanted, exact(**figures))
    assert result.uses["home_storage"].middle == Decimal("1118.64")
    assert result.value.middle == Decimal("1000.00")


def test_recycling_is_as_by_hand_and_may_be_negative():
    # 0.33 kg copper at 10 USD, half paid: 1.65, less 14 and 4: -16.35 EUR/kWh
    figures = {"price.metal.copper": 10, "payable.copper": 0.5}
    result = residual_value(known(safety=False), exact(**figures))
    assert result.value.middle == result.recycling.middle == Decimal("-163.50")
    assert result.best is None
    assert "failed" in result.reasons[0]


def test_lithium_is_paid_as_carbonate_and_metals_in_dollars():
    # 0.088 kg lithium are 0.46816 kg carbonate at 20 USD, half paid, 0.9 EUR: 4.21344, less 18: -13.79
    figures = {"price.metal.lithium_carbonate": 20, "payable.lithium": 0.5, "rate.usd": 0.9}
    assert residual_value(known(), exact(**figures)).recycling.middle == Decimal("-137.87")


def test_declared_masses_go_before_stoichiometry():
    # 5 kg cobalt at 50 USD, all paid: 250, less 180: 70 EUR
    figures = {"price.metal.cobalt": 50, "payable.cobalt": 1}
    result = residual_value(known(chemistry="Li-ion NMC", masses={"cobalt": 5.0}), exact(**figures))
    assert result.recycling.middle == Decimal("70.00")


def test_damaged_goods_travel_at_three_times_the_price():
    plain = residual_value(known(), exact()).recycling.middle
    assert residual_value(known(damaged_transport=True), exact()).recycling.middle == plain - 80


def test_a_complete_history_saves_most_of_the_test():
    assert residual_value(known(history_complete=True), exact()).value.middle == Decimal("170.00")


def test_a_certain_claim_costs_its_price_and_half_a_chance_half():
    short = residual_value(known(years={"home_storage": sure(2.0)}), exact())
    # 0.7 * 2 / 10 = 0.14: 14 - 22 - 10
    assert short.uses["home_storage"].middle == Decimal("-180.00")
    even = residual_value(known(years={"home_storage": Band(1.0, 3.0, 5.0)}), exact())
    # at the middle of three years: 21 - 22 - 5
    assert even.uses["home_storage"].middle == pytest.approx(Decimal("-60.00"), abs=Decimal("1.00"))


def test_recycling_at_the_end_of_a_use_is_added_where_it_pays():
    # 5 kg cobalt of 50 USD: 7 EUR/kWh from recycling, undiscounted: 13 + 7
    figures = {"price.metal.cobalt": 50, "payable.cobalt": 1}
    result = residual_value(known(masses={"cobalt": 5.0}), exact(**figures))
    assert result.value.middle == Decimal("200.00")


def test_an_open_gate_shows_recycling_and_apart_from_it_the_value_after_inspection():
    result = residual_value(known(safety=None), exact())
    assert result.value == result.recycling
    assert result.after_inspection.middle == Decimal("130.00")


def test_without_health_no_use_is_valued():
    result = residual_value(known(health=None, safety=None), DEFAULTS)
    assert result.value == result.recycling
    assert result.after_inspection is None
    assert any("not determinable" in reason for reason in result.reasons)


def test_without_years_a_use_is_not_valued():
    result = residual_value(known(years={}), DEFAULTS)
    assert result.uses == {}
    assert any("remaining years are not known" in reason for reason in result.reasons)


def test_without_chemistry_and_composition_there_is_no_value():
    result = residual_value(known(chemistry=None), DEFAULTS)
    assert (result.value, result.recycling, result.after_inspection) == (None, None, None)
    assert result.to_wire()["determined"] is False


def test_what_moves_the_value_most_is_named():
    # Only the price of copper has a band that counts: 0.33 kg * (10 to 30) USD, all paid.
    text = re.sub(
        r"(\[price\.metal\.copper\]\n)value = 0.*\nlow = 0.*\nhigh = 0.*\n",
        r"\1value = 20\nlow = 10\nhigh = 30\n",
        _text_of(exact(**{"payable.copper": 1})),
    )
    result = residual_value(known(safety=False), parse_parameters(text, "by hand"))
    (one,) = result.contributions
    assert one.name == "price.metal.copper"
    assert (one.at_low, one.at_high) == (Decimal("-147.00"), Decimal("-81.00"))


def _text_of(parameters) -> str:
    lines = [f'title = "{parameters.title}"', "as_of = 2026-11-01", 'currency = "EUR"']
    for name, one in parameters.entries.items():
        lines += [f"[{name}]", f"value = {one.value:g}", f"low = {one.low:g}", f"high = {one.high:g}"]
        lines += [f'unit = "{one.unit}"', "as_of = 2026-11-01", 'source = "by hand"']
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("chemistry", "grade", "metals"),
    [
        # mass of a metal in LiNi.6Mn.2Co.2O2 (96.93 g/mol) at 175 mAh/g and 3.7 V: 1.544 kg for one kWh
        ("Li-ion NMC", "NMC622", {"nickel": 0.561, "cobalt": 0.188, "manganese": 0.175}),
        ("Li-ion LFP", None, {"lithium": 0.088}),
    ],
)
def test_metals_follow_from_stoichiometry(chemistry, grade, metals):
    table = module.ACTIVE_METALS[grade or chemistry]
    for metal, mass in metals.items():
        assert table[metal] == pytest.approx(mass, rel=0.02)


def test_lfp_holds_as_much_lithium_as_its_formula_says():
    # LiFePO4: 157.76 g/mol, 6.94 g lithium; 155 mAh/g at 3.2 V are 0.496 Wh/g: 2.016 kg for one kWh
    assert module.ACTIVE_METALS["Li-ion LFP"]["lithium"] == pytest.approx(2.016 * 6.94 / 157.76, rel=0.02)


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("NMC 811", "NMC811"),
        ("Lithium nickel manganese cobalt oxide (NMC-622)", "NMC622"),
        ("NMC", None),
        (None, None),
    ],
)
def test_a_grade_is_read_from_the_name(name, grade):
    assert grade_of(name) == grade


def test_metals_of_a_composition_are_known_by_cas_number():
    entries = [
        {"component": "cathode", "name": "Cobalt", "cas_number": "7440-48-4", "mass": Decimal(3)},
        {"component": "anode foil", "name": "Copper", "cas_number": "7440-50-8", "mass": "2.5"},
        {"component": "cathode", "name": "Cobalt", "cas_number": "7440-48-4", "share": 5},
        {"component": "anode", "name": "Graphite", "cas_number": "7782-42-5", "mass": 40},
    ]
    assert metals_from_composition(entries) == {"cobalt": 3.0, "copper": 2.5}
    assert metals_from_composition([]) is None


# The examples of docs/value.md: sums in plain loops by another program, at the middle of every band.


def middles():
    lines = ['title = "middles"', "as_of = 2026-11-01", 'currency = "EUR"']
    for name, one in DEFAULTS.entries.items():
        lines += [f"[{name}]", *(f"{key} = {one.value:g}" for key in ("value", "low", "high"))]
        lines += [f'unit = "{one.unit}"', "as_of = 2026-11-01", 'source = "the middle"']
    return parse_parameters("\n".join(lines), "middles")


@pytest.mark.parametrize(
    ("chemistry", "recycling"),
    [
        ("Li-ion LFP", "-13.99"),
        ("Li-ion NMC", "-3.73"),
        ("Li-ion NCA", "-4.49"),
        ("Li-ion LMO", "-13.93"),
        ("Li-ion LCO", "16.79"),
    ],
)
def test_materials_are_worth_what_the_page_says(chemistry, recycling):
    result = residual_value(known(chemistry=chemistry, rated_kwh=1.0), middles())
    assert result.recycling.middle == Decimal(recycling)
    assert f"**{recycling}**" in PAGE


@pytest.mark.parametrize(
    ("chemistry", "use", "health", "years", "net"),
    [
        ("Li-ion LFP", "home_storage", 0.85, 9, "6.63"),
        ("Li-ion NMC", "same_vehicle", 0.86, 5, "24.59"),
        ("Li-ion NMC", "home_storage", 0.86, 6, "-2.09"),
        ("Li-ion NCA", "same_vehicle", 0.90, 6, "32.54"),
        ("Li-ion LMO", "off_grid", 0.65, 5, "-11.51"),
    ],
)
def test_uses_are_worth_what_the_page_says(chemistry, use, health, years, net):
    one = known(
        chemistry=chemistry, rated_kwh=1.0, health=sure(health), years={use: sure(years)}, uses=(use,)
    )
    assert residual_value(one, middles()).uses[use].middle == Decimal(net)
    assert f"**{net}**" in PAGE


# Laws.

shares = st.floats(0.0, 1.0)
bands = st.tuples(shares, shares, shares).map(sorted).map(lambda three: Band(*three))
lives = st.tuples(*[st.floats(0.0, 25.0)] * 3).map(sorted).map(lambda three: Band(*three))
inputs = st.builds(
    ValueInputs,
    seed=st.binary(max_size=8),
    rated_kwh=st.floats(0.1, 5000.0),
    chemistry=st.sampled_from(
        [None, "Li-ion LFP", "Li-ion NMC", "Li-ion NCA", "Li-ion LCO", "Li-ion LMO", "Pb"]
    ),
    grade=st.sampled_from([None, "NMC811"]),
    masses=st.none() | st.dictionaries(st.sampled_from(["cobalt", "nickel"]), st.floats(0, 500), min_size=1),
    health=st.none() | bands,
    usable=bands,
    years=st.dictionaries(st.sampled_from(ALL), lives),
    uses=st.sets(st.sampled_from(ALL)).map(tuple),
    history_complete=st.booleans(),
    damaged_transport=st.booleans(),
    safety=st.sampled_from([True, False, None]),
)


@given(inputs)
@settings(max_examples=150, deadline=None)
def test_a_value_lies_between_recycling_and_the_new_product(one):
    result = residual_value(one, DEFAULTS)
    if result.value is None:
        assert result.recycling is None
        return
    new = max(DEFAULTS.entries[name].high for name in ENTRIES if name.startswith("price.new"))
    for worth in (result.value, result.after_inspection or result.value):
        assert worth.low <= worth.middle <= worth.high
        for end in ("low", "middle", "high"):
            assert getattr(result.recycling, end) <= getattr(worth, end)
            assert float(getattr(worth, end)) <= new * one.rated_kwh + 0.01


@given(inputs, st.integers(0, 5), st.floats(0.0, 0.5))
@settings(max_examples=150, deadline=None)
def test_a_worse_input_never_raises_the_value(one, which, less):
    def lower(band: Band) -> Band:
        return Band(*(max(0.0, end - less) for end in (band.low, band.value, band.high)))

    worse = [
        replace(one, health=None if one.health is None else lower(one.health)),
        replace(one, usable=lower(one.usable)),
        replace(one, years={use: lower(band) for use, band in one.years.items()}),
        replace(one, uses=one.uses[1:]),
        replace(one, damaged_transport=True, history_complete=False),
        replace(one, safety={True: None, None: False, False: False}[one.safety]),
    ][which]
    before, after = residual_value(one, DEFAULTS), residual_value(worse, DEFAULTS)
    for name in ("value", "after_inspection"):
        old, new = getattr(before, name), getattr(after, name)
        if name == "after_inspection" and one.safety is not worse.safety:
            continue  # another question: what is open is no longer open
        if old is not None and new is not None:
            assert new.middle <= old.middle
            assert new.low <= old.low
            assert new.high <= old.high


@given(st.lists(inputs, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_batch_gives_what_each_gives_alone(batch):
    assert residual_values(batch, DEFAULTS) == [residual_value(one, DEFAULTS) for one in batch]


def test_the_same_record_gives_the_same_bytes_and_another_its_own():
    wide = known(health=Band(0.7, 0.8, 0.9), years={"home_storage": Band(5.0, 9.0, 14.0)})
    once = residual_value(wide, read_parameters()).to_wire()
    assert once == residual_value(wide, read_parameters()).to_wire()
    assert once["value"] != residual_value(replace(wide, seed=b"another"), DEFAULTS).to_wire()["value"]


def test_every_dimension_is_met_once_in_each_of_256_parts():
    # A good set of points has one point in every 256th of each single dimension.
    drawn = module._points(b"seed", slice(0, len(module._DIMENSIONS)))[:, : module.POINTS]
    for one in drawn:
        assert sorted(np.floor(one * 256).astype(int)) == list(range(256))


# Parameters.


@pytest.mark.parametrize("name", list(ENTRIES))
def test_a_missing_entry_is_named(name):
    text = re.sub(rf"\[{re.escape(name)}\]\n(?:[^\[].*\n?)*", "", TEXT)
    with pytest.raises(ParametersRefused, match=rf"{re.escape(name)}: missing"):
        parse_parameters(text, "file")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[price.metal.cobalt]", "[price.metal.kobalt]", "price.metal.kobalt: no such entry"),
        ("as_of = 2026-01-15\n", "", "as_of is missing"),
        ('unit = "USD/kg"', 'unit = "EUR/kg"', "expected 'USD/kg'"),
        ("value = 56", "value = -56", "expected 0 <= low"),
        ("value = 56", "value = nan", "expected 0 <= low"),
        ("value = 56", "value = 5e9", "expected 0 <= low"),
        ("value = 56", 'value = "56"', "expected numbers"),
        ("value = 56", "valeu = 56", "unknown key 'valeu'"),
        ('currency = "EUR"', 'currency = "USD"', "expected EUR"),
        ('source = "engineering default"', 'source = ""', "expected who says so"),
        ("title =", "title", "expected TOML"),
    ],
)
def test_a_faulty_file_is_refused_by_name(old, new, said):
    with pytest.raises(ParametersRefused) as refused:
        parse_parameters(TEXT.replace(old, new, 1), "file")
    assert said in str(refused.value)


def test_every_fault_is_told_at_once():
    text = TEXT.replace("[price.metal.cobalt]", "[x.y]").replace("[payable.steel]", "[payable.stell]")
    with pytest.raises(ParametersRefused) as refused:
        parse_parameters(text, "file")
    assert len(refused.value.faults) == 4


def test_the_digest_follows_the_figures_and_not_the_order():
    assert tomllib.loads(TEXT)
    assert parse_parameters(TEXT, "a").digest == DEFAULTS.digest
    assert parse_parameters(TEXT.replace("value = 56", "value = 55"), "a").digest != DEFAULTS.digest


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ParametersRefused, match=r"nowhere\.toml"):
        read_parameters(tmp_path / "nowhere.toml")
