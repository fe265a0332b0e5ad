"""What is kept of current steps and of long rests: sums by temperature, charge and direction, and rest pairs.

A *measured step* is a resistance over 10 s, in micro-ohm of one cell (of the whole battery where the cells in
series are not declared). It belongs to a bin: temperature in steps of 10 K, charge below or above 30 %, and
whether the battery was charging or discharging. Each bin keeps what came first, in the battery's first full
cycles, and what came lately: when `MOST_LATELY` steps are summed, all their sums are halved. Resistances over
1 s and 30 s are kept as sums beside those over 10 s of the same steps.

Everything is an integer, so that the bytes do not depend on how rows were cut.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from passport.lifecycle.packing import pack, unpack

HEAT_EDGES: Final = (0, 100, 200, 300, 400)  # tenths of a degree
NO_HEAT: Final = len(HEAT_EDGES) + 1
LOW_CHARGE: Final = 300  # tenths of a percent
LOW, HIGH, NO_CHARGE = 0, 1, 2
MOST_BINS: Final = 13
MOST_FIRST: Final = 30
MOST_LATELY: Final = 64
LARGEST: Final = 1_000_000  # micro-ohm; more is no cell
FIRST_CYCLES: Final = 50
RELATED: Final = (1, 30)  # seconds, beside the ten

LONG_REST_MS: Final = 7 * 86_400_000
SETTLING_MS: Final = 4 * 3_600_000
MOST_RESTS: Final = 2
_DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class Bin:
    """Steps of one temperature, charge and direction.

    Attributes:
        early, early_sum, early_heat: how many came in the first full cycles (at most `MOST_FIRST`); their
            micro-ohm; twice their temperatures, tenths of a degree.
        lately, sum, squares, heat: the same of the newest steps.
        day: of the newest, since 1970; None without absolute time.
    """

    early: int = 0
    early_sum: int = 0
    early_heat: int = 0
    lately: int = 0
    sum: int = 0
    squares: int = 0
    heat: int = 0
    day: int | None = None

    def numbers(self) -> list[int | None]:
        """To be packed."""
        return [
            self.early,
            self.early_sum,
            self.early_heat,
            self.lately,
            self.sum,
            self.squares,
            self.heat,
            self.day,
        ]


@dataclass(frozen=True, slots=True)
class Place:
    """Which bin.

    Attributes:
        heat: 0 below 0 degC, then in steps of 10 K up to 5 from 40 degC; `NO_HEAT` where none was read.
        charge: `LOW`, `HIGH` or `NO_CHARGE`.
        direction: 1 charging, -1 discharging.
    """

    heat: int
    charge: int
    direction: int

    @property
    def code(self) -> int:
        """One number for the three."""
        return (self.heat * 3 + self.charge) * 2 + (self.direction > 0)

    @classmethod
    def of_code(cls, code: int) -> "Place":
        """The inverse of `code`."""
        rest, charging = divmod(code, 2)
        heat, charge = divmod(rest, 3)
        return cls(heat, charge, 1 if charging else -1)


def place_of(heat: int | None, charge: int | None, direction: int) -> Place:
    """The bin of a step.

    Args:
        heat: twice the temperature, tenths of a degree; None where it was not read.
        charge: tenths of a percent; None likewise.
        direction: 1 charging, -1 discharging.
    """
    return Place(
        NO_HEAT if heat is None else bisect_right(HEAT_EDGES, heat // 2),
        NO_CHARGE if charge is None else LOW if charge < LOW_CHARGE else HIGH,
        direction,
    )


@dataclass(slots=True)
class Rest:
    """A stretch of rows without current, from when the voltage had settled.

    Attributes:
        start_ms: its first row; absolute says whether since 1970.
        last_ms: its last row.
        area: charge moved in it all the same, 2·mA·ms.
        settled_ms: the first row after `SETTLING_MS`; None before.
        first_mv, last_mv: of the whole battery, then and last.
        first_low, first_high, last_low, last_high: of the lowest and highest cell; None where not read.
        heat: twice the temperature last read in it, tenths of a degree; None where not read.
        absolute: whether its times are.
    """

    start_ms: int
    last_ms: int
    absolute: bool
    area: int = 0
    settled_ms: int | None = None
    first_mv: int | None = None
    first_low: int | None = None
    first_high: int | None = None
    last_mv: int | None = None
    last_low: int | None = None
    last_high: int | None = None
    heat: int | None = None

    @property
    def lasted_ms(self) -> int:
        """From when the voltage had settled to the last row; 0 before."""
        return 0 if self.settled_ms is None else self.last_ms - self.settled_ms

    def numbers(self) -> list[int | None]:
        """To be packed."""
        return [
            self.start_ms,
            self.last_ms - self.start_ms,
            int(self.absolute),
            self.area,
            None if self.settled_ms is None else self.settled_ms - self.start_ms,
            self.first_mv,
            self.first_low,
            self.first_high,
            self.last_mv,
            self.last_low,
            self.last_high,
            self.heat,
        ]


_REST: Final = 12


def _rest(numbers: list[Any]) -> Rest:
    start, lasted, absolute, area, settled, *rest = numbers
    return Rest(
        start, start + lasted, bool(absolute), area, None if settled is None else start + settled, *rest
    )


@dataclass
class Resistances:
    """What current steps and long rests of a battery said.

    Attributes:
        bins: by code of the place.
        related: by seconds and direction: how many steps, their micro-ohm, and those over 10 s.
        refused: steps whose voltage went against the current, or further than a cell's can.
        resting: the stretch without current that goes on.
        rests: the newest that lasted `LONG_REST_MS` and have ended, oldest first.
    """

    bins: dict[int, Bin] = field(default_factory=dict)
    related: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    refused: int = 0
    resting: Rest | None = None
    rests: list[Rest] = field(default_factory=list)

    def take(self, place: Place, value: int, heat: int | None, day: int | None, *, young: bool) -> None:
        """A resistance over 10 s.

        Args:
            place: its bin.
            value: micro-ohm of one cell.
            heat: twice the temperature, tenths of a degree.
            day: since 1970.
            young: whether the battery was watched for less than `FIRST_CYCLES` full cycles.
        """
        code = place.code
        found = self.bins.get(code)
        if found is None:
            if len(self.bins) == MOST_BINS:
                # The least sure one makes room; of equals the one with the smaller code.
                del self.bins[min(self.bins, key=lambda one: (self.bins[one].lately, one))]
            found = self.bins[code] = Bin()
        if young and found.early < MOST_FIRST:
            found.early += 1
            found.early_sum += value
            found.early_heat += heat or 0
        if found.lately == MOST_LATELY:
            found.lately //= 2
            found.sum //= 2
            found.squares //= 2
            found.heat //= 2
        found.lately += 1
        found.sum += value
        found.squares += value * value
        found.heat += heat or 0
        found.day = day

    def relate(self, seconds: int, direction: int, value: int, ten: int) -> None:
        """A resistance over other seconds than 10, and that over 10 s of the same step."""
        count, total, tens = self.related.get((seconds, direction), (0, 0, 0))
        if count == MOST_LATELY:
            count, total, tens = count // 2, total // 2, tens // 2
        self.related[seconds, direction] = (count + 1, total + value, tens + ten)

    def rest_ended(self) -> None:
        """A current flows again, or nobody knows what happened."""
        if self.resting is not None and self.resting.lasted_ms >= LONG_REST_MS:
            self.rests = [*self.rests, self.resting][-MOST_RESTS:]
        self.resting = None

    def long_rests(self) -> list[Rest]:
        """Rests of at least `LONG_REST_MS`, the one that goes on included, oldest first."""
        going = self.resting
        some = [going] if going is not None and going.lasted_ms >= LONG_REST_MS else []
        return [replace(one) for one in (*self.rests, *some)]

    def by_place(self) -> Iterator[tuple[Place, Bin]]:
        """Bins in the order of their codes."""
        for code in sorted(self.bins):
            yield Place.of_code(code), self.bins[code]

    def to_list(self) -> list[Any]:
        """What is stored; empty when there is nothing."""
        if self == Resistances():
            return []
        bins = [number for code in sorted(self.bins) for number in (code, *self.bins[code].numbers())]
        related: list[int | None] = []
        for seconds in RELATED:
            for direction in (-1, 1):
                related += self.related.get((seconds, direction), (0, 0, 0))
        rests = [number for one in self.rests for number in one.numbers()]
        going = self.resting.numbers() if self.resting is not None else []
        return [pack(bins), pack(related), self.refused, pack(rests), pack(going)]


def resistances_from(stored: list[Any]) -> Resistances:
    """The inverse of `Resistances.to_list`."""
    if not stored:
        return Resistances()
    bins, related, refused, rests, going = stored
    numbers: list[Any] = unpack(bins)
    width = 9
    found = Resistances(refused=refused)
    for at in range(0, len(numbers), width):
        code, *rest = numbers[at : at + width]
        found.bins[code] = Bin(*rest)
    sums: list[Any] = unpack(related)
    for number, (seconds, direction) in enumerate((s, d) for s in RELATED for d in (-1, 1)):
        count, total, tens = sums[3 * number : 3 * number + 3]
        if count:
            found.related[seconds, direction] = (count, total, tens)
    numbers = unpack(rests)
    found.rests = [_rest(numbers[at : at + _REST]) for at in range(0, len(numbers), _REST)]
    numbers = unpack(going)
    found.resting = _rest(numbers) if numbers else None
    return found


def day_of(time_ms: int, *, absolute: bool) -> int | None:
    """Days since 1970; None where time is not absolute."""
    return time_ms // _DAY_MS if absolute else None
