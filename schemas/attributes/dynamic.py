"""Values of the single battery during its life: Annex XIII point 4, Annex VII, and our opinions."""

from typing import Final

from schemas.attribute import NOT_APPLICABLE, OWED, VOLUNTARY, Attribute, Chapter, Duty, everyone, since
from schemas.citation import Act, Citation, annex_iv, annex_vii, annex_xiii, article
from schemas.conditions import APPLICABLE, CYCLIC_USE, INDUSTRIAL_APPLICABLE, POSSIBLE
from schemas.terms import Disclosure, Level, RecordKind, Unit
from schemas.values import integer, list_of, number, structure

rated_capacity_redetermined: Final = Attribute(
    "rated_capacity_redetermined",
    title="Rated capacity of this battery",
    group=Chapter.DYNAMIC,
    value=number(Unit.AMPERE_HOUR, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 1)),
    record=RecordKind.CONDITION,
    note="The quantity of `rated_capacity`, found again for this battery at each change of status.",
)

capacity_fade: Final = Attribute(
    "capacity_fade",
    title="Capacity fade",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_most=100, usually_at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 1)),
    record=RecordKind.CONDITION,
    note="(1 - C / C rated) * 100. Zero at placing on the market; slightly negative is possible.",
)

power: Final = Attribute(
    "power",
    title="Power of this battery",
    group=Chapter.DYNAMIC,
    value=number(Unit.WATT, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 2)),
    record=RecordKind.CONDITION,
    note="Point 4(a); the power that Annex VII asks for is `remaining_power_capability`.",
)

power_fade: Final = Attribute(
    "power_fade",
    title="Power fade",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_most=100, usually_at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 2)),
    record=RecordKind.CONDITION,
    note=(
        "(1 - P / P initial) * 100, at the same state of charge, duration and temperature; slightly "
        "negative is possible."
    ),
)

internal_resistance_current: Final = Attribute(
    "internal_resistance_current",
    title="Internal resistance of this battery",
    group=Chapter.DYNAMIC,
    value=number(Unit.OHM, above=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 3)),
    record=RecordKind.CONDITION,
    note="Point 4(a); the resistance that Annex VII asks for is `ohmic_resistance`.",
)

internal_resistance_increase_pack: Final = Attribute(
    "internal_resistance_increase_pack",
    title="Increase of internal resistance, pack",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=OWED,
        lmt=OWED,
        industrial=OWED.where(INDUSTRIAL_APPLICABLE),
        stationary=OWED.where(INDUSTRIAL_APPLICABLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 3)),
    record=RecordKind.CONDITION,
    note="(R - R initial) / R initial * 100; may pass 100.",
)

internal_resistance_increase_cell: Final = Attribute(
    "internal_resistance_increase_cell",
    title="Increase of internal resistance, cell",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.CONDITION,
    note="(R - R initial) / R initial * 100; may pass 100.",
)

internal_resistance_increase_module: Final = Attribute(
    "internal_resistance_increase_module",
    title="Increase of internal resistance, module",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.CONDITION,
    note="(R - R initial) / R initial * 100; may pass 100.",
)

round_trip_efficiency_current: Final = Attribute(
    "round_trip_efficiency_current",
    title="Round trip energy efficiency of this battery",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 4)),
    record=RecordKind.CONDITION,
)

round_trip_efficiency_fade: Final = Attribute(
    "round_trip_efficiency_fade",
    title="Fade of round trip energy efficiency",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_most=100, usually_at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 4)),
    record=RecordKind.CONDITION,
    note="Relative, not in points: from 96 to 93 is 3.125 %. Slightly negative is possible.",
)

expected_lifetime_cycles_current: Final = Attribute(
    "expected_lifetime_cycles_current",
    title="Expected life in cycles, current statement",
    group=Chapter.DYNAMIC,
    value=integer(Unit.CYCLE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=OWED, lmt=OWED, industrial=OWED.where(CYCLIC_USE), stationary=OWED.where(CYCLIC_USE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_iv("A", 5)),
    record=RecordKind.CONDITION,
    note=(
        "The total under reference conditions, stated anew; whether a remaining number is meant is "
        "unclear (?)."
    ),
)

expected_lifetime_years_current: Final = Attribute(
    "expected_lifetime_years_current",
    title="Expected life in years, current statement",
    group=Chapter.DYNAMIC,
    value=number(Unit.YEAR, at_least=0),
    level=Level.ITEM,
    updates=True,
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
    note="The total, stated anew; whether a remaining number is meant is unclear (?).",
)

state_of_certified_energy: Final = Attribute(
    "state_of_certified_energy",
    title="State of certified energy (SOCE)",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_least=0, usually_at_most=100),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=OWED, lmt=NOT_APPLICABLE, industrial=NOT_APPLICABLE, stationary=NOT_APPLICABLE),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A")),
    record=RecordKind.CONDITION,
    note=(
        "Usable energy now per certified usable energy. For electric vehicles the only legal figure of "
        "health; slightly above 100 is possible when new."
    ),
)

remaining_energy: Final = Attribute(
    "remaining_energy",
    title="Remaining usable battery energy",
    group=Chapter.DYNAMIC,
    value=number(Unit.KILOWATT_HOUR, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=VOLUNTARY, lmt=NOT_APPLICABLE, industrial=NOT_APPLICABLE, stationary=NOT_APPLICABLE),
    applies=since(2027, 2, 18),
    law=(Citation("usable energy", Act.USABLE_ENERGY),),
    record=RecordKind.CONDITION,
    note="Usable energy of the full battery today, not the energy stored at this moment.",
)

remaining_capacity: Final = Attribute(
    "remaining_capacity",
    title="Remaining capacity",
    group=Chapter.DYNAMIC,
    value=number(Unit.AMPERE_HOUR, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=VOLUNTARY, lmt=OWED, industrial=VOLUNTARY, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A", 1)),
    record=RecordKind.CONDITION,
    note=(
        "Capacity of the full, aged battery, measured as the rated one. BMS protocols use the same words "
        "for the charge left at this moment: never mapped blindly. The guidance leaves it empty for "
        "electric vehicles. Of other industrial batteries it asks it where applicable."
    ),
)

remaining_power_capability: Final = Attribute(
    "remaining_power_capability",
    title="Remaining power capability",
    group=Chapter.DYNAMIC,
    value=list_of(structure("power_point", Unit.WATT)),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=VOLUNTARY, lmt=OWED.where(POSSIBLE), industrial=VOLUNTARY, stationary=OWED.where(POSSIBLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A", 2), annex_iv("B", 4)),
    record=RecordKind.CONDITION,
    note=(
        "At 80 % and at 20 % state of charge. The guidance leaves it empty for electric vehicles. Of "
        "other industrial batteries it asks it where applicable."
    ),
)

remaining_round_trip_efficiency: Final = Attribute(
    "remaining_round_trip_efficiency",
    title="Remaining round trip efficiency",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=NOT_APPLICABLE,
        lmt=OWED.where(POSSIBLE),
        industrial=NOT_APPLICABLE,
        stationary=OWED.where(POSSIBLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A", 3)),
    record=RecordKind.CONDITION,
    note=(
        "Not for electric vehicles. For industrial batteries the guidance says conditional, the law "
        "stationary storage alone."
    ),
)

self_discharge_rate_current: Final = Attribute(
    "self_discharge_rate_current",
    title="Current self-discharge rate",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT_PER_MONTH, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=VOLUNTARY, industrial=NOT_APPLICABLE, stationary=VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.CONDITION,
    note="Per month; temperature and state of charge belong to it.",
)

self_discharge_evolution: Final = Attribute(
    "self_discharge_evolution",
    title="Evolution of the self-discharge rate",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A", 4)),
    record=RecordKind.CONDITION,
    note=(
        "Change from the initial to the current rate. Sign and base are not fixed (?); ours is (current - "
        "initial) / initial * 100. Annex VII asks for it without condition, the guidance where possible."
    ),
)

ohmic_resistance: Final = Attribute(
    "ohmic_resistance",
    title="Ohmic resistance",
    group=Chapter.DYNAMIC,
    value=number(Unit.OHM, above=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=NOT_APPLICABLE,
        lmt=OWED.where(POSSIBLE),
        industrial=NOT_APPLICABLE,
        stationary=OWED.where(POSSIBLE),
    ),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(b)"), article("14"), annex_vii("A", 5)),
    record=RecordKind.CONDITION,
    note=(
        "Not the internal resistance of Annex IV. For industrial batteries the guidance says conditional, "
        "the law stationary storage alone. Its chapter in DIN DKE SPEC 99100 is not certain (?)."
    ),
)

state_of_charge: Final = Attribute(
    "state_of_charge",
    title="State of charge",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"), article("3(1)(27)")),
    record=RecordKind.CONDITION,
    note=(
        "The legal base is the rated capacity, so a full, aged battery reads below 100 and a new one may "
        "read slightly above (?); a BMS counts from the present capacity. The method says which base "
        "holds."
    ),
)

state_of_charge_records: Final = Attribute(
    "state_of_charge_records",
    title="State of charge over time",
    group=Chapter.DYNAMIC,
    value=list_of(structure("charge_record", Unit.PERCENT)),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"),),
    record=RecordKind.CONDITION,
    note="The law says periodically recorded; a histogram tells least about a person's habits.",
)

full_cycles: Final = Attribute(
    "full_cycles",
    title="Full equivalent cycles",
    group=Chapter.DYNAMIC,
    value=number(Unit.CYCLE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"), annex_vii("B", 5)),
    record=RecordKind.CONDITION,
    note=(
        "Published as discharged charge over the rated capacity: of the whole life where the BMS counts it "
        "(method fec.dis_rated.v1), else over recorded time only (fec.dis_rated.observed.v1). The other "
        "definition is both directions over twice the rated capacity. A BMS counter that was reset never "
        "lowers it."
    ),
)

energy_throughput: Final = Attribute(
    "energy_throughput",
    title="Energy throughput",
    group=Chapter.DYNAMIC,
    value=number(Unit.KILOWATT_HOUR, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 2)),
    record=RecordKind.CONDITION,
    note=(
        "Sum of charging and discharging; never falls. A duty of the BMS without a data point in the "
        "guidance."
    ),
)

capacity_throughput: Final = Attribute(
    "capacity_throughput",
    title="Capacity throughput",
    group=Chapter.DYNAMIC,
    value=number(Unit.AMPERE_HOUR, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 3)),
    record=RecordKind.CONDITION,
    note=(
        "Sum of charging and discharging; never falls. A duty of the BMS without a data point in the "
        "guidance."
    ),
)

temperature: Final = Attribute(
    "temperature",
    title="Temperature",
    group=Chapter.DYNAMIC,
    value=number(Unit.CELSIUS, at_least=-100, at_most=200),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"),),
    record=RecordKind.CONDITION,
)

operating_environment_records: Final = Attribute(
    "operating_environment_records",
    title="Operating conditions over time",
    group=Chapter.DYNAMIC,
    value=list_of(structure("environment_record")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"),),
    record=RecordKind.CONDITION,
    note="Records can show the habits of a person: aggregate them.",
)

time_above_temperature: Final = Attribute(
    "time_above_temperature",
    title="Time above the temperature bound",
    group=Chapter.DYNAMIC,
    value=integer(Unit.MINUTE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 4)),
    record=RecordKind.CONDITION,
    note="Bounds are those of `extreme_temperature_bounds`, else the idle range. Never falls.",
)

time_below_temperature: Final = Attribute(
    "time_below_temperature",
    title="Time below the temperature bound",
    group=Chapter.DYNAMIC,
    value=integer(Unit.MINUTE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 4)),
    record=RecordKind.CONDITION,
    note="Bounds are those of `extreme_temperature_bounds`, else the idle range. Never falls.",
)

charging_time_above_temperature: Final = Attribute(
    "charging_time_above_temperature",
    title="Charging time above the temperature bound",
    group=Chapter.DYNAMIC,
    value=integer(Unit.MINUTE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 4)),
    record=RecordKind.CONDITION,
    note="Bounds are those of `extreme_temperature_bounds`, else the idle range. Never falls.",
)

charging_time_below_temperature: Final = Attribute(
    "charging_time_below_temperature",
    title="Charging time below the temperature bound",
    group=Chapter.DYNAMIC,
    value=integer(Unit.MINUTE, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(ev=NOT_APPLICABLE, lmt=OWED, industrial=NOT_APPLICABLE, stationary=OWED),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 4)),
    record=RecordKind.CONDITION,
    note="Bounds are those of `extreme_temperature_bounds`, else the idle range. Never falls.",
)

extreme_temperature_bounds: Final = Attribute(
    "extreme_temperature_bounds",
    title="Bounds of extreme temperature",
    group=Chapter.DYNAMIC,
    value=structure("temperature_range", Unit.CELSIUS),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_vii("B", 4),),
    record=RecordKind.CONDITION,
    note=(
        "Annex VII names no figures; without bounds the counters cannot be compared. A model value in an "
        "individual class."
    ),
)

deep_discharge_count: Final = Attribute(
    "deep_discharge_count",
    title="Deep discharges",
    group=Chapter.DYNAMIC,
    value=integer(at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=VOLUNTARY, lmt=OWED.where(APPLICABLE), industrial=VOLUNTARY, stationary=OWED.where(APPLICABLE)
    ),
    applies=since(2027, 2, 18),
    law=(article("14"), annex_vii("B", 4), annex_xiii("4(d)")),
    record=RecordKind.CONDITION,
    note=(
        "Counted below the minimum voltage, by the German pre-standard; the law fixes no bound. Classed "
        "by Annex VII, although it cites 4(d) too."
    ),
)

overcharge_count: Final = Attribute(
    "overcharge_count",
    title="Overcharges",
    group=Chapter.DYNAMIC,
    value=integer(at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.CONDITION,
    note="Counted above the maximum voltage, by the German pre-standard; the law fixes no bound.",
)

negative_events: Final = Attribute(
    "negative_events",
    title="Negative events",
    group=Chapter.DYNAMIC,
    value=list_of(structure("negative_event")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"), annex_vii("B", 4)),
    record=RecordKind.CONDITION,
    note=(
        "Kind, time, duration, severity, source. An empty list says that none is known. Its chapter in "
        "DIN DKE SPEC 99100 is not certain (?)."
    ),
)

accidents: Final = Attribute(
    "accidents",
    title="Accidents",
    group=Chapter.DYNAMIC,
    value=list_of(structure("accident")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(APPLICABLE)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(d)"),),
    record=RecordKind.CONDITION,
    note="No place and no person. An empty list says that none is known.",
)

state_of_health: Final = Attribute(
    "state_of_health",
    title="State of health by our method",
    group=Chapter.DYNAMIC,
    value=number(Unit.PERCENT, at_least=0),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("3(1)(28)"), article("14(2)")),
    record=RecordKind.ASSESSMENT,
    note=(
        "An opinion with its method; its interval stands in the second-life assessment. A new battery often "
        "has more than its rating. The law knows no single number: electric vehicles have "
        "SOCE, LMT and stationary storage five parameters. What a BMS calls its health is never put here. "
        "Its chapter in DIN DKE SPEC 99100 is not certain (?)."
    ),
)

residual_value: Final = Attribute(
    "residual_value",
    title="Residual value",
    group=Chapter.DYNAMIC,
    value=structure("residual_value"),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("14(2)(b)"), article("77(9)(a)")),
    record=RecordKind.ASSESSMENT,
    note=(
        "An opinion: amount, interval, method, inputs, day. The law only foresees that data serve such an "
        "evaluation."
    ),
)

second_life_assessment: Final = Attribute(
    "second_life_assessment",
    title="Second-life assessment",
    group=Chapter.DYNAMIC,
    value=structure("second_life_assessment"),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("14(2)"), article("45"), article("73(1)"), article("77(9)(b)"), article("3(1)(29) to (32)")),
    record=RecordKind.ASSESSMENT,
    note=("An opinion: for each operation eligible, not eligible or undecided, with the rule that decided."),
)

further_use_evidence: Final = Attribute(
    "further_use_evidence",
    title="Evidence that the battery is no longer waste",
    group=Chapter.DYNAMIC,
    value=structure("further_use_evidence"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("73(1) to (4)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Test of condition in a Member State, contract or invoice on further use, protection in "
        "transport. Shown on request; not a point of Annex XIII."
    ),
)

measurement_metadata: Final = Attribute(
    "measurement_metadata",
    title="How the values were measured",
    group=Chapter.DYNAMIC,
    value=structure("measurement_metadata"),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4"), article("77(4)")),
    record=RecordKind.CONDITION,
    note=(
        "Stands beside every measured value already; this row holds what is common to all of them. Its "
        "chapter in DIN DKE SPEC 99100 is not certain (?)."
    ),
)
