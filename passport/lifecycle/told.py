"""Exposure in words and plain numbers, ready for JSON: what a command, a page or an export shows of it.

A kind that cannot be judged (no limit declared or known, or its quantity never read) is null, and never
nought.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from passport.lifecycle.exposure import (
    KINDS,
    NAMES,
    RATE_TEMPERATURES,
    RATES,
    TELEMETRY_GAP,
    Clock,
    Occasion,
    Total,
    minutes_of,
    month_name,
)
from passport.lifecycle.rainflow import DEPTH_BINS, MEAN_BINS
from passport.lifecycle.shape import LifecycleState
from passport.lifecycle.summary import worst_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MA_MS_PER_AH: Final = 3_600_000_000
_HUNDREDTHS: Final = 100


def exposure_told(state: LifecycleState, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Events, clocks, charging, cycles and months of a state.

    Args:
        state: of the battery.
        facts: its declared facts, by which the folding judged.
    """
    exposure = state.exposure
    events: dict[str, Any] = {
        kind.name: _total(kind.number, exposure.known(kind.name), facts)
        if exposure.can_tell(kind.name) or exposure.known(kind.name).count
        else None
        for kind in KINDS
    }
    gaps = exposure.totals.get(TELEMETRY_GAP, Total())
    events["telemetry_gap"] = _total(TELEMETRY_GAP, gaps, facts) if state.absolute else None
    events["clock_jump"] = {"count": state.backwards}
    resets = sum(counter.segments - 1 for counter in state.counters.values())
    events["bms_reset"] = {"count": resets} if state.counters else None
    low, high = exposure.bounds
    return {
        "events": events,
        "newest": [_occasion(one, facts) for one in exposure.occasions()],
        "clocks_s": {clock.name.lower(): exposure.clocks[clock] // 1000 for clock in Clock},
        "bounds": {"lower": _scaled(low, -1), "upper": _scaled(high, -1)},
        "charging": [
            {
                "temperature": _band(where // (len(RATES) + 1), RATE_TEMPERATURES, 10, "°C"),
                "rate": _band(where % (len(RATES) + 1), RATES, _HUNDREDTHS, "C"),
                "seconds": ms // 1000,
            }
            for where, ms in sorted(exposure.rates.items())
        ],
        "cycles": [
            {
                "depth": _share(where // MEAN_BINS, DEPTH_BINS),
                "mean": _share(where % MEAN_BINS, MEAN_BINS),
                "cycles": format(Decimal(halves) / 2, "f"),
            }
            for where, halves in sorted(exposure.rainflow.counted().items())
        ],
        "months": {
            month_name(month): {"minutes": minutes, "share": round(minutes / minutes_of(month), 4)}
            for month, minutes in sorted(exposure.months.items())
        },
    }


def _total(kind: int, total: Total, facts: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"count": total.count}
    if total.count:
        told |= {"seconds": total.held_s, "longest_s": total.longest_s}
        if (worst := worst_of(kind, total.worst, facts)) is not None:
            told["worst"] = worst
    if kind < len(KINDS) and KINDS[kind].charged:
        told["charge_ah"] = _scaled(total.charged * 1000 // _MA_MS_PER_AH, -3)
    return told


def _occasion(one: Occasion, facts: Mapping[str, Any]) -> dict[str, Any]:
    moment = None if one.start_s is None else _EPOCH + timedelta(seconds=one.start_s)
    return {
        "kind": NAMES[one.kind],
        "start": moment.isoformat().replace("+00:00", "Z") if moment else None,
        "duration_s": one.held_ms // 1000,
        "worst": worst_of(one.kind, one.worst, facts),
        "state_of_charge": _scaled(one.charge, -1),
        "temperature": _scaled(one.temperature, -1),
        "current": _scaled(one.current, -3),
    }


def _scaled(value: int | None, exponent: int) -> str | None:
    return None if value is None else format(Decimal(value).scaleb(exponent), "f")


def _band(number: int, edges: tuple[int, ...], per_unit: int, unit: str) -> str:
    """A band between edges in words."""
    low = f"{edges[number - 1] / per_unit:g}" if number else None
    high = f"{edges[number] / per_unit:g}" if number < len(edges) else None
    if low is None:
        return f"below {high} {unit}"
    return f"{low} to {high} {unit}" if high is not None else f"{low} {unit} and above"


def _share(number: int, bins: int) -> str:
    width = 100 // bins
    return f"{number * width}-{number * width + width} %"
