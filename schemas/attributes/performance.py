"""Rated and initial values of the model: capacity, voltage, power, resistance, efficiency, life."""

from typing import Final

from schemas.attribute import NOT_APPLICABLE, OWED, VOLUNTARY, Attribute, Chapter, Duty, everyone, since
from schemas.citation import Act, Citation, annex, annex_iv, annex_vi, annex_vii, annex_xiii
from schemas.conditions import CYCLIC_USE, INDUSTRIAL_APPLICABLE, TEMPERATURE_RELEVANT
from schemas.terms import Disclosure, Level, RecordKind, Unit
from schemas.values import integer, list_of, number, structure, text

rated_capacity: Final = Attribute(
    "rated_capacity",
    title="Rated capacity",
    group=Chapter.PERFORMANCE,
    value=number(Unit.AMPERE_HOUR, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_xiii("1(g)"), annex_vi("A", 6), annex_iv("A", 1)),
    record=RecordKind.PASSPORT,
    note="Stated once: the guidance repeats it as point 25, which stays empty.",
)

certified_usable_energy: Final = Attribute(
    "certified_usable_energy",
    title="Certified usable battery energy",
    group=Chapter.PERFORMANCE,
    value=number(Unit.KILOWATT_HOUR, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(ev=VOLUNTARY, lmt=NOT_APPLICABLE, industrial=NOT_APPLICABLE, stationary=NOT_APPLICABLE),
    applies=since(2027, 2, 18),
    law=(Citation("certified usable energy", Act.USABLE_ENERGY), annex_vii("A")),
    record=RecordKind.PASSPORT,
    note=(
        "Denominator of the state of certified energy; a figure of the type approval, hence public and of "
        "the model."
    ),
)

minimum_voltage: Final = Attribute(
    "minimum_voltage",
    title="Minimum voltage",
    group=Chapter.PERFORMANCE,
    value=number(Unit.VOLT, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(h)"),),
    record=RecordKind.PASSPORT,
    note="Of the pack. Below the nominal voltage.",
)

nominal_voltage: Final = Attribute(
    "nominal_voltage",
    title="Nominal voltage",
    group=Chapter.PERFORMANCE,
    value=number(Unit.VOLT, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(h)"),),
    record=RecordKind.PASSPORT,
    note="Of the pack. Between minimum and maximum.",
)

maximum_voltage: Final = Attribute(
    "maximum_voltage",
    title="Maximum voltage",
    group=Chapter.PERFORMANCE,
    value=number(Unit.VOLT, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(h)"),),
    record=RecordKind.PASSPORT,
    note="Of the pack. Above the nominal voltage.",
)

voltage_temperature_range: Final = Attribute(
    "voltage_temperature_range",
    title="Temperatures for which the voltages hold",
    group=Chapter.PERFORMANCE,
    value=structure("temperature_range", Unit.CELSIUS),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(TEMPERATURE_RELEVANT)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(h)"),),
    record=RecordKind.PASSPORT,
    note="Lower and upper bound.",
)

original_power_capability: Final = Attribute(
    "original_power_capability",
    title="Original power capability",
    group=Chapter.PERFORMANCE,
    value=list_of(structure("power_point", Unit.WATT), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(i)"), annex_iv("A", 2), annex_iv("B", 4)),
    record=RecordKind.PASSPORT,
    note="At least at 80 % and at 20 % state of charge, each with duration and temperature.",
)

maximum_permitted_power: Final = Attribute(
    "maximum_permitted_power",
    title="Maximum permitted power",
    group=Chapter.PERFORMANCE,
    value=number(Unit.WATT, at_least=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(i)"),),
    record=RecordKind.PASSPORT,
    note="The law speaks of limits; this row carries the duty, `power_limits` the detail.",
)

power_limits: Final = Attribute(
    "power_limits",
    title="Power limits for charging and discharging",
    group=Chapter.PERFORMANCE,
    value=structure("power_limits", Unit.WATT),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(i)"),),
    record=RecordKind.PASSPORT,
    note="Charging and discharging apart, where they differ (?).",
)

power_temperature_range: Final = Attribute(
    "power_temperature_range",
    title="Temperatures for which the power values hold",
    group=Chapter.PERFORMANCE,
    value=structure("temperature_range", Unit.CELSIUS),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(TEMPERATURE_RELEVANT)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(i)"),),
    record=RecordKind.PASSPORT,
    note="Lower and upper bound.",
)

power_energy_ratio: Final = Attribute(
    "power_energy_ratio",
    title="Nominal power per battery energy",
    group=Chapter.PERFORMANCE,
    value=number(Unit.WATT_PER_WATT_HOUR, at_least=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_iv("B", 2),),
    record=RecordKind.PASSPORT,
    note="A part of the technical documentation, not of Annex XIII.",
)

initial_round_trip_efficiency: Final = Attribute(
    "initial_round_trip_efficiency",
    title="Initial round trip energy efficiency",
    group=Chapter.PERFORMANCE,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(n)"), annex_iv("A", 4)),
    record=RecordKind.PASSPORT,
)

round_trip_efficiency_50_cycle_life: Final = Attribute(
    "round_trip_efficiency_50_cycle_life",
    title="Round trip energy efficiency at half of the cycle life",
    group=Chapter.PERFORMANCE,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(n)"),),
    record=RecordKind.PASSPORT,
    note="After half of the cycle life, not at half charge.",
)

initial_self_discharge_rate: Final = Attribute(
    "initial_self_discharge_rate",
    title="Initial self-discharge rate",
    group=Chapter.PERFORMANCE,
    value=number(Unit.PERCENT_PER_MONTH, at_least=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=VOLUNTARY, industrial=NOT_APPLICABLE, stationary=VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.PASSPORT,
    note=(
        "Base of the evolution that Annex VII asks for. State of charge and temperature belong to it. A "
        "model value in an individual class."
    ),
)

internal_resistance_cell: Final = Attribute(
    "internal_resistance_cell",
    title="Internal resistance of the cell, initial",
    group=Chapter.PERFORMANCE,
    value=number(Unit.OHM, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(o)"), annex_iv("A", 3)),
    record=RecordKind.PASSPORT,
    note=(
        "Milliohms: never rounded to whole ohms. Say whether by direct or alternating current, at which "
        "charge and temperature."
    ),
)

internal_resistance_pack: Final = Attribute(
    "internal_resistance_pack",
    title="Internal resistance of the pack, initial",
    group=Chapter.PERFORMANCE,
    value=number(Unit.OHM, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(o)"), annex_iv("A", 3)),
    record=RecordKind.PASSPORT,
    note="Say whether by direct or alternating current, at which charge and temperature.",
)

internal_resistance_module: Final = Attribute(
    "internal_resistance_module",
    title="Internal resistance of the module, initial",
    group=Chapter.PERFORMANCE,
    value=number(Unit.OHM, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.PASSPORT,
)

expected_lifetime_cycles: Final = Attribute(
    "expected_lifetime_cycles",
    title="Expected life in cycles",
    group=Chapter.PERFORMANCE,
    value=integer(Unit.CYCLE, at_least=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(ev=OWED, lmt=OWED, industrial=OWED.where(CYCLIC_USE), stationary=OWED.where(CYCLIC_USE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(j)"), annex_iv("A", 5)),
    record=RecordKind.PASSPORT,
)

expected_lifetime_years: Final = Attribute(
    "expected_lifetime_years",
    title="Expected life in calendar years",
    group=Chapter.PERFORMANCE,
    value=number(Unit.YEAR, at_least=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 5)),
    record=RecordKind.CONDITION,
    note=(
        "The statement made at placing on the market. Only point 4(a), which is about the single battery, "
        "names calendar years, hence its class. Shares the guidance's point with "
        "`expected_lifetime_years_current`: asked once."
    ),
)

cycle_life_reference_test: Final = Attribute(
    "cycle_life_reference_test",
    title="Reference test of the life in cycles",
    group=Chapter.PERFORMANCE,
    value=list_of(text()),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(j)"),),
    record=RecordKind.PASSPORT,
)

c_rate_cycle_life_test: Final = Attribute(
    "c_rate_cycle_life_test",
    title="C-rate of the cycle-life test",
    group=Chapter.PERFORMANCE,
    value=number(Unit.AMPERE_PER_AMPERE_HOUR, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(p)"),),
    record=RecordKind.PASSPORT,
    note="One per hour.",
)

cycle_test_charge_rate: Final = Attribute(
    "cycle_test_charge_rate",
    title="Charging rate in the cycle-life test",
    group=Chapter.PERFORMANCE,
    value=number(Unit.AMPERE_PER_AMPERE_HOUR, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_iv("B", 1),),
    record=RecordKind.PASSPORT,
    note="A part of the technical documentation.",
)

cycle_test_depth_of_discharge: Final = Attribute(
    "cycle_test_depth_of_discharge",
    title="Depth of discharge in the cycle-life test",
    group=Chapter.PERFORMANCE,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_iv("B", 3),),
    record=RecordKind.PASSPORT,
    note="A part of the technical documentation; a number of cycles says little without it.",
)

performance_calculation_notes: Final = Attribute(
    "performance_calculation_notes",
    title="Calculations made on measured parameters",
    group=Chapter.PERFORMANCE,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_iv("B", 5), annex("VIII")),
    record=RecordKind.PASSPORT,
    note="A part of the technical documentation. Its chapter in DIN DKE SPEC 99100 is not certain (?).",
)

capacity_threshold_exhaustion: Final = Attribute(
    "capacity_threshold_exhaustion",
    title="Capacity threshold for exhaustion",
    group=Chapter.PERFORMANCE,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(ev=OWED, lmt=NOT_APPLICABLE, industrial=NOT_APPLICABLE, stationary=NOT_APPLICABLE),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(k)"),),
    record=RecordKind.PASSPORT,
    note="Electric vehicles only.",
)

idle_temperature_min: Final = Attribute(
    "idle_temperature_min",
    title="Idle temperature range, lower bound",
    group=Chapter.PERFORMANCE,
    value=number(Unit.CELSIUS, at_least=-100, at_most=200),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(l)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Below the upper bound. Also the bound below which time counts as extreme, unless another is stated."
    ),
)

idle_temperature_max: Final = Attribute(
    "idle_temperature_max",
    title="Idle temperature range, upper bound",
    group=Chapter.PERFORMANCE,
    value=number(Unit.CELSIUS, at_least=-100, at_most=200),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(l)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Above the lower bound. Also the bound above which time counts as extreme, unless another is stated."
    ),
)

idle_temperature_reference_test: Final = Attribute(
    "idle_temperature_reference_test",
    title="Reference test of the idle temperature range",
    group=Chapter.PERFORMANCE,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(l)"),),
    record=RecordKind.PASSPORT,
)
