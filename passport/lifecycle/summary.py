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
- `clock.residence.v1`: observed time by temperature bin; stated only where the bound is an edge of a bin, and
  where at least nine tenths of the time between first and last row were watched (rule 20 of ingestion).

Source: Regulation (EU) 2023/1542, Annex VII part B; Annex XIII point 4(d).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from passport.lifecycle.shape import TEMPERATURE_EDGES, TOLD_AND_USED, Counter, Last, LifecycleState
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
        facts: its declared facts; `rated_capacity`, `idle_temperature_min` and `idle_temperature_max` are
            used.
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


def _quotient(amount: int, unit: int) -> Decimal:
    # By integers: a division of long decimals would round twice.
    thousandths, rest = divmod(amount * 1000, unit)
    if 2 * rest > unit or (2 * rest == unit and thousandths % 2 == 1):
        thousandths += 1
    return Decimal(thousandths).scaleb(-3)


def _state(
    found: dict[str, Stated[Any]],
    attribute: str,
    value: Decimal | int,
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
    upper, lower = _number(facts.get("idle_temperature_max")), _number(facts.get("idle_temperature_min"))
    if not _is_watched(state, state.hot):
        return
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


def _is_watched(state: LifecycleState, spent: Mapping[int, int]) -> bool:
    """Whether so much of the time was watched that time spent somewhere may be stated."""
    if state.first_ms is None or state.last_ms is None:
        return False
    return sum(spent.values()) >= _LEAST_WATCHED * (state.last_ms - state.first_ms)


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
