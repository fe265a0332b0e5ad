"""The thirteen gates before a second life: each a question, the evidence it needs, and its three answers.

How answers meet (Kleene): a gate that asks several things fails when one of them fails, passes when all
pass, and is unknown otherwise; the same holds for the verdict over all gates. The order of gates therefore
cannot be seen in the outcome, and what is unknown can never turn into a pass.

A rule returns its answer with the reason in words. `inspect` says what a person must do about an unknown
answer. A signed inspection answers for a gate that the data leave unknown; it never overrules their failure.

Source of gates and bars: UL 1974, IEC 63330-1, IEC 63338:2024, ADR special provision 376, Regulation (EU)
2023/1542 Art. 73 and Annex XIV; bars that no text fixes are engineering defaults (`thresholds`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from passport.judgement.second_life import thresholds as bars
from schemas.terms import BatteryStatus


@unique
class Answer(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    UNKNOWN = "unknown"


@unique
class Resolver(StrEnum):
    """Where a gate's answer can come from at best."""

    COMPUTED = "computed"  # from stored readings
    DECLARED = "declared"  # from facts that an operator states
    INSPECTED = "inspected"  # from a person beside the battery, signed


@dataclass(frozen=True)
class Inspection:
    """What signed findings say about one gate.

    Attributes:
        clean: False for a finding; None when inspectors contradict each other.
        sentence: in the inspector's words.
    """

    clean: bool | None
    sentence: str


@dataclass(frozen=True)
class Evidence:
    """Everything the gates may look at. None always means: not known.

    Attributes:
        signature_valid: the newest passport record verifies with the operator's published key.
        serial_matches: the battery bears, or its BMS says, the serial number of the passport; somebody or
            something compared the two.
        battery_status: Annex XIII 4(c), as declared.
        open_recall: the maker's word on recalls.
        accidents: True when an accident, water or fire is declared; False when "none" is declared.
        crash_flag: a device reported a crash.
        coverage: share of the days in service with stored readings, 0 to 1; None when the days are not known.
        cell_coverage: the same for readings of cell voltages.
        temperature_coverage: the same for readings of cell or module temperatures.
        chemistry: word of the attribute `battery_chemistry`.
        lowest_cell_voltage: volts, under any load, without doubted values.
        lowest_rested_cell_voltage: volts, without load, where that ever was below the chemistry's severe
            limit.
        rested_low_count: occasions below that limit without load; None when that was never watched or cannot
            be judged.
        rested_low_seconds: longest of them.
        highest_cell_voltage: volts, without doubted values.
        severe_overvoltage_seconds: longest stay above the chemistry's severe voltage; 0 when there was none.
        highest_temperature: degC of any cell or module, without doubted values.
        insulation_ohm_per_volt: last measured insulation resistance by the highest pack voltage.
        insulation_age_days: age of that measurement.
        cell_drift_ratio: drift of the worst cell by the median of the fleet.
        self_discharge: percent per month.
        silent_days: since the BMS was last heard.
        protections: active protections, alarms and faults; None when the BMS never speaks of them.
        sensors_doubted: a last reading of a cell is distrusted.
        resets: how often counters began anew.
        history_lost: True when the operator states that no lifetime record exists.
        capacity_age_days: age of a capacity measurement that counts.
        capacity_below_every_use: the measured capacity is below the floor of every use.
        inspections: signed findings by gate id.
    """

    signature_valid: bool | None = None
    serial_matches: bool | None = None
    battery_status: BatteryStatus | None = None
    open_recall: bool | None = None
    accidents: bool | None = None
    crash_flag: bool | None = None
    coverage: Decimal | None = None
    cell_coverage: Decimal | None = None
    temperature_coverage: Decimal | None = None
    chemistry: str | None = None
    lowest_cell_voltage: Decimal | None = None
    lowest_rested_cell_voltage: Decimal | None = None
    rested_low_count: int | None = None
    rested_low_seconds: Decimal | None = None
    highest_cell_voltage: Decimal | None = None
    severe_overvoltage_seconds: Decimal | None = None
    highest_temperature: Decimal | None = None
    insulation_ohm_per_volt: Decimal | None = None
    insulation_age_days: int | None = None
    cell_drift_ratio: Decimal | None = None
    self_discharge: Decimal | None = None
    silent_days: int | None = None
    protections: tuple[str, ...] | None = None
    sensors_doubted: bool | None = None
    resets: int | None = None
    history_lost: bool | None = None
    capacity_age_days: int | None = None
    capacity_below_every_use: bool | None = None
    inspections: Mapping[str, Inspection] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Said:
    """An answer and its reason in words."""

    answer: Answer
    reason: str


@dataclass(frozen=True)
class Gate:
    """One gate.

    Attributes:
        id: `G1` to `G13`.
        name: two words for tables.
        question: what is asked, so that "pass" is good news.
        needs: the evidence, in words.
        resolver: where an answer can come from at best.
        passes, fails, unknown: what each answer means.
        inspect: what to do about an unknown answer.
        basis: standard, law, or engineering default.
        rule: the answer to some evidence.
    """

    id: str
    name: str
    question: str
    needs: str
    resolver: Resolver
    passes: str
    fails: str
    unknown: str
    inspect: str
    basis: str
    rule: Callable[[Evidence], Said]

    def decide(self, evidence: Evidence) -> Said:
        """The answer of the data, or of a signed inspection where the data leave it open."""
        said = self.rule(evidence)
        inspection = evidence.inspections.get(self.id)
        if said.answer is not Answer.UNKNOWN or inspection is None:
            return said
        if inspection.clean is None:
            return Said(Answer.UNKNOWN, f"{said.reason}; {inspection.sentence}")
        return Said(Answer.PASS if inspection.clean else Answer.FAIL, f"inspected: {inspection.sentence}")


def together(*said: Said) -> Said:
    """One answer to several questions: a failure decides, then an unknown, else all pass."""
    for answer in (Answer.FAIL, Answer.UNKNOWN):
        reasons = [one.reason for one in said if one.answer is answer]
        if reasons:
            return Said(answer, "; ".join(reasons))
    return Said(Answer.PASS, "; ".join(one.reason for one in said))


def _pass(reason: str) -> Said:
    return Said(Answer.PASS, reason)


def _fail(reason: str) -> Said:
    return Said(Answer.FAIL, reason)


def _unknown(reason: str) -> Said:
    return Said(Answer.UNKNOWN, reason)


def _stated(value: bool | None, *, good: bool, passes: str, fails: str, unknown: str) -> Said:
    """The answer to a yes-or-no question; `good` is the word that passes."""
    if value is None:
        return _unknown(unknown)
    return _pass(passes) if value is good else _fail(fails)


def _covered(coverage: Decimal | None, bar: Decimal, what: str = "the life") -> Said:
    """Whether enough was recorded of `what` to say "never"; too little is unknown, not a failure."""
    if coverage is None:
        return _unknown(f"over how much of the days in service {what} was recorded is not known")
    share = f"{what} was recorded over {int(coverage * 100)}% of the days in service"
    return _pass(share) if coverage >= bar else _unknown(f"{share}, {bar:.0%} are needed")


# ------------------------------------------------------------------------------------------------- rules

_CELLS: Final = "the voltage of the cells"


def _identity(evidence: Evidence) -> Said:
    return together(
        _stated(
            evidence.signature_valid,
            good=True,
            passes="the passport's signature is valid",
            fails="the passport's signature is not valid",
            unknown="there is no signed passport to check",
        ),
        _stated(
            evidence.serial_matches,
            good=True,
            passes="the battery says the serial number of the passport",
            fails="the battery says another serial number than the passport",
            unknown="nobody compared the serial number of the battery with the passport's",
        ),
    )


def _recall_and_status(evidence: Evidence) -> Said:
    status = evidence.battery_status
    if status is None:
        waste = _unknown("the battery's status is not declared")
    elif status is BatteryStatus.WASTE:
        waste = _fail("the battery is waste, and no proof under Art. 73 that it ceased to be")
    else:
        waste = _pass(f"its status is {status.value}")
    return together(
        waste,
        _stated(
            evidence.open_recall,
            good=False,
            passes="the maker knows of no open recall",
            fails="a safety recall is open",
            unknown="no word of the maker on recalls",
        ),
    )


def _mechanics(_: Evidence) -> Said:
    return _unknown("no reading tells of housing, leaks, swelling or corrosion")


def _accidents(evidence: Evidence) -> Said:
    return together(
        _stated(
            evidence.accidents,
            good=False,
            passes="declared: no accident, water or fire",
            fails="an accident, water or fire is declared",
            unknown="nothing is declared about accidents, water or fire",
        ),
        _stated(
            evidence.crash_flag,
            good=False,
            passes="no crash was reported by the device",
            fails="the device reported a crash",
            unknown="whether the device reported a crash is not known",
        ),
        _covered(evidence.coverage, bars.COVERAGE_FOR_EXTREMES),
    )


def _insulation(evidence: Evidence) -> Said:
    measured, age = evidence.insulation_ohm_per_volt, evidence.insulation_age_days
    if measured is None or age is None:
        return _unknown("insulation was not measured")
    if age > bars.INSULATION_AGE_DAYS:
        return _unknown(f"insulation was measured {age} days ago, {bars.INSULATION_AGE_DAYS} is the limit")
    if measured < bars.INSULATION_FAIL:
        return _fail(f"insulation is {measured:.0f} ohm/V, below {bars.INSULATION_FAIL}")
    if measured < bars.INSULATION_PASS:
        return _unknown(f"insulation is {measured:.0f} ohm/V, between {bars.INSULATION_FAIL} and 500")
    return _pass(f"insulation is {measured:.0f} ohm/V")


def _over_discharge(evidence: Evidence) -> Said:
    limits = bars.LIMITS.get(evidence.chemistry or "")
    if limits is None:
        return _unknown(
            f"no limit of over-discharge is on record for chemistry {evidence.chemistry or 'unknown'}"
        )
    rested, lowest = evidence.lowest_rested_cell_voltage, evidence.lowest_cell_voltage
    if rested is not None and rested < limits.reject_below:
        return _fail(f"a rested cell was at {rested} V, below {limits.reject_below} V")
    seconds, count = evidence.rested_low_seconds, evidence.rested_low_count
    day_limit = limits.reject_below_for_a_day
    if seconds is not None and seconds > bars.A_DAY_SECONDS:
        return _fail(f"a cell was below {day_limit} V without load for {seconds} s")
    if lowest is None:
        return _unknown("no cell voltage was recorded")
    if count is None and lowest < limits.reject_below:
        return _unknown(f"a cell was at {lowest} V; whether under load or at rest is not recorded")
    if count is None and lowest < day_limit:
        return _unknown(f"a cell was at {lowest} V; for how long is not recorded")
    enough = _covered(evidence.cell_coverage, bars.COVERAGE_FOR_EXTREMES, _CELLS)
    if lowest >= day_limit:
        return together(enough, _pass(f"no cell was below {lowest} V"))
    if not count:
        said = f"a cell was at {lowest} V under load, or for a moment; at rest none was below {day_limit} V"
    else:
        said = f"without load a cell was below {day_limit} V {count} times, never for more than a day"
    return together(enough, _pass(said))


def _over_voltage(evidence: Evidence) -> Said:
    limits = bars.LIMITS.get(evidence.chemistry or "")
    if limits is None:
        return _unknown(
            f"no limit of over-voltage is on record for chemistry {evidence.chemistry or 'unknown'}"
        )
    highest, seconds = evidence.highest_cell_voltage, evidence.severe_overvoltage_seconds
    if seconds is not None and seconds > bars.SEVERE_SECONDS:
        return _fail(f"a cell was above {limits.severe_above} V for {seconds} s")
    if highest is None:
        return _unknown("no cell voltage was recorded")
    if highest > limits.severe_above:
        stay = "for how long is not recorded" if seconds is None else f"for {seconds} s at the longest"
        return _unknown(f"a cell was at {highest} V, above {limits.severe_above} V; {stay}")
    enough = _covered(evidence.cell_coverage, bars.COVERAGE_FOR_EXTREMES, _CELLS)
    return together(enough, _pass(f"no cell was above {highest} V"))


def _thermal_abuse(evidence: Evidence) -> Said:
    hottest = evidence.highest_temperature
    if hottest is None:
        return _unknown("no temperature was recorded")
    if hottest >= bars.THERMAL_ABUSE:
        return _fail(
            f"a cell or module was at {hottest} °C; {bars.THERMAL_ABUSE} °C and more is thermal abuse"
        )
    enough = _covered(evidence.temperature_coverage, bars.COVERAGE_FOR_EXTREMES, "the temperature")
    return together(enough, _pass(f"nothing was hotter than {hottest} °C"))


def _soft_short(evidence: Evidence) -> Said:
    drift, loss = evidence.cell_drift_ratio, evidence.self_discharge
    return together(
        _banded(drift, bars.DRIFT_PASS, bars.DRIFT_FAIL, "drift of the worst cell by the fleet's median"),
        _banded(loss, bars.SELF_DISCHARGE_PASS, bars.SELF_DISCHARGE_FAIL, "self-discharge in % per month"),
    )


def _banded(value: Decimal | None, good: Decimal, bad: Decimal, what: str) -> Said:
    if value is None:
        return _unknown(f"{what}: not determined")
    if value > bad:
        return _fail(f"{what}: {value}, above {bad}")
    return (
        _pass(f"{what}: {value}") if value <= good else _unknown(f"{what}: {value}, between {good} and {bad}")
    )


def _bms(evidence: Evidence) -> Said:
    silent = evidence.silent_days
    if silent is None:
        heard = _unknown("no reading of the BMS has a time, or there is none")
    elif silent > bars.LAST_WORD_DAYS:
        heard = _unknown(f"the BMS was last read {silent} days ago")
    else:
        heard = _pass("the BMS responds")
    if evidence.protections is None:
        faults = _unknown("whether a protection is active is not known")
    elif evidence.protections:
        # A protection of a moment (an empty pack, a cold morning) looks like a fault; only a person can tell.
        faults = _unknown(f"active now: {', '.join(evidence.protections)}")
    else:
        faults = _pass("no protection is active")
    doubted = _stated(
        evidence.sensors_doubted,
        good=False,
        passes="its readings are plausible",
        fails="",
        unknown="whether its readings are plausible is not known",
    )
    if evidence.sensors_doubted:
        doubted = _unknown("a cell's reading is distrusted")
    if evidence.resets is None:
        reset = _unknown("whether its counters began anew is not known")
    elif evidence.resets:
        reset = _unknown(f"its counters began anew {evidence.resets} times")
    else:
        reset = _pass("its counters never began anew")
    return together(heard, faults, doubted, reset)


def _traceability(evidence: Evidence) -> Said:
    if evidence.history_lost:
        return _fail("the operator states that no lifetime record exists")
    return _covered(evidence.coverage, bars.COVERAGE_FOR_HISTORY)


def _capacity(evidence: Evidence) -> Said:
    age = evidence.capacity_age_days
    if age is None and evidence.capacity_below_every_use is not None:
        return _unknown("the capacity was measured on a day that is not known")
    if age is None:
        return _unknown("no capacity test and no session that tells the capacity")
    if age > bars.CAPACITY_AGE_DAYS:
        return _unknown(f"the capacity was measured {age} days ago, {bars.CAPACITY_AGE_DAYS} is the limit")
    return _stated(
        evidence.capacity_below_every_use,
        good=False,
        passes=f"the capacity was measured {age} days ago",
        fails="the measured capacity is below the floor of every use",
        unknown="the measured capacity was not compared with any use",
    )


def _transport(_: Evidence) -> Said:
    return _unknown(
        "whether it is damaged or defective cannot be told from readings: treat as special provision 376"
    )


# ------------------------------------------------------------------------------------------------ entries

_DEFAULT: Final = "engineering default"

GATES: Final[tuple[Gate, ...]] = (
    Gate(
        id="G1",
        name="identity",
        question="Is this the battery of the passport, and is the passport genuine?",
        needs="the signed passport, the operator's published key, the serial number",
        resolver=Resolver.COMPUTED,
        passes="signature valid, and the battery says the serial number of the passport",
        fails="signature not valid, or another serial number",
        unknown="nothing to verify, or nobody compared the serial numbers",
        inspect="compare the serial number on the label with the passport and verify the record",
        basis="UL 1974, identification",
        rule=_identity,
    ),
    Gate(
        id="G2",
        name="recall and status",
        question="Is it free of recalls, and is it no waste?",
        needs="the maker's recalls, the battery status",
        resolver=Resolver.DECLARED,
        passes="no open recall, status other than waste",
        fails="open safety recall, or waste without a record under Art. 73",
        unknown="no word of the maker",
        inspect="ask the maker whether a recall or an end-of-life notice covers this serial number",
        basis="Regulation (EU) 2023/1542 Art. 73",
        rule=_recall_and_status,
    ),
    Gate(
        id="G3",
        name="mechanical condition",
        question="Are housing, vents, cells and contacts sound?",
        needs="a signed inspection",
        resolver=Resolver.INSPECTED,
        passes="signed inspection without a finding",
        fails="signed finding",
        unknown="not inspected",
        inspect="look for deformation, swelling, leaks, opened vents and corrosion; file the signed result",
        basis="UL 1974, ADR special provision 376",
        rule=_mechanics,
    ),
    Gate(
        id="G4",
        name="accident, water, fire",
        question="Was it spared accident, water and fire?",
        needs="the operator's declaration, a crash signal, a complete history",
        resolver=Resolver.DECLARED,
        passes="declared none, no crash signal, history complete",
        fails="confirmed exposure",
        unknown="a signal without assessment, or nothing declared",
        inspect="have the last operator declare accidents, water and fire, and look for their traces",
        basis="Annex XIII 4(d); ADR special provision 376",
        rule=_accidents,
    ),
    Gate(
        id="G5",
        name="insulation",
        question="Is the insulation against the housing good?",
        needs="an insulation measurement of the last 90 days",
        resolver=Resolver.INSPECTED,
        passes="at least 500 ohm/V",
        fails="below 100 ohm/V",
        unknown="not measured, too old, or between",
        inspect="measure the insulation resistance of both poles against the housing",
        basis=f"{_DEFAULT}, after the practice of UN Regulation No. 100",
        rule=_insulation,
    ),
    Gate(
        id="G6",
        name="over-discharge",
        question="Was no cell ever deeply over-discharged?",
        needs="lowest cell voltage over 95 % of the days in service, chemistry",
        resolver=Resolver.COMPUTED,
        passes="never below the limit of the chemistry",
        fails="a rested cell below the reject value",
        unknown="too little recorded, or under which load is not recorded",
        inspect="rest the battery for a day and measure every cell; look for undervoltage logged by the BMS",
        basis=f"{bars.SOURCE}; UL 1974, history",
        rule=_over_discharge,
    ),
    Gate(
        id="G7",
        name="over-voltage",
        question="Was no cell ever severely over-charged?",
        needs="highest cell voltage over 95 % of the days in service, chemistry",
        resolver=Resolver.COMPUTED,
        passes="never above the severe limit of the chemistry",
        fails="above it for more than 60 s",
        unknown="too little recorded, or for how long is not recorded",
        inspect="look for overvoltage logged by the BMS and its duration",
        basis=f"{bars.SOURCE}; UL 1974, history",
        rule=_over_voltage,
    ),
    Gate(
        id="G8",
        name="thermal abuse",
        question="Was it never as hot as 80 °C?",
        needs="highest cell temperature over 95 % of the days in service",
        resolver=Resolver.COMPUTED,
        passes="never 80 °C",
        fails="80 °C or more, ever",
        unknown="no temperature record, or too little of it",
        inspect="look for discoloured or deformed parts and for over-temperature logged by the BMS",
        basis=_DEFAULT,
        rule=_thermal_abuse,
    ),
    Gate(
        id="G9",
        name="soft short",
        question="Does every cell hold its charge?",
        needs="drift of each cell beside its fleet, self-discharge",
        resolver=Resolver.COMPUTED,
        passes="drift at most three times the fleet's median, self-discharge at most 5 % a month",
        fails="drift above ten times, or self-discharge above 10 % a month",
        unknown="not determinable from what was recorded",
        inspect="charge, rest for two weeks, and compare the voltages of all cells",
        basis=f"UL 1974, self-discharge; {_DEFAULT}",
        rule=_soft_short,
    ),
    Gate(
        id="G10",
        name="BMS function",
        question="Does the battery management system work?",
        needs="recent readings, active protections, doubts, counter resets",
        resolver=Resolver.COMPUTED,
        passes="responds, no fault active, readings plausible, no reset",
        fails="a signed finding of a safety fault",
        unknown="not readable, a protection is active, or a reset without history",
        inspect="read the BMS, clear what is active, and test its protections one by one",
        basis="UL 1974, BMS check",
        rule=_bms,
    ),
    Gate(
        id="G11",
        name="traceability",
        question="Is the life of the battery recorded?",
        needs="days with stored readings, days in service",
        resolver=Resolver.COMPUTED,
        passes="at least 90 % of the days in service",
        fails="the operator states that nothing was recorded",
        unknown="less than 90 %, or the days in service are not known",
        inspect="obtain the missing lifetime records from the BMS's own memory or from the operators before",
        basis="IEC 63338:2024: no re-use without recorded lifetime traceability",
        rule=_traceability,
    ),
    Gate(
        id="G12",
        name="capacity",
        question="Is the remaining capacity known and enough for some use?",
        needs="a capacity test or a telling charge of the last 180 days",
        resolver=Resolver.COMPUTED,
        passes="measured lately, above the floor of a use",
        fails="measured, below the floor of every use",
        unknown="not measured, or too long ago",
        inspect="run a capacity test: a full charge after rest, a full discharge at the rated current",
        basis="UL 1974, capacity; IEC 63330-1",
        rule=_capacity,
    ),
    Gate(
        id="G13",
        name="transport class",
        question="May it travel as an undamaged battery?",
        needs="a signed diagnosis under ADR special provision 376",
        resolver=Resolver.INSPECTED,
        passes="diagnosed: not damaged, not defective",
        fails="confirmed damaged or defective",
        unknown="not diagnosed: treat as special provision 376",
        inspect="diagnose it before carriage; until then pack it as damaged or defective",
        basis="ADR special provision 376",
        rule=_transport,
    ),
)
