"""What a state says in the words of the registry: only what was measured or reported, each with its method.

Methods:
- `fec.dis_rated.v1`: charge taken out by the device's lifetime counter, over the rated capacity;
  `fec.dis_rated.observed.v1`: the same by our sum over observed time, which is not the whole life.
  `fec.thru_rated.v1`: both directions, over twice the rated capacity. Always the rated capacity: with the
  present one a dying battery would seem to cycle faster.
- `charge.observed.v1`, `energy.observed.v1`: trapezoid sums over observed time, both directions added. What
  happened before the first row, or in unknown time, is not in them; `coverage` tells how much that is.
- `charge.counter.v1`, `energy.counter.v1`: the device's own lifetime counters, resets added up.
- `soc.bms.v1`: as the BMS said it, on the base it uses.
- `temperature.hottest_cell.v1`: the hottest cell of the last row that had one.
- `clock.exposure.v1`: observed time that began beyond the declared bound (`passport.lifecycle.exposure`);
  charging is a current of at least a fiftieth of the rated capacity an hour.
- `clock.residence.v1`: the same by temperature bin, where the clock ran by another bound than is declared
  now; stated only where the bound is an edge of a bin.
- `residence.hottest.v1`: observed time by band of temperature and charge, hottest sensor; the outer bands end
  where the extremes lie.
- `events.occasion.v1`: occasions beyond a limit, by the rules told in `passport.lifecycle.exposure`; the
  declared limit, else the chemistry's. Under load, too: that is what the word says.
- `events.newest.v1`: of those that came last, which are kept whole.

A count is stated only where the quantity was watched for any time at all, so nought means: watched, and none
seen; for how long is in `Exposure.clocks`. A clock of exposure is stated only where the quantity was watched
for at least nine tenths of the time between first and last row (rule 20 of ingestion).

Source: Regulation (EU) 2023/1542, Annex VII part B; Annex XIII point 4(d).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from passport.lifecycle.basis import basis_of
from passport.lifecycle.exposure import KINDS, TELEMETRY_GAP, Clock, Driver, Occasion
from passport.lifecycle.limits import limits_of
from passport.lifecycle.shape import (
    CHARGE_BINS,
    TEMPERATURE_EDGES,
    TOLD_AND_USED,
    Counter,
    Last,
    LifecycleState,
)
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.terms import Source

FULL_CYCLES: Final = "fec.dis_rated.v1"
FULL_CYCLES_OBSERVED: Final = "fec.dis_rated.observed.v1"

_TWICE_MA_MS_PER_AH: Final = 2 * 1000 * 3_600_000
_TWICE_UW_MS_PER_KWH: Final = 2 * 1000 * 1_000_000 * 3_600_000
_MILLI: Final = Decimal("0.001")
_LEAST_WATCHED: Final = Decimal("0.9")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Coverage:
    """How much of a battery's life its state has seen.

    Attributes:
        first, last: earliest and latest moment with a row that counted; None without absolute time.
        observed, unknown: time in steps up to the longest gap, and in longer ones.
        charge, energy: time over which charge and energy were summed.
        rows, overlapping, untimed: rows folded; those in time covered before; those without time.
        clock_jumps: how often a device's clock ran back.
    """

    first: datetime | None
    last: datetime | None
    observed: timedelta
    unknown: timedelta
    charge: timedelta
    energy: timedelta
    rows: int
    overlapping: int
    untimed: int
    clock_jumps: int


def coverage(state: LifecycleState) -> Coverage:
    """What the sums rest on."""
    return Coverage(
        _moment(state.first_ms),
        _moment(state.last_ms),
        timedelta(milliseconds=state.observed_ms),
        timedelta(milliseconds=state.unknown_ms),
        timedelta(milliseconds=state.charge_ms),
        timedelta(milliseconds=state.energy_ms),
        state.rows,
        state.overlapping,
        state.untimed,
        state.backwards,
    )


def summary(state: LifecycleState, facts: Mapping[str, Any]) -> dict[str, Stated[Any]]:
    """Attribute id to stated value, for the attributes that the state knows something of.

    What is not in the result is not known: nothing is estimated, and nothing is nought for want of data.

    Args:
        state: of the battery.
        facts: its declared facts, those that the folding knew (`basis.basis_of`).
    """
    found: dict[str, Stated[Any]] = {}
    at = _moment(state.last_ms)
    out = _discharged(state)
    rated = _number(facts.get("rated_capacity"))
    if out is not None and rated is not None and rated > 0:
        cycles = (out[0] / rated).quantize(_MILLI, ROUND_HALF_EVEN)
        method = FULL_CYCLES_OBSERVED if out[1] is Source.COMPUTED else FULL_CYCLES
        _state(found, "full_cycles", cycles, source=out[1], as_of=at, method=method)
    charge = _counted(state, ("charge_in", "charge_out"), ("charge_throughput",))
    if charge is not None:
        _state(
            found,
            "capacity_throughput",
            charge[0],
            source=Source.BMS_REPORTED,
            as_of=charge[1],
            method="charge.counter.v1",
        )
    elif state.charge_ms:
        amount = amp_hours(state.charge_in + state.charge_out)
        _state(
            found,
            "capacity_throughput",
            amount,
            source=Source.COMPUTED,
            as_of=at,
            method="charge.observed.v1",
        )
    energy = _counted(state, ("energy_in", "energy_out"))
    if energy is not None:
        _state(
            found,
            "energy_throughput",
            energy[0],
            source=Source.BMS_REPORTED,
            as_of=energy[1],
            method="energy.counter.v1",
        )
    elif state.energy_ms:
        amount = kilowatt_hours(state.energy_in + state.energy_out)
        _state(
            found, "energy_throughput", amount, source=Source.COMPUTED, as_of=at, method="energy.observed.v1"
        )
    _last_words(found, state)
    _clocks(found, state, facts, at)
    _events(found, state, facts, at)
    _environment(found, state, at)
    return found


def full_cycles_throughput(state: LifecycleState, rated_capacity: Decimal) -> Decimal | None:
    """Full equivalent cycles by `fec.thru_rated.v1`; None when no charge was summed."""
    if not state.charge_ms or rated_capacity <= 0:
        return None
    both = amp_hours(state.charge_in + state.charge_out)
    return (both / (2 * rated_capacity)).quantize(_MILLI, ROUND_HALF_EVEN)


def reported(state: LifecycleState) -> dict[str, Last]:
    """What sources last said, by quantity, doubts included; the newest where several spoke.

    `bms_reported_health` is here, and only here: a BMS's own figure stands beside our health, never in its
    place.
    """
    said = dict(state.last_before)
    for name, last in state.last.items():
        before = said.get(name)
        if before is None or before.time_ms is None or last.time_ms is None or last.time_ms >= before.time_ms:
            said[name] = last
    return said


def amp_hours(twice_ma_ms: int) -> Decimal:
    """A sum of charge in Ah, to the milliampere-hour, half to even."""
    return _quotient(twice_ma_ms, _TWICE_MA_MS_PER_AH)


def kilowatt_hours(twice_uw_ms: int) -> Decimal:
    """A sum of energy in kWh, to the watt-hour, half to even."""
    return _quotient(twice_uw_ms, _TWICE_UW_MS_PER_KWH)


def milliamp_hours(twice_ma_ms: int) -> Decimal:
    """A sum of charge in mAh, to a thousandth, half to even: for cells that hold few of them."""
    return _quotient(1000 * twice_ma_ms, _TWICE_MA_MS_PER_AH)


def watt_hours(twice_uw_ms: int) -> Decimal:
    """A sum of energy in Wh, to a thousandth, half to even."""
    return _quotient(1000 * twice_uw_ms, _TWICE_UW_MS_PER_KWH)


def _quotient(amount: int, unit: int) -> Decimal:
    # By integers: a division of long decimals would round twice.
    thousandths, rest = divmod(amount * 1000, unit)
    if 2 * rest > unit or (2 * rest == unit and thousandths % 2 == 1):
        thousandths += 1
    return Decimal(thousandths).scaleb(-3)


def _state(
    found: dict[str, Stated[Any]],
    attribute: str,
    value: Decimal | int | Sequence[Mapping[str, Any]],
    *,
    source: Source,
    as_of: datetime | None,
    method: str,
) -> None:
    found[attribute] = Stated.of(REGISTRY[attribute], value, source=source, as_of=as_of, method=method)


def _discharged(state: LifecycleState) -> tuple[Decimal, Source] | None:
    """Ah taken out, and who counted; None when nobody did."""
    counter = state.counters.get("charge_out")
    if counter is not None:
        return _amount(counter), Source.BMS_REPORTED
    return (amp_hours(state.charge_out), Source.COMPUTED) if state.charge_ms else None


def _counted(state: LifecycleState, *choices: tuple[str, ...]) -> tuple[Decimal, datetime | None] | None:
    """The sum of the first choice of counters that the device keeps, and when it was last said."""
    for names in choices:
        counters = [state.counters[name] for name in names if name in state.counters]
        if len(counters) == len(names):
            times = [counter.time_ms for counter in counters]
            known = [time for time in times if time is not None]
            moment = _moment(min(known)) if len(known) == len(times) else None
            return sum((_amount(counter) for counter in counters), Decimal(0)), moment
    return None


def _amount(counter: Counter) -> Decimal:
    return Decimal(counter.total).scaleb(-3)


def _last_words(found: dict[str, Stated[Any]], state: LifecycleState) -> None:
    said = reported(state)
    for quantity, attribute, method, low, high in (
        ("state_of_charge", "state_of_charge", "soc.bms.v1", 0, 100),
        ("hottest", "temperature", "temperature.hottest_cell.v1", -100, 200),
    ):
        last = said.get(quantity)
        if last is None or not TOLD_AND_USED.issuperset(last.doubts):
            continue
        value = Decimal(last.value)
        if low <= value <= high:
            _state(
                found,
                attribute,
                value,
                source=Source.BMS_REPORTED,
                as_of=_moment(last.time_ms),
                method=method,
            )


def _clocks(
    found: dict[str, Stated[Any]], state: LifecycleState, facts: Mapping[str, Any], at: datetime | None
) -> None:
    basis, clocks = basis_of(facts), state.exposure.clocks
    lower_bound, upper_bound = basis.idle_coldest, basis.idle_hottest
    if state.exposure.bounds == (lower_bound, upper_bound):
        for attribute, bound, clock, watched in (
            ("time_above_temperature", upper_bound, Clock.ABOVE_BOUND, Clock.HEAT),
            ("time_below_temperature", lower_bound, Clock.BELOW_BOUND, Clock.HEAT),
            (
                "charging_time_above_temperature",
                *(upper_bound, Clock.CHARGING_ABOVE_BOUND, Clock.HEAT_AND_CURRENT),
            ),
            (
                "charging_time_below_temperature",
                *(lower_bound, Clock.CHARGING_BELOW_BOUND, Clock.HEAT_AND_CURRENT),
            ),
        ):
            if bound is not None and _is_watched(state, clocks[watched]):
                _state(
                    found,
                    attribute,
                    clocks[clock] // 60_000,
                    source=Source.COMPUTED,
                    as_of=at,
                    method="clock.exposure.v1",
                )
        return
    if not _is_watched(state, sum(state.hot.values())):
        return
    upper = None if upper_bound is None else Decimal(upper_bound).scaleb(-1)
    lower = None if lower_bound is None else Decimal(lower_bound).scaleb(-1)
    if upper is not None and state.hot and (edge := _edge(upper)) is not None:
        spent = sum(ms for where, ms in state.hot.items() if where > edge)
        _state(
            found,
            "time_above_temperature",
            spent // 60_000,
            source=Source.COMPUTED,
            as_of=at,
            method="clock.residence.v1",
        )
    if lower is not None and state.cold and (edge := _edge(lower)) is not None:
        spent = sum(ms for where, ms in state.cold.items() if where <= edge)
        _state(
            found,
            "time_below_temperature",
            spent // 60_000,
            source=Source.COMPUTED,
            as_of=at,
            method="clock.residence.v1",
        )


def _is_watched(state: LifecycleState, watched_ms: int) -> bool:
    """Whether so much of the time was watched that time spent somewhere may be stated."""
    if state.first_ms is None or state.last_ms is None or not watched_ms:
        return False
    return watched_ms >= _LEAST_WATCHED * (state.last_ms - state.first_ms)


# What an occasion is told with: exponent and unit of its driver.
_TOLD: Final = {
    Driver.LOWEST: (-3, "V"),
    Driver.UNLOADED: (-3, "V"),
    Driver.HIGHEST: (-3, "V"),
    Driver.SPREAD: (-3, "V"),
    Driver.COLDEST: (-1, "degC"),
    Driver.HOTTEST: (-1, "degC"),
    Driver.POWER: (0, "W"),
    Driver.CHARGE: (-1, "%"),
    Driver.INSULATION: (0, "ohm"),
}
# Told beside the one that a person would call the event: the same occasion by a stricter rule.
_SAME_EVENT: Final = frozenset({"deep_discharge_compensated"})


def worst_of(kind: int, excess: int, facts: Mapping[str, Any]) -> str | None:
    """The furthest value of an occasion as text; None where its limit is not known any more."""
    if kind == TELEMETRY_GAP:
        return None
    known = KINDS[kind]
    limit: int | None = getattr(limits_of(basis_of(facts)), known.limit)
    if limit is None:
        return None
    exponent, unit = _TOLD[known.driver]
    value = limit - excess if known.below else limit + excess
    return f"{Decimal(value).scaleb(exponent):f} {unit}"


def _events(
    found: dict[str, Stated[Any]], state: LifecycleState, facts: Mapping[str, Any], at: datetime | None
) -> None:
    exposure = state.exposure
    for attribute, kind in (("deep_discharge_count", "deep_discharge"), ("overcharge_count", "overvoltage")):
        if exposure.can_tell(kind):
            _state(
                found,
                attribute,
                exposure.known(kind).count,
                source=Source.COMPUTED,
                as_of=at,
                method="events.occasion.v1",
            )
    told = [
        _event(one, facts)
        for one in exposure.occasions()
        if one.kind != TELEMETRY_GAP and KINDS[one.kind].name not in _SAME_EVENT
    ]
    # That nothing happened is only said where the main kinds could be seen.
    if told or all(exposure.can_tell(kind) for kind in ("deep_discharge", "overvoltage", "over_temperature")):
        _state(found, "negative_events", told, source=Source.COMPUTED, as_of=at, method="events.newest.v1")


def _event(one: Occasion, facts: Mapping[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {"type": KINDS[one.kind].name, "duration_s": one.held_ms // 1000}
    if one.start_s is not None:
        event["at"] = _EPOCH + timedelta(seconds=one.start_s)
    worst = worst_of(one.kind, one.worst, facts)
    if worst is not None:
        event["severity"] = worst
    return event


def _environment(found: dict[str, Stated[Any]], state: LifecycleState, at: datetime | None) -> None:
    coldest, hottest = state.extremes.get("temperature_min"), state.extremes.get("temperature_max")
    bands = [
        {
            "temperature_from": _tenths(low),
            "temperature_to": _tenths(high),
            "charge_from": Decimal(where % CHARGE_BINS * 10),
            "charge_to": Decimal(where % CHARGE_BINS * 10 + 10),
            "time_s": spent // 1000,
        }
        for where, spent in sorted(state.residence.items())
        if coldest is not None and hottest is not None and spent >= 1000
        for low, high in (_band(where // CHARGE_BINS, coldest.value, hottest.value),)
    ]
    if bands:
        _state(
            found,
            "operating_environment_records",
            bands,
            source=Source.COMPUTED,
            as_of=at,
            method="residence.hottest.v1",
        )


def _band(number: int, coldest: int, hottest: int) -> tuple[int, int]:
    """Bounds of a temperature bin in tenths; the outer ones end at the extremes, or ten degrees further."""
    if number == 0:
        return min(coldest, TEMPERATURE_EDGES[0] - 100), TEMPERATURE_EDGES[0]
    if number == len(TEMPERATURE_EDGES):
        return TEMPERATURE_EDGES[-1], max(hottest, TEMPERATURE_EDGES[-1] + 100)
    return TEMPERATURE_EDGES[number - 1], TEMPERATURE_EDGES[number]


def _tenths(value: int) -> Decimal:
    return Decimal(value).scaleb(-1)


def _edge(bound: Decimal) -> int | None:
    """The bin that ends at a bound; None where the bound lies inside a bin: time cannot be told apart."""
    tenths = bound * 10
    return TEMPERATURE_EDGES.index(int(tenths)) if tenths in TEMPERATURE_EDGES else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def _moment(time_ms: int | None) -> datetime | None:
    return None if time_ms is None else _EPOCH + timedelta(milliseconds=time_ms)
