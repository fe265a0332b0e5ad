"""Resistance over 10 s from current steps, at 25 degC, and how far it has grown.

Methods:
- `r.dc10s.v1`: steps of the current by bins of temperature, charge and direction; each bin is carried to
  25 degC by Arrhenius, R25 = R * exp(-(Ea/k) * (1/T - 1/298.15 K)), and bins are weighed by their steps. Ea
  is learned from the battery's own bins where these span 10 K, else 0.3 eV (0.2 to 0.4) is taken.
- `r.growth_own.v1`: late over early steps of the same bin, the median over bins.
- `r.growth_declared.v1`: `r.dc10s.v1` over the declared initial resistance of the pack.

It is never the ohmic resistance: that shows within 10 ms of a step, and telemetry has no such rows. What the
terminals show holds contacts, busbars and relays as well as cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, log, log10, sqrt
from statistics import median
from typing import Any, Final

from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.lifecycle.basis import Basis
from passport.lifecycle.resistances import (
    FIRST_CYCLES,
    HIGH,
    NO_HEAT,
    Bin,
    Place,
    Resistances,
)
from passport.lifecycle.sessions import cycles_of
from passport.lifecycle.state import LifecycleState
from schemas.terms import Unit

METHOD: Final = "r.dc10s.v1"
GROWTH_OWN: Final = "r.growth_own.v1"
GROWTH_DECLARED: Final = "r.growth_declared.v1"
FEWEST_STEPS: Final = 5
STALE: Final = timedelta(days=90)
_BOLTZMANN: Final = 8.617333e-5  # eV/K
_KELVIN: Final = 273.15
_REFERENCE: Final = 298.15
_ENERGY: Final = 0.3  # eV
_ENERGY_SD: Final = 0.06  # of what is taken, 0.2 to 0.4 nine times in ten
_SPAN: Final = 10.0  # K
_GAIN: Final = 0.02  # of the sensors of current and voltage together
_Z: Final = 1.645
_MICRO: Final = 1e-6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECLARED: Final = (
    "Against the declared initial resistance: over which time and at which temperature that was measured is"
    " not known here."
)
FIRST_WATCHED: Final = "Since it was first watched; what came before is not known."
_CONTACTS: Final = "Measured at the battery's terminals: contacts, busbars and relays are in it."


@dataclass(frozen=True)
class Level:
    """Resistance of one cell at 25 degC.

    Attributes:
        micro_ohm, sd: value and its standard deviation.
        steps, bins: how many it rests on.
        energy: activation energy in eV; learned: whether from the battery's own bins.
        coldest, hottest: mean temperatures of the bins, degrees Celsius.
        day: of the newest step; None without absolute time.
    """

    micro_ohm: float
    sd: float
    steps: int
    bins: int
    energy: float
    learned: bool
    coldest: float
    hottest: float
    day: int | None


def at_reference(micro_ohm: float, celsius: float, energy: float) -> float:
    """A resistance at 25 degC."""
    return micro_ohm * exp(-(energy / _BOLTZMANN) * (1 / (celsius + _KELVIN) - 1 / _REFERENCE))


def activation_energy(bins: Sequence[tuple[Place, Bin]]) -> tuple[float, float, bool]:
    """Energy in eV, its standard deviation, and whether it was learned.

    Bins of one charge and direction share a line of log resistance over inverse temperature; lines have one
    slope. Without a span of 10 K within such a group the usual value is taken.
    """
    groups: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    for place, one in bins:
        if one.lately >= FEWEST_STEPS:
            point = (1 / (_celsius(one) + _KELVIN), log(one.sum / one.lately), one.lately)
            groups.setdefault((place.charge, place.direction), []).append(point)
    above = below = 0.0
    parts: list[tuple[float, float, int]] = []
    for points in groups.values():
        warm = [1 / point[0] for point in points]
        if max(warm) - min(warm) < _SPAN:
            continue
        weight = sum(point[2] for point in points)
        inverse = sum(point[0] * point[2] for point in points) / weight
        level = sum(point[1] * point[2] for point in points) / weight
        parts += [(x - inverse, y - level, n) for x, y, n in points]
    for x, y, n in parts:
        above += n * x * y
        below += n * x * x
    if below <= 0:
        return _ENERGY, _ENERGY_SD, False
    slope = above / below
    energy = slope * _BOLTZMANN
    if not 0.1 <= energy <= 0.7:
        return _ENERGY, 2 * _ENERGY_SD, False  # something else than temperature moved it
    scatter = sum(n * (y - slope * x) ** 2 for x, y, n in parts) / max(len(parts) - 1, 1)
    return energy, max(sqrt(scatter / below) * _BOLTZMANN, 0.02), True


def level_of(kept: Resistances, *, direction: int | None = None, charge: int | None = None) -> Level | None:
    """Resistance at 25 degC over the bins that are asked for; None where fewer than five steps are there."""
    known = [(place, one) for place, one in kept.by_place() if place.heat != NO_HEAT]
    energy, energy_sd, learned = activation_energy(known)
    some = [
        (place, one)
        for place, one in known
        if direction in {None, place.direction} and charge in {None, place.charge} and one.lately
    ]
    steps = sum(one.lately for _, one in some)
    if steps < FEWEST_STEPS:
        return None
    total = square = lever = within = 0.0
    for _, one in some:
        mean, celsius = one.sum / one.lately, _celsius(one)
        carried = at_reference(mean, celsius, energy)
        share = one.lately / steps
        total += share * carried
        square += share * carried * carried
        variance = max(one.squares / one.lately - mean * mean, 0.0)
        within += share * share * variance * (carried / mean) ** 2 / one.lately
        lever += share * carried * (1 / (celsius + _KELVIN) - 1 / _REFERENCE) / _BOLTZMANN
    between = max(square - total * total, 0.0) / len(some)
    sd = sqrt(within + between + (lever * energy_sd) ** 2 + (total * _GAIN) ** 2)
    days = [one.day for _, one in some if one.day is not None]
    warm = [_celsius(one) for _, one in some]
    newest = max(days) if days else None
    return Level(total, sd, steps, len(some), energy, learned, min(warm), max(warm), newest)


def estimate_resistance(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime
) -> Answer:
    """Direct-current resistance over 10 s of the whole battery at 25 degC, ohm.

    Discharging above 30 % of charge, where such steps are; else all that there are.
    """
    del facts
    kept = state.resistances
    level = level_of(kept, direction=-1, charge=HIGH) or level_of(kept)
    if level is None:
        return _none(kept, basis)
    whole = level.micro_ohm * (basis.in_series or 1) * _MICRO
    half = _Z * level.sd * (basis.in_series or 1) * _MICRO
    value, low, high = rounded(whole, max(whole - half, 0.0), whole + half, places=_places(whole))
    conditions = {
        "duration_s": "10",
        "temperature_celsius": "25",
        "measured_from_celsius": f"{level.coldest:.0f}",
        "measured_to_celsius": f"{level.hottest:.0f}",
        "activation_energy_ev": f"{level.energy:.2f}",
    }
    remarks = [_CONTACTS]
    if not level.learned:
        remarks.append("Carried to 25 degC by a usual activation energy, not by this battery's own.")
    if kept.refused > level.steps:
        remarks.append("More steps were refused than used: is the sign of the current right?")
    related = {
        f"over_{seconds}_s_ohm": f"{whole * total / tens:.{_places(whole)}f}"
        for (seconds, direction), (count, total, tens) in sorted(kept.related.items())
        if direction < 0 and count >= FEWEST_STEPS and tens
    }
    as_of = _moment(level.day)
    return Estimate(
        value,
        low,
        high,
        Unit.OHM,
        METHOD,
        EvidenceClass.OBSERVED,
        as_of=as_of,
        stale=as_of is not None and now - as_of > STALE,
        conditions={**conditions, **related},
        counts={"steps": level.steps, "bins": level.bins, "refused": kept.refused},
        remarks=tuple(remarks),
    )


def _none(kept: Resistances, basis: Basis) -> NotDeterminable:
    if not basis.rated_mah:
        return NotDeterminable(
            "no_rated_capacity", "Without a rated capacity no step is large enough.", "Declare it."
        )
    if any(place.heat == NO_HEAT for place, _ in kept.by_place()):
        return NotDeterminable(
            "no_temperature",
            "Current steps were recorded without a temperature; a resistance says nothing without one.",
            "Record cell temperatures.",
        )
    if kept.refused:
        return NotDeterminable(
            "steps_refused",
            f"In {kept.refused} current steps voltage went against the current.",
            "Check the sign of the current, and that both are read in one row.",
        )
    return NotDeterminable(
        "no_steps",
        "Fewer than five current steps of C/5 were recorded with rows at most two seconds apart.",
        "Record voltage and current together, once a second, over some drives or switched loads.",
    )


def estimate_growth(state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime) -> Answer:
    """Increase of the pack's resistance, percent of the initial one.

    Against its own first 50 full cycles where these were watched; else against the declared initial
    resistance, whose measuring may have been another.
    """
    own = _own_growth(state, basis, now)
    if isinstance(own, Estimate):
        return own
    declared = _number(facts.get("internal_resistance_pack"))
    if declared is None or declared <= 0:
        return own
    answer = estimate_resistance(state, basis, facts, now)
    if isinstance(answer, NotDeterminable):
        return answer
    value, low, high = (100 * (float(one) / declared - 1) for one in (answer.value, answer.low, answer.high))
    # The declared figure may have been measured over another time: 1 to 30 s make about a fifth.
    spread = 0.2 * (1 + value / 100) * 100
    middle, lower, upper = rounded(value, low - spread, high + spread, places=1)
    return Estimate(
        middle,
        lower,
        upper,
        Unit.PERCENT,
        GROWTH_DECLARED,
        EvidenceClass.OBSERVED,
        as_of=answer.as_of,
        stale=answer.stale,
        conditions={"temperature_celsius": "25", "duration_s": "10"},
        counts=answer.counts,
        remarks=(_DECLARED, _CONTACTS),
    )


def _own_growth(state: LifecycleState, basis: Basis, now: datetime) -> Answer:
    begun = _cycles_before(state)
    if begun is not None and begun > FIRST_CYCLES:
        return NotDeterminable(
            "beginning_not_watched",
            f"The battery had {begun} cycles behind it when it was first read: its beginning is unknown.",
            "Declare `internal_resistance_pack`.",
        )
    cycles = cycles_of(state.charge_in, state.charge_out, basis) / 1000
    if cycles < 2 * FIRST_CYCLES:
        return NotDeterminable(
            "too_early", f"It was watched over {cycles:.0f} full cycles: too few to tell growth."
        )
    kept = state.resistances
    energy, energy_sd, _ = activation_energy([pair for pair in kept.by_place() if pair[0].heat != NO_HEAT])
    ratios: list[float] = []
    errors: list[float] = []
    steps = 0
    days: list[int] = []
    for place, one in kept.by_place():
        if one.early < FEWEST_STEPS or one.lately < FEWEST_STEPS:
            continue
        early, late = one.early_sum / one.early, one.sum / one.lately
        if place.heat != NO_HEAT:
            was = one.early_heat / one.early / 20
            early, late = at_reference(early, was, energy), at_reference(late, _celsius(one), energy)
            shift = 1 / (was + _KELVIN) - 1 / (_celsius(one) + _KELVIN)
            errors.append(abs(shift) / _BOLTZMANN * energy_sd)
        ratios.append(late / early)
        steps += one.lately
        if one.day is not None:
            days.append(one.day)
    if not ratios:
        return NotDeterminable(
            "no_early_steps", "No current steps of the first cycles are there to compare with."
        )
    middle = median(ratios)
    scatter = max(max(ratios) - middle, middle - min(ratios)) if len(ratios) > 1 else 0.1 * middle
    half = _Z * sqrt((scatter / 2) ** 2 + (middle * _GAIN) ** 2 + (middle * max(errors, default=0.05)) ** 2)
    value, low, high = rounded(
        100 * (middle - 1), 100 * (middle - half - 1), 100 * (middle + half - 1), places=1
    )
    as_of = _moment(max(days) if days else None)
    remarks = [_CONTACTS]
    if begun is None:
        remarks.insert(0, FIRST_WATCHED)
    return Estimate(
        value,
        low,
        high,
        Unit.PERCENT,
        GROWTH_OWN,
        EvidenceClass.OBSERVED,
        as_of=as_of,
        stale=as_of is not None and now - as_of > STALE,
        conditions={"duration_s": "10"},
        counts={"bins": len(ratios), "steps": steps},
        remarks=tuple(remarks),
    )


def _cycles_before(state: LifecycleState) -> int | None:
    """Cycles that the device had counted when it was first read; None where it keeps no such counter."""
    counter = state.counters.get("cycle_count")
    if counter is None:
        return None
    return counter.closed[0][0] if counter.closed else counter.first


def _celsius(one: Bin) -> float:
    """Mean temperature of the late steps; twice the tenths are summed."""
    return one.heat / one.lately / 20


def _places(ohm: float) -> int:
    """Decimal places that show four digits of a resistance."""
    return min(max(3 - int(log10(ohm) // 1), 0), 9) if ohm > 0 else 3


def _moment(day: int | None) -> datetime | None:
    return None if day is None else _EPOCH + timedelta(days=day)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
