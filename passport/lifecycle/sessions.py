"""Sessions: charges and discharges between rests, found while rows are folded, and which of them are kept.

A row charges or discharges where its current is at least C/50 (and `SMALLEST_MA`), else it idles. Without a
rated capacity there are no sessions. The rules:

1. A session begins with a row that charges or discharges, and ends with its last such row before idling for
   more than `PAUSE_MS`, before the other direction for more than `REVERSAL_MS`, or before a step that is
   broken: a gap, a clock that ran back, rows in covered time, another epoch or source. It also ends before a
   row that begins anew: its cell's voltage turned against the direction though the current is no smaller, as
   where a recording holds charges alone.
2. Shorter pauses and reversals belong to it; what was moved against it is told apart (`opposite`).
3. The steps into its first row and out of its last count when they are unbroken: a current that was switched
   on between two rows was on for half of the step, by the trapezoid.
4. Charge in a voltage window is shared out along the step by the line between its two voltages. A window is
   kept when the cell crossed it from edge to edge at a current that stayed within a tenth.
5. The limit is reached where that line meets it, in the first row at or beyond it.
6. A rest is a stretch of idle rows; it precedes the session that ends it, and follows the one before it.

Rows come as *pieces* (neighbouring rows alike), cut anywhere: every rule gives the same for a piece and for
its halves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from passport.lifecycle.basis import Basis
from passport.lifecycle.packing import pack, unpack
from passport.lifecycle.session import MOST_KEPT, Session

SMALLEST_MA: Final = 50
PAUSE_MS: Final = 300_000
REVERSAL_MS: Final = 60_000
LARGEST_KEPT_BYTES: Final = 700  # of all sessions that are kept, besides the latest

# Edges of voltage windows of one cell in mV, by the words of the attribute `battery_chemistry`.
_LAYERED: Final = (3400, 3500, 3600, 3650, 3700, 3750, 3800, 3850, 3900, 3950, 4000, 4050, 4100, 4150)
_PHOSPHATE: Final = (3200, 3280, 3320, 3360, 3380, 3400, 3420, 3440, 3460, 3500, 3550)
_SODIUM: Final = (2400, 2600, 2700, 2800, 2900, 3000, 3100, 3200, 3300, 3400, 3600)
_GRIDS: Final = (_PHOSPHATE, _LAYERED, _SODIUM)  # their order is part of the bytes
WINDOW_EDGES: Final[Mapping[str, tuple[int, ...]]] = {
    "Li-ion LFP": _PHOSPHATE,
    "Li-ion NMC": _LAYERED,
    "Li-ion NCA": _LAYERED,
    "Li-ion LCO": _LAYERED,
    "Li-ion LMO": _LAYERED,
    "Na-ion": _SODIUM,
}

_PER_MAH: Final = 2 * 3_600_000  # 2·mA·ms
_PER_TENTH_MAH: Final = _PER_MAH // 10
_PER_HUNDREDTH_WH: Final = 2 * 36 * 10**9  # 2·mV·mA·ms


@dataclass(slots=True)
class Sums:
    """What is summed over steps, and the outermost temperatures of rows.

    Attributes:
        into, out: 2·mA·ms by direction; energy_in, energy_out: 2·mV·mA·ms.
        unpowered: ms of steps that lack a voltage.
        heat: coldest plus hottest temperature times ms; heat_ms: over which time.
        longest: the longest step, ms.
    """

    into: int = 0
    out: int = 0
    energy_in: int = 0
    energy_out: int = 0
    unpowered: int = 0
    heat: int = 0
    heat_ms: int = 0
    longest: int = 0
    coldest: int | None = None
    hottest: int | None = None

    def add(self, other: "Sums") -> None:
        """What another stretch brings."""
        self.into += other.into
        self.out += other.out
        self.energy_in += other.energy_in
        self.energy_out += other.energy_out
        self.unpowered += other.unpowered
        self.heat += other.heat
        self.heat_ms += other.heat_ms
        self.longest = max(self.longest, other.longest)
        if other.coldest is not None:
            self.coldest = other.coldest if self.coldest is None else min(self.coldest, other.coldest)
        if other.hottest is not None:
            self.hottest = other.hottest if self.hottest is None else max(self.hottest, other.hottest)

    def moved(self, direction: int) -> int:
        """Charge in one direction."""
        return self.into if direction > 0 else self.out

    def numbers(self) -> list[int | None]:
        """All of it, to be packed."""
        return [
            self.into,
            self.out,
            self.energy_in,
            self.energy_out,
            self.unpowered,
            self.heat,
            self.heat_ms,
            self.longest,
            self.coldest,
            self.hottest,
        ]


_SUMS: Final = 10  # how many numbers

# By number of the window: charge, smallest and largest current; None once the current was unsteady.
Windows = dict[int, tuple[int, int, int] | None]


@dataclass(slots=True)
class Piece:
    """Neighbouring rows that are alike: all charge, all discharge or all idle, all within or all beyond.

    Attributes:
        direction: 1 charging, -1 discharging, 0 idle.
        beyond: whether the cell's voltage is at or beyond the declared limit of that direction.
        joined: whether an unbroken step leads into it, and it does not begin anew.
        first_ms, last_ms: time of its first and last row.
        sums: of its steps, and its rows' temperatures.
        entry: of an idle piece, or of one that begins anew, the step into its first row, which is then not
            in `sums`.
        entered: charge of that step, in the direction of the piece.
        before_mv: of the cell in the row before, first_mv, last_mv: the first and last one said in it; all
            of the cell that ends the direction, idle of the cells' middle. furthest_mv: the lowest while
            discharging, else the highest.
        last_ma: current of its last row, without sign.
        soc_first, soc_last: first and last one said in it.
        spread_mv: highest minus lowest cell, as last said in it.
        windows: by number of the window.
    """

    direction: int
    beyond: bool
    joined: bool
    first_ms: int
    last_ms: int
    sums: Sums
    entry: Sums | None
    entered: int
    before_mv: int | None
    first_mv: int | None
    last_mv: int | None
    furthest_mv: int | None
    last_ma: int
    soc_first: int | None
    soc_last: int | None
    spread_mv: int | None
    windows: Windows


@dataclass(slots=True)
class Rest:
    """A stretch of idle rows, and what was last said in it."""

    first_ms: int
    last_ms: int
    mv: int | None
    spread_mv: int | None

    @property
    def duration_s(self) -> int:
        """From its first to its last row."""
        return (self.last_ms - self.first_ms) // 1000


@dataclass(slots=True)
class Going:
    """A session that goes on.

    Attributes:
        aside: sums of the pause since `last_ms`, which belong to the session if it goes on.
        near: whether it was once within the limit, so that reaching it says something.
        to_limit: charge moved until the limit was reached.
        cycles: thousandths of full cycles before it.
        rest: what it ended.
    """

    direction: int
    absolute: bool
    start_ms: int
    last_ms: int
    cycles: int
    rest: Rest | None
    sums: Sums = field(default_factory=Sums)
    aside: Sums | None = None
    first_mv: int | None = None
    last_mv: int | None = None
    furthest_mv: int | None = None
    last_ma: int = 0
    soc_first: int | None = None
    soc_last: int | None = None
    near: bool = False
    to_limit: int | None = None
    windows: Windows = field(default_factory=dict)

    def grow(self, piece: Piece, limit: int | None) -> None:
        """Rows in its direction."""
        if self.aside is not None:
            self.sums.add(self.aside)
            self.aside = None
        if piece.beyond and self.near and self.to_limit is None:
            self.to_limit = self.sums.moved(self.direction) + _until(piece, limit)
        self.near |= not piece.beyond and piece.first_mv is not None
        self.sums.add(piece.sums)
        self.last_ms = piece.last_ms
        self.last_ma = piece.last_ma
        if piece.first_mv is not None:
            self.first_mv = piece.first_mv if self.first_mv is None else self.first_mv
            self.last_mv = piece.last_mv
            self.furthest_mv = _further(self.direction, self.furthest_mv, piece.furthest_mv)
        if piece.soc_first is not None:
            self.soc_first = piece.soc_first if self.soc_first is None else self.soc_first
            self.soc_last = piece.soc_last
        for number, some in piece.windows.items():
            self.windows[number] = together(self.windows[number], some) if number in self.windows else some

    def put_aside(self, sums: Sums) -> None:
        """What was moved in a pause."""
        if self.aside is None:
            self.aside = Sums()
        self.aside.add(sums)

    def numbers(self) -> list[int | None]:
        """All of it, to be packed."""
        rest = self.rest
        found: list[int | None] = [
            self.direction,
            int(self.absolute),
            self.start_ms,
            self.last_ms - self.start_ms,
            self.cycles,
            *((rest.first_ms, rest.last_ms, rest.mv, rest.spread_mv) if rest else (None,) * 4),
            *self.sums.numbers(),
            *(self.aside.numbers() if self.aside is not None else (None,) * _SUMS),
            self.first_mv,
            self.last_mv,
            self.furthest_mv,
            self.last_ma,
            self.soc_first,
            self.soc_last,
            int(self.near),
            self.to_limit,
        ]
        for number in sorted(self.windows):
            some = self.windows[number]
            found += (number, None) if some is None else (number, some[0], some[1], some[2] - some[1])
        return found


def _going(numbers: list[Any]) -> Going:
    """The inverse of `Going.numbers`."""
    direction, absolute, start_ms, lasted, cycles, *rest = numbers[:9]
    at = 9 + 2 * _SUMS
    first_mv, last_mv, furthest_mv, last_ma, soc_first, soc_last, near, to_limit = numbers[at : at + 8]
    windows: Windows = {}
    left = iter(numbers[at + 8 :])
    for number in left:
        charge = next(left)
        if charge is None:
            windows[number] = None
        else:
            smallest = next(left)
            windows[number] = (charge, smallest, smallest + next(left))
    return Going(
        direction,
        bool(absolute),
        start_ms,
        start_ms + lasted,
        cycles,
        None if rest[0] is None else Rest(*rest),
        Sums(*numbers[9 : 9 + _SUMS]),
        None if numbers[9 + _SUMS] is None else Sums(*numbers[9 + _SUMS : at]),
        first_mv,
        last_mv,
        furthest_mv,
        last_ma,
        soc_first,
        soc_last,
        bool(near),
        to_limit,
        windows,
    )


@dataclass
class Sessions:
    """The sessions of a battery.

    Attributes:
        charges, discharges: how many ended, those included that are no longer kept, without those of less
            than a thousandth of the rated capacity.
        going: the session that goes on; turned: what goes against it since its last row, and becomes the
            session if it lasts.
        rest: the idle stretch that goes on.
        latest: the newest that ended; awaiting: whether `rest` is the rest that follows it.
        kept: packed, oldest first.
    """

    charges: int = 0
    discharges: int = 0
    going: Going | None = None
    turned: Going | None = None
    rest: Rest | None = None
    latest: Session | None = None
    awaiting: bool = False
    kept: list[bytes] = field(default_factory=list)

    def take(self, piece: Piece, basis: Basis, moved: tuple[int, int], *, absolute: bool) -> None:
        """The next piece; `moved` is what went in and out before it (2·mA·ms)."""
        if not piece.joined:
            self._break(basis)
        if piece.direction:
            self._act(piece, basis, moved, absolute=absolute)
        else:
            self._idle(piece, basis)

    def _act(self, piece: Piece, basis: Basis, moved: tuple[int, int], *, absolute: bool) -> None:
        while (
            self.going is not None
            and (self.rest is not None or self.turned is not None)
            and piece.first_ms - self.going.last_ms > PAUSE_MS
        ):
            self._end(basis)
        going = self.going
        limit = limit_of(basis, piece.direction)
        if going is None:
            self._rested()
            self.going = going = _begun(piece, cycles_of(*moved, basis), self.rest, absolute=absolute)
            going.grow(piece, limit)
        elif going.direction == piece.direction:
            if self.turned is not None:
                going.put_aside(self.turned.sums)
                if self.turned.aside is not None:
                    going.put_aside(self.turned.aside)
                self.turned = None
            going.grow(piece, limit)
        else:
            turned = self.turned
            if turned is None:
                turned = _begun(piece, cycles_of(*moved, basis), self.rest, absolute=absolute)
                self.turned = turned
            turned.grow(piece, limit)
            lasted = piece.last_ms - turned.start_ms > REVERSAL_MS
            if lasted or piece.last_ms - going.last_ms > PAUSE_MS:
                self._end(basis)
        self.rest = None

    def _idle(self, piece: Piece, basis: Basis) -> None:
        going = self.turned or self.going
        if going is not None:
            # The step out of its last row is the session's own.
            if piece.entry is not None and self.rest is None:
                going.sums.add(piece.entry)
            elif piece.entry is not None:
                going.put_aside(piece.entry)
            going.put_aside(piece.sums)
        if self.rest is None:
            self.rest = Rest(piece.first_ms, piece.last_ms, piece.last_mv, piece.spread_mv)
        else:
            self.rest.last_ms = piece.last_ms
            self.rest.mv = piece.last_mv if piece.last_mv is not None else self.rest.mv
            self.rest.spread_mv = piece.spread_mv if piece.spread_mv is not None else self.rest.spread_mv
        while self.going is not None and piece.last_ms - self.going.last_ms > PAUSE_MS:
            self._end(basis)

    def _break(self, basis: Basis) -> None:
        """Nothing reaches across what comes now."""
        while self.going is not None:
            self._end(basis)
        self._rested()
        self.rest = None

    def _end(self, basis: Basis) -> None:
        """The session has ended; what turned against it, if anything, goes on in its place."""
        going, after = self.going, self.turned
        self.going, self.turned = after, None
        if going is None or basis.rated_mah is None:
            return
        self.awaiting = False
        if not _counts(going, basis.rated_mah):
            return
        if going.direction > 0:
            self.charges += 1
        else:
            self.discharges += 1
        if self.latest is not None:
            self.kept.append(pack(_numbers(self.latest)))
            _thin(self.kept, basis.rated_mah)
        self.latest = _session(going, after.rest if after else None, basis)
        self.awaiting = after is None

    def _rested(self) -> None:
        """The rest has ended: it is the one that followed the latest session."""
        if self.awaiting and self.latest is not None and self.rest is not None:
            self.latest = _after(self.latest, self.rest)
        self.awaiting = False

    def __iter__(self) -> Iterator[Session]:
        """The sessions that are kept, oldest first."""
        for data in self.kept:
            yield _from_numbers(unpack(data))
        if self.latest is not None:
            waits = self.awaiting and self.rest is not None
            yield _after(self.latest, self.rest) if waits and self.rest else self.latest

    def until_now(self, basis: Basis) -> list[Session]:
        """The sessions that are kept, and the one that goes on as if it ended with its last row."""
        found = list(self)
        going = self.going
        if going is not None and basis.rated_mah and _counts(going, basis.rated_mah):
            found.append(_session(going, None, basis))
        return found

    def to_list(self) -> list[Any]:
        """What is stored; empty when there is nothing."""
        if self == Sessions():
            return []
        rest = self.rest
        return [
            self.charges,
            self.discharges,
            pack(self.going.numbers()) if self.going else b"",
            pack(self.turned.numbers()) if self.turned else b"",
            [rest.first_ms, rest.last_ms, rest.mv, rest.spread_mv] if rest else [],
            int(self.awaiting),
            pack(_numbers(self.latest)) if self.latest else b"",
            self.kept,
        ]

    @classmethod
    def from_list(cls, stored: list[Any]) -> "Sessions":
        """The inverse of `to_list`."""
        if not stored:
            return cls()
        charges, discharges, going, turned, rest, awaiting, latest, kept = stored
        return cls(
            charges,
            discharges,
            _going(unpack(going)) if going else None,
            _going(unpack(turned)) if turned else None,
            Rest(*rest) if rest else None,
            _from_numbers(unpack(latest)) if latest else None,
            bool(awaiting),
            list(kept),
        )


def _begun(piece: Piece, cycles: int, rest: Rest | None, *, absolute: bool) -> Going:
    return Going(piece.direction, absolute, piece.first_ms, piece.last_ms, cycles, rest)


def _further(direction: int, one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other) if direction > 0 else min(one, other)


def _until(piece: Piece, limit: int | None) -> int:
    """Charge of the step into a piece up to where the line between its voltages meets the limit."""
    before, first = piece.before_mv, piece.first_mv
    if before is None or first is None or limit is None or (limit - before) * piece.direction <= 0:
        return 0
    return piece.entered * (limit - before) // (first - before)


def together(
    one: tuple[int, int, int] | None, other: tuple[int, int, int] | None
) -> tuple[int, int, int] | None:
    """What two stretches moved in one window; None where their currents differ by more than a tenth."""
    if one is None or other is None:
        return None
    smallest, largest = min(one[1], other[1]), max(one[2], other[2])
    return None if unsteady(smallest, largest) else (one[0] + other[0], smallest, largest)


def unsteady(smallest: int, largest: int) -> bool:
    """Whether the smaller current is less than nine tenths of the larger one."""
    return 10 * smallest < 9 * largest


def shares(edges: Sequence[int], area: int, before: int, now: int) -> Iterator[tuple[int, int]]:
    """How a step's charge is shared among windows along the line from one voltage to the other.

    Window n lies between edge n and edge n + 1; what is outside of all is left out.
    """
    low, high = min(before, now), max(before, now)
    for number, (lower, upper) in enumerate(pairwise(edges)):
        if low == high:
            if lower <= low < upper:
                yield number, area
        elif lower < high and low < upper:
            above = area * (max(lower, low) - low) // (high - low)
            yield number, area * (min(upper, high) - low) // (high - low) - above


def threshold_ma(basis: Basis) -> int | None:
    """The smallest current that charges or discharges; None without a rated capacity."""
    return None if not basis.rated_mah else max(SMALLEST_MA, basis.rated_mah // 50)


def limit_of(basis: Basis, direction: int) -> int | None:
    """The declared voltage of one cell at which that direction ends."""
    return basis.cell_maximum_mv if direction > 0 else basis.cell_minimum_mv


def cycles_of(into: int, out: int, basis: Basis) -> int:
    """Thousandths of full cycles: the larger direction over the rated capacity."""
    return 0 if not basis.rated_mah else max(into, out) * 1000 // (basis.rated_mah * _PER_MAH)


def _nearest(amount: int, unit: int) -> int:
    return (2 * amount + unit) // (2 * unit)


def _counts(going: Going, rated_mah: int) -> bool:
    """Whether it moved a thousandth of the rated capacity."""
    return going.sums.moved(going.direction) * 1000 >= rated_mah * _PER_MAH


def _session(going: Going, after: Rest | None, basis: Basis) -> Session:
    sums, direction = going.sums, going.direction
    duration = going.last_ms - going.start_ms
    moved = sums.moved(direction)
    energy = sums.energy_in if direction > 0 else sums.energy_out
    before = going.rest
    found = Session(
        direction=direction,
        start_s=going.start_ms // 1000,
        absolute=going.absolute,
        duration_s=duration // 1000,
        charge=_nearest(moved, _PER_TENTH_MAH),
        opposite=_nearest(sums.moved(-direction), _PER_TENTH_MAH),
        charge_to_limit=None if going.to_limit is None else _nearest(going.to_limit, _PER_TENTH_MAH),
        energy=None if sums.unpowered else _nearest(energy, _PER_HUNDREDTH_WH),
        rest_before_s=before.duration_s if before else 0,
        rest_before_mv=before.mv if before else None,
        rest_after_s=0,
        rest_after_mv=None,
        first_mv=going.first_mv,
        last_mv=going.last_mv,
        last_ma=going.last_ma,
        mean_ma=_mean_ma(_nearest(moved, _PER_TENTH_MAH), duration // 1000, going.last_ma),
        soc_first=going.soc_first,
        soc_last=going.soc_last,
        coldest=sums.coldest,
        hottest=sums.hottest,
        mean_temperature=_nearest(sums.heat, 2 * sums.heat_ms) if sums.heat_ms else sums.coldest,
        longest_step_s=sums.longest // 1000,
        windows=_crossed(going, basis),
        cycles_before=going.cycles,
        spread_mv=before.spread_mv if before else None,
    )
    return _after(found, after) if after else found


def _mean_ma(charge: int, duration_s: int, last_ma: int) -> int:
    """Charge by time; of a session of one row, its current."""
    return _nearest(charge * 360, duration_s) if duration_s else last_ma


def _after(session: Session, rest: Rest) -> Session:
    return replace(session, rest_after_s=rest.duration_s, rest_after_mv=rest.mv)


def _crossed(going: Going, basis: Basis) -> tuple[tuple[int, int], ...]:
    """Windows that the cell crossed from edge to edge at a steady current; charge to 13 bits."""
    edges = WINDOW_EDGES.get(basis.chemistry or "", ())
    if going.first_mv is None or going.furthest_mv is None:
        return ()
    low, high = min(going.first_mv, going.furthest_mv), max(going.first_mv, going.furthest_mv)
    found = [
        (edges[number], _nearest(some[0], _PER_TENTH_MAH))
        for number, some in sorted(going.windows.items())
        if some is not None and low <= edges[number] and edges[number + 1] <= high
    ]
    shift = _shift(found) if found else 0
    return tuple((edge, charge >> shift << shift) for edge, charge in found)


@lru_cache(maxsize=4096)
def _rank(data: bytes, rated_mah: int) -> int:
    """What a session may say of capacity: 2 it reached a limit or moved half of it, 1 a twentieth, 0 less."""
    numbers = unpack(data)
    charge, to_limit = numbers[_CHARGE], numbers[_TO_LIMIT]
    whole = rated_mah * 10
    if charge is None or 20 * charge < whole:
        return 0
    return 2 if to_limit is not None or 2 * charge >= whole else 1


def _thin(kept: list[bytes], rated_mah: int) -> None:
    """Drop the oldest of those that say least while there are too many."""
    while len(kept) >= MOST_KEPT or sum(map(len, kept)) > LARGEST_KEPT_BYTES:
        ranks = [_rank(data, rated_mah) for data in kept]
        kept.pop(ranks.index(min(ranks)))


_CHARGE: Final = 3
_TO_LIMIT: Final = 5
_WINDOWS: Final = 22


def _numbers(session: Session) -> list[int | None]:
    """A session to be packed; what is near another number is told as its distance."""
    coldest = session.coldest
    to_limit = session.charge_to_limit
    return [
        2 * int(session.direction > 0) + int(session.absolute),
        session.start_s,
        session.duration_s,
        session.charge,
        session.opposite,
        None if to_limit is None else session.charge - to_limit,
        session.energy,
        session.rest_before_s,
        session.rest_before_mv,
        session.rest_after_s,
        session.rest_after_mv,
        session.first_mv,
        session.last_mv,
        session.last_ma,
        session.soc_first,
        session.soc_last,
        coldest,
        _less(session.hottest, coldest),
        _less(session.mean_temperature, coldest),
        session.longest_step_s,
        session.cycles_before,
        session.spread_mv,
        *_packed_windows(session.windows),
    ]


def _packed_windows(windows: Sequence[tuple[int, int]]) -> Iterator[int]:
    """A shift, the grid, which of its windows there are (a bit each), and their charges without last bits."""
    if windows:
        shift = _shift(windows)
        found = {edge for edge, _ in windows}
        grid = next(number for number, edges in enumerate(_GRIDS) if found.issubset(edges))
        yield shift
        yield grid
        yield sum(1 << at for at, edge in enumerate(_GRIDS[grid]) if edge in found)
        for _, charge in windows:
            yield charge >> shift


def _unpacked_windows(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The inverse of `_packed_windows`."""
    if not numbers:
        return ()
    shift, grid, which, *charges = numbers
    edges = [edge for at, edge in enumerate(_GRIDS[grid]) if which >> at & 1]
    return tuple((edge, charge << shift) for edge, charge in zip(edges, charges, strict=True))


def _shift(windows: Sequence[tuple[int, int]]) -> int:
    """How many bits of a window's charge are left out, so that each takes two bytes."""
    return max(0, max(charge for _, charge in windows).bit_length() - 13)


def _less(value: int | None, base: int | None) -> int | None:
    return None if value is None or base is None else value - base


def _from_numbers(numbers: Sequence[Any]) -> Session:
    """The inverse of `_numbers`."""
    kind, start_s, duration_s, charge, opposite, short, energy, *more = numbers[:_WINDOWS]
    before_s, before_mv, after_s, after_mv, first_mv, last_mv, last_ma, *more = more
    soc_first, soc_last, coldest, hottest, mean, longest, cycles, spread = more
    return Session(
        direction=1 if kind & 2 else -1,
        start_s=start_s,
        absolute=bool(kind & 1),
        duration_s=duration_s,
        charge=charge,
        opposite=opposite,
        charge_to_limit=None if short is None else charge - short,
        energy=energy,
        rest_before_s=before_s,
        rest_before_mv=before_mv,
        rest_after_s=after_s,
        rest_after_mv=after_mv,
        first_mv=first_mv,
        last_mv=last_mv,
        last_ma=last_ma,
        mean_ma=_mean_ma(charge, duration_s, last_ma),
        soc_first=soc_first,
        soc_last=soc_last,
        coldest=coldest,
        hottest=None if hottest is None else coldest + hottest,
        mean_temperature=None if mean is None else coldest + mean,
        longest_step_s=longest,
        windows=_unpacked_windows(numbers[_WINDOWS:]),
        cycles_before=cycles,
        spread_mv=spread,
    )
