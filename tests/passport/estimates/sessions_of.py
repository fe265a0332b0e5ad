"""Sessions out of plain arrays, written without a look at the folding: what estimators are tested with."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from passport.lifecycle.basis import Basis
from passport.lifecycle.session import PER_AMPERE_HOUR, Session

Row = tuple[float, float, float, float | None]  # seconds, volts of the battery, amperes, degrees

STEP_MV = 25


def sessions_of(
    rows: Sequence[Row], basis: Basis, *, still: float | None = None, cycles: float = 0.0
) -> list[Session]:
    """Sessions of one run of rows; a row with less than 1 % of the rated capacity as current is rest."""
    rated = (basis.rated_mah or 1000) / 1000
    still = 0.01 * rated if still is None else still
    marks = [0 if abs(i) < still else (1 if i > 0 else -1) for _, _, i, _ in rows]
    found: list[Session] = []
    at = 0
    rest: tuple[float, float | None] = (0.0, None)
    while at < len(rows):
        end = at
        if marks[at] == 0:
            while end < len(rows) and marks[end] == 0:
                end += 1
            rest = (rows[min(end, len(rows) - 1)][0] - rows[at][0], rows[end - 1][1])
            if found:
                found[-1] = _with(
                    found[-1],
                    rest_after_s=int(rows[end - 1][0] - rows[at][0]),
                    rest_after_mv=_cell(rows[end - 1][1], basis),
                )
            at = end
            continue
        # A short reversal is regeneration, not a session of its own.
        sign, last = marks[at], at
        while end < len(rows) and (marks[end] == sign or (marks[end] == -sign and end - last < 10)):
            if marks[end] == sign:
                last = end
            end += 1
        end = last + 1
        run = rows[at:end]
        edge = [rows[at - 1], *run] if at and rows[at][0] - rows[at - 1][0] < 60 else run
        session = _session(edge, run, sign, basis, rest, cycles)
        found.append(session)
        cycles += session.charge / PER_AMPERE_HOUR / rated / 2
        rest = (0.0, None)
        at = end
    return found


def _with(session: Session, **changes: Any) -> Session:
    return Session(**{**vars(session), **changes})


def _cell(volts: float, basis: Basis) -> int:
    return round(volts * 1000 / (basis.in_series or 1))


def _session(
    edge: Sequence[Row],
    run: Sequence[Row],
    sign: int,
    basis: Basis,
    rest: tuple[float, float | None],
    cycles: float,
) -> Session:
    into = out = energy = 0.0
    limit: float | None = None
    windows: dict[int, float] = {}
    bound = basis.cell_minimum_mv if sign < 0 else basis.cell_maximum_mv
    longest = 0.0
    for (t0, v0, i0, _), (t1, v1, i1, _) in pairwise(edge):
        area = (i0 + i1) / 2 * (t1 - t0) / 3600 * sign
        longest = max(longest, t1 - t0)
        mv = _cell(v1, basis)
        past = bound is not None and (mv < bound if sign < 0 else mv >= bound)
        if past and limit is None:
            limit = into
        if area >= 0:
            into += area
        else:
            out -= area
        energy += max(0.0, area) * (v0 + v1) / 2
        bin_mv = mv // STEP_MV * STEP_MV
        windows[bin_mv] = windows.get(bin_mv, 0.0) + area
    degrees = [row[3] for row in run if row[3] is not None]
    duration = run[-1][0] - run[0][0]
    return Session(
        direction=sign,
        start_s=int(run[0][0]),
        absolute=False,
        duration_s=int(duration),
        charge=round(into * PER_AMPERE_HOUR),
        opposite=round(out * PER_AMPERE_HOUR),
        charge_to_limit=None if limit is None else round(limit * PER_AMPERE_HOUR),
        energy=round(energy * 100),
        rest_before_s=int(rest[0]),
        rest_before_mv=None if rest[1] is None else _cell(rest[1], basis),
        rest_after_s=0,
        rest_after_mv=None,
        first_mv=_cell(run[0][1], basis),
        last_mv=_cell(run[-1][1], basis),
        last_ma=round(abs(run[-1][2]) * 1000),
        mean_ma=round(into / duration * 3_600_000) if duration else 0,
        soc_first=None,
        soc_last=None,
        coldest=round(min(degrees) * 10) if degrees else None,
        hottest=round(max(degrees) * 10) if degrees else None,
        mean_temperature=round(sum(degrees) / len(degrees) * 10) if degrees else None,
        longest_step_s=round(longest),
        windows=tuple((mv, round(q * PER_AMPERE_HOUR)) for mv, q in sorted(windows.items())[1:-1]),
        cycles_before=round(cycles * 1000),
        spread_mv=None,
    )


def grouped(lines: Iterable[dict[str, str]], by: str) -> dict[str, list[dict[str, str]]]:
    """Rows of a table by one of its columns, in order."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        found.setdefault(line[by], []).append(line)
    return found
