"""Readings and times for tests of rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ingest.plausibility import Memory, doubt, findings
from schemas.reading import QUANTITIES, Reading, ValueKind

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def said(quantity, value, **place):
    """A reading; a number given as text becomes one."""
    kind = QUANTITIES[quantity].kind
    if QUANTITIES[quantity].indexed:
        place.setdefault("index", 1)
    return Reading(quantity, Decimal(str(value)) if kind is ValueKind.NUMBER else value, **place)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


class Source:
    """One source that says batches at seconds after noon."""

    def __init__(self, **memory):
        self.memory = Memory(**memory)

    def says(self, seconds, *readings):
        """The doubts of the batch, reading by reading."""
        at = None if seconds is None else after(seconds)
        return [one.doubts for one in doubt(readings, self.memory, at=at)]

    def codes(self, seconds, *readings):
        """All doubts of the batch."""
        return {code for doubts in self.says(seconds, *readings) for code in doubts}

    def found(self, seconds):
        """Codes that began, and those that ended with a minus before them."""
        news = findings(self.memory, after(seconds))
        return [("-" if one.ended else "") + one.check.code for one in news]
