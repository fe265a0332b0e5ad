"""Rules over what came before: tracks, counters, frozen values, clocks, settings; and health that is none.

Source: field reports of devices (docs/decisions/0230); origins of health figures as drivers are known to make
them up (docs/plausibility.md, rule 0).
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from ingest.remembering import COUNTERS, Known, Severity
from ingest.rules_of_value import NUMBERS, Condition, Rule, number
from schemas.reading import Reading
from schemas.terms import Origin

_MINUTE: Final = timedelta(seconds=60)
_NOW: Final = frozenset({"voltage", "current", "state_of_charge", "cell_voltage", "cell_temperature"})


def _two_senders(reading: Reading, known: Known) -> bool:
    """Every second value is alike and neighbours are not; or a counter keeps falling and coming back."""
    if reading.quantity in COUNTERS:
        counter = known.part.counters.get((reading.quantity, reading.kind))
        return counter is not None and counter.returns >= 3
    track = list(known.part.tracks)
    if len(track) < (known.part.tracks.maxlen or 0):
        return False
    apart = all(abs(a - b) * 50 >= max(abs(a), abs(b)) for a, b in pairwise(track))
    alike = all(abs(a - b) * 500 <= max(abs(a), abs(b)) for a, b in zip(track, track[2:], strict=False))
    return apart and alike


def _verdict(wanted: str) -> Condition:
    def doubts(reading: Reading, known: Known) -> bool:
        counter = known.part.counters.get((reading.quantity, reading.kind))
        return counter is not None and counter.verdict == wanted

    return doubts


def _health_rose(reading: Reading, known: Known) -> bool:
    low = known.part.health_low
    return low is not None and low + 2 < number(reading) <= 110


# Kinds of event by which a device says that its statistics began anew.
_CLEARED: Final = frozenset({"statistics_cleared", "counters_cleared", "statistics_clear", "clear_count"})


def _cleared(reading: Reading, known: Known) -> bool:
    """The device counts how often its statistics were cleared, and the count grew."""
    counter = known.part.counters.get((reading.quantity, reading.kind))
    return reading.kind in _CLEARED and counter is not None and counter.grew


# --------------------------------------------------------------------------------------- clocks (rule 16)


def _clock_off(reading: Reading, known: Known) -> bool:
    """The device's own time of a value that is read now is more than a minute beside ours."""
    if reading.measured_at is None or known.at is None:
        return False
    return abs(reading.measured_at - known.at) > _MINUTE


def _never_set(reading: Reading, known: Known) -> bool:
    """A clock that began at the turn of the century when it got power, and was not set since."""
    del known
    return reading.measured_at is not None and datetime(1999, 12, 31, tzinfo=UTC) <= reading.measured_at < (
        datetime(2010, 1, 1, tzinfo=UTC)
    )


def _before_installation(reading: Reading, known: Known) -> bool:
    since = known.memory.installed_at
    return reading.measured_at is not None and since is not None and reading.measured_at < since


def _clocks_disagree(reading: Reading, known: Known) -> bool:
    """Parts of one device give times of one batch that are more than a minute apart."""
    if reading.measured_at is None or reading.component is None:
        return False
    return known.memory.clock_spread > _MINUTE


# ------------------------------------------------------------ what stands still, what is set (17, 19)


def _frozen(reading: Reading, known: Known) -> bool:
    """Bit for bit the same while current flows, in a field fine enough to show it."""
    current = known.get("current")
    if (reading.quantity, reading.index) not in known.part.same or current is None or abs(current) < 1:
        return False
    finest = number(reading).as_tuple().exponent
    return isinstance(finest, int) and finest <= (-2 if reading.quantity == "voltage" else -3)


def _changed(reading: Reading, known: Known) -> bool:
    return reading.quantity in known.part.changed


def _charge_set(reading: Reading, known: Known) -> bool:
    del reading
    return known.part.charge_step is not None


# ----------------------------------------------------------------------------------------- origins (rule 0)

_PLACEHOLDERS: Final = frozenset({Decimal(95), Decimal(99), Decimal(100)})


def _placeholder(reading: Reading, known: Known) -> bool:
    """95, 99 or 100 % that stays while cycles pass; or 99 and 100 % after a thousand of them."""
    value, cycles = number(reading), known.get("cycle_count")
    if value not in _PLACEHOLDERS or cycles is None or known.part.health_since is None:
        return False
    began = known.part.health_since[1]
    return (began is not None and cycles - began >= 100) or (value > 95 and 1000 <= cycles < 65000)


def _from_cycles(reading: Reading, known: Known) -> bool:
    """All points lie on one straight line through 100 % at no cycles, to the last digit that is sent."""
    points = sorted(known.part.points.items())
    if len({health for _, health in points}) < 5:
        return False
    finest = number(reading).as_tuple().exponent
    step = Decimal(1).scaleb(finest if isinstance(finest, int) else 0)
    last_cycles, last = points[-1]
    # Between these slopes the last point lies, however it was rounded.
    low, high = (100 - last - step) / last_cycles, (100 - last + step) / last_cycles
    return last < 100 and all(
        100 - high * cycles - step <= health <= 100 - low * cycles + step for cycles, health in points
    )


def _repeats_nominal(reading: Reading, known: Known) -> bool:
    """Learned equals nominal to the last digit after fifty cycles, or follows it when somebody sets it."""
    if reading.origin is not Origin.NATIVE or number(reading) != known.get("nameplate_capacity"):
        return False
    cycles = known.get("cycle_count")
    return bool(number(reading)) and cycles is not None and cycles >= 50


def _from_throughput(reading: Reading, known: Known) -> bool:
    del reading
    return known.part.counted_out >= 3


_W, _Q = Severity.WARN, Severity.QUARANTINE

RULES: Final = (
    Rule(
        "two_senders",
        1,
        _W,
        "two tracks of values take turns: two devices answer under one number",
        30,
        frozenset({"voltage"}) | COUNTERS,
        _two_senders,
    ),
    Rule(
        "counter_unsettled",
        10,
        _Q,
        "lower than it was, and not yet said three times over half a minute: a slip or a new beginning",
        0,
        COUNTERS,
        _verdict("unsettled"),
    ),
    Rule(
        "counter_fell",
        10,
        _W,
        "the counter began anew: what it had counted is kept, and this is where the next segment starts",
        0,
        COUNTERS,
        _verdict("fell"),
    ),
    Rule(
        "counter_jumped",
        10,
        _Q,
        "grew by more than current and time allow; believed once the level has stood for an hour",
        0,
        COUNTERS,
        _verdict("jumped"),
    ),
    Rule(
        "health_rose",
        10,
        _W,
        "health rose by more than 2 points, and nobody said that something was exchanged",
        0,
        frozenset({"bms_reported_health"}),
        _health_rose,
    ),
    Rule(
        "counters_cleared",
        10,
        _W,
        "the device counts that its statistics were cleared: they begin anew",
        0,
        frozenset({"event_count"}),
        _cleared,
    ),
    Rule(
        "clock_off",
        16,
        _W,
        "the device's clock is more than a minute off",
        0,
        _NOW,
        _clock_off,
    ),
    Rule(
        "clock_never_set",
        16,
        _W,
        "a time in the years after 2000: the clock began with its epoch and was never set",
        0,
        NUMBERS,
        _never_set,
    ),
    Rule(
        "clocks_disagree",
        16,
        _W,
        "parts of one device give times of one moment that are more than a minute apart",
        0,
        _NOW,
        _clocks_disagree,
    ),
    Rule(
        "before_installation",
        16,
        _W,
        "measured before the device was put into service here",
        0,
        NUMBERS,
        _before_installation,
    ),
    Rule(
        "frozen",
        17,
        _Q,
        "bit for bit the same for two hours while current flows",
        7200,
        frozenset({"voltage", "cell_voltage"}),
        _frozen,
    ),
    Rule(
        "configuration_changed",
        19,
        _W,
        "a setting is another one than before: an event in the life of the battery",
        0,
        frozenset({"nameplate_capacity", "cell_count", "chemistry"}),
        _changed,
    ),
    Rule(
        "charge_set",
        19,
        _W,
        "the state of charge moved by more than current and time explain: set, or calibrated",
        0,
        frozenset({"state_of_charge"}),
        _charge_set,
    ),
    Rule(
        "health_placeholder",
        0,
        _W,
        "95, 99 or 100 % that does not move while cycles pass: a constant, not a measurement",
        0,
        frozenset({"bms_reported_health"}),
        _placeholder,
    ),
    Rule(
        "health_from_cycles",
        0,
        _W,
        "health lies on a straight line over the cycle count: worked out from it, not measured",
        0,
        frozenset({"bms_reported_health"}),
        _from_cycles,
    ),
    Rule(
        "repeats_nominal",
        0,
        _W,
        "the learned capacity repeats the nominal one: nothing was learned",
        0,
        frozenset({"full_charge_capacity"}),
        _repeats_nominal,
    ),
    Rule(
        "cycles_from_throughput",
        0,
        _W,
        "the cycle count is throughput over nameplate capacity each time: worked out, not counted",
        0,
        frozenset({"cycle_count"}),
        _from_throughput,
    ),
)
