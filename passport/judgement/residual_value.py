"""What a battery is worth. It is not determined yet, and says why instead of naming a number."""

from dataclasses import dataclass
from typing import Any

METHOD = "value.none.v1"


@dataclass(frozen=True)
class NotDetermined:
    """There is no value, for these reasons; each says what would have to be known."""

    reasons: tuple[str, ...]
    method: str = METHOD

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"determined": False, "reasons": list(self.reasons), "method": self.method}


def residual_value(*, health_estimated: bool, prices_dated: bool) -> NotDetermined:
    """Why no residual value is stated.

    Args:
        health_estimated: an estimate of health with an interval exists for this battery.
        prices_dated: a table of prices with its day was given.
    """
    reasons = ["no method of valuation is part of this release, so no amount would rest on anything"]
    if not health_estimated:
        reasons.insert(0, "the remaining capacity was neither tested nor estimated with an interval")
    if not prices_dated:
        reasons.insert(0, "no dated table of prices for cells, re-use and recycling is configured")
    return NotDetermined(tuple(reasons))
