"""What is known of a battery's condition when it is graded and matched to uses. None: not known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True)
class Interval:
    """A figure with the interval that holds it nine times in ten."""

    low: Decimal
    value: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        """Refuse what is no interval: a caller's mistake."""
        if not self.low <= self.value <= self.high:
            raise ValueError(f"expected low <= value <= high, got {self.low}, {self.value}, {self.high}")


@dataclass(frozen=True)
class Condition:
    """The condition of one battery.

    Attributes:
        health: remaining by rated capacity, percent.
        evidence_class: what `health` rests on: `A`, `B`, `C`, or `bms` for the device's own word.
        evidence_age_days: age of that evidence.
        calibrated: whether the interval of `health` was compared with references.
        years: remaining years by use, under the duty of that use.
        resistance_growth: since new, percent.
        usable: usable by ageing capacity, percent; what imbalance leaves.
        efficiency: round trip, percent.
        severe_events: how many of the events that harm for good.
        hot_share: of observed time above the chemistry's limit of temperature, percent.
        cold_charge_share: of charge taken in below the chemistry's limit of temperature, percent.
        fade_ratio: present rate of fade by the early one; 1 is steady.
        rate_available: current it can give by rated capacity and hour.
    """

    health: Interval | None = None
    evidence_class: str | None = None
    evidence_age_days: int | None = None
    calibrated: bool = False
    years: Mapping[str, Interval] = field(default_factory=lambda: MappingProxyType({}))
    resistance_growth: Interval | None = None
    usable: Interval | None = None
    efficiency: Interval | None = None
    severe_events: int | None = None
    hot_share: Decimal | None = None
    cold_charge_share: Decimal | None = None
    fade_ratio: Decimal | None = None
    rate_available: Decimal | None = None
