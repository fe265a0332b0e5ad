"""A capacity that an inspector measured, where it is newer than what the sessions tell.

A reference test is a complete discharge (class A). Its interval is the inspector's, and widens with time as
that of every capacity does. A test in the cold or heat is not comparable with a rating, and is left aside.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import hypot
from typing import Final

from passport.estimates.estimate import Estimate, EvidenceClass, NotDeterminable, rounded
from passport.estimates.fusion import GROWTH_PER_DAY
from passport.estimates.health import STALE_DAYS, Health
from schemas.terms import Unit

METHOD: Final = "cap.inspected.v1"
COLDEST, HOTTEST = Decimal(15), Decimal(35)
_NORMAL_90: Final = 1.645


def with_measured(
    health: Health,
    *,
    ampere_hours: Decimal,
    half_width: Decimal,
    celsius: Decimal,
    at: datetime,
    rated: Decimal | None,
    now: datetime,
) -> Health:
    """The health by the measured capacity, unless the sessions are newer; all else stays as it is.

    Args:
        health: by sessions.
        ampere_hours: measured.
        half_width: half of the interval that holds it nine times in ten.
        celsius: temperature of the test.
        at: when it was measured.
        rated: declared rated capacity, Ah; None where none is.
        now: aware.
    """
    ours = health.capacity
    newer = isinstance(ours, Estimate) and ours.as_of is not None and ours.as_of >= at
    if newer or not COLDEST <= celsius <= HOTTEST:
        return health
    days = max(0.0, (now - at) / timedelta(days=1))
    middle, share = float(ampere_hours), float(rated or ampere_hours)
    half = hypot(float(half_width), _NORMAL_90 * GROWTH_PER_DAY * days * share / 100)
    ends = (middle, middle - half, middle + half)
    value, low, high = rounded(*ends, places=3)
    made = Estimate(
        value,
        low,
        high,
        Unit.AMPERE_HOUR,
        METHOD,
        EvidenceClass.A,
        as_of=at,
        stale=days > STALE_DAYS,
        conditions={"direction": "discharge", "temperature_celsius": str(celsius)},
        counts={"tests": 1},
        remarks=("An inspector measured it.",),
    )
    if not rated:
        missing = NotDeterminable(
            "no_rated_capacity", "No rated capacity is declared.", "Declare `rated_capacity`."
        )
        return replace(health, capacity=made, health=missing)
    value, low, high = rounded(*(100 * one / share for one in ends), places=2)
    return replace(
        health, capacity=made, health=replace(made, value=value, low=low, high=high, unit=Unit.PERCENT)
    )
