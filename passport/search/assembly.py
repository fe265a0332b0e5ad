"""Batches: packs of one model that are alike enough in health and together hold the energy that is wanted.

The rules:

1. A pack counts with its usable energy: rated energy times state of health. One whose health or energy is
   unknown, and one that is not eligible for a second life, is in no batch.
2. In order of health, a batch is a run of neighbours whose highest and lowest health are at most the spread
   apart. So nobody between two packs of a batch is left out, and the packs age alike.
3. Of all such runs that reach the energy, the one of the fewest packs is taken; of those the one of the
   smallest spread; of those the one of the best health.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import InputRefused
from passport.search.asking import Query, Reader, Row, check_rights, conditions_of, parse, rows_of, wire
from passport.search.fields import FIELDS
from passport.search.sheets import Column

DEFAULT_SPREAD: Final = Decimal(3)
MOST_PACKS: Final = 5000
_NEEDED: Final = ("model", "rated_energy", "health", "verdict")
_HEALTH: Final = FIELDS["health"].scale
# Usable energy is counted in watt-hours times tenths of a percent, exactly.
_KWH: Final = FIELDS["rated_energy"].scale * 100 * _HEALTH


@dataclass(frozen=True)
class Assembly:
    """What was found.

    Attributes:
        rows: the packs, in order of health, the best first; empty where no batch reaches the energy.
        usable: kilowatt-hours of each of `rows`.
        candidates: packs of the model that could be taken.
        reached: kilowatt-hours of the batch; without one, the most that any run within the spread holds.
        low_end: kilowatt-hours at the low ends of health; None where one is unknown, or without a batch.
        spread: percent between the best and the worst health of the batch; None without one.
    """

    rows: tuple[Row, ...]
    usable: tuple[Decimal, ...]
    candidates: int
    reached: Decimal
    low_end: Decimal | None
    spread: Decimal | None


def assemble(
    connection: Connection,
    reader: Reader,
    *,
    model: str,
    energy: Decimal,
    spread: Decimal = DEFAULT_SPREAD,
    filters: Sequence[tuple[str, str]] = (),
    today: date,
) -> Assembly:
    """The batch of a model that holds `energy` kilowatt-hours within `spread` percent of health.

    Args:
        connection: to the database.
        reader: within whose rights.
        model: the model identifier.
        energy: kilowatt-hours that are wanted.
        spread: between the highest and the lowest health, in percent.
        filters: further conditions, as in a query string.
        today: decides which offers still stand.

    Raises:
        Forbidden: the reader may not read health, or a field of the filters.
        InputRefused: an argument is out of range, or a filter is none.
    """
    if not model.strip():
        raise InputRefused("model: expected a model identifier")
    if not (energy.is_finite() and 0 < energy <= 1_000_000):
        raise InputRefused(f"kwh: expected more than 0 and at most 1000000, got {str(energy)[:40]}")
    if not (spread.is_finite() and 0 <= spread <= 100):
        raise InputRefused(f"spread: expected 0 to 100 percent, got {str(spread)[:40]}")
    question = parse([*filters, ("model", model), ("order", "-health")])
    check_rights(question, reader)
    packs = _candidates(connection, question, reader, today)
    run = _best_run(packs, energy * _KWH, int(spread * _HEALTH))
    if run is None:
        most = _most(packs, int(spread * _HEALTH))
        return Assembly((), (), len(packs), Decimal(most) / _KWH, None, None)
    first, last = run
    chosen = packs[first : last + 1]
    if len(chosen) > MOST_PACKS:
        raise InputRefused(
            f"kwh: this takes {len(chosen)} packs; at most {MOST_PACKS} are put together at once"
        )
    rows = rows_of(connection, [battery for battery, _, _, _ in chosen], reader, today=today)
    lows = [energy * low for _, energy, _, low in chosen if low is not None]
    return Assembly(
        rows=tuple(rows),
        usable=tuple(Decimal(energy * health) / _KWH for _, energy, health, _ in chosen),
        candidates=len(packs),
        reached=Decimal(sum(energy * health for _, energy, health, _ in chosen)) / _KWH,
        low_end=Decimal(sum(lows)) / _KWH if len(lows) == len(chosen) else None,
        spread=Decimal(chosen[0][2] - chosen[-1][2]) / _HEALTH,
    )


_Pack = tuple[str, int, int, int | None]  # battery, rated energy, health, low end of health: as stored


def _candidates(connection: Connection, question: Query, reader: Reader, today: date) -> list[_Pack]:
    """All packs that fit, the healthiest first, then by id."""
    conditions = conditions_of(connection, question, reader, today=today)
    where = [one.text(indexed=one.column == "model") for one in conditions]
    where += ["health > 0", "rated_energy > 0", "verdict <> 'not_eligible'"]
    found = connection.exec_driver_sql(
        "SELECT battery, rated_energy, health, health_low FROM battery_search"
        f" WHERE {' AND '.join(where)} ORDER BY +health DESC, battery",
        tuple(value for one in conditions for value in one.values),
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def _best_run(packs: Sequence[_Pack], wanted: Decimal, spread: int) -> tuple[int, int] | None:
    """First and last place of the run by rule 3; None where no run reaches what is wanted."""
    best: tuple[int, int, int] | None = None  # packs, spread, first place: the smallest wins
    held, first = 0, 0
    for last, (_, energy, health, _) in enumerate(packs):
        held += energy * health
        while packs[first][2] - health > spread:
            held -= packs[first][1] * packs[first][2]
            first += 1
        # The shortest run that ends here: packs at its head are dropped while the rest still reaches.
        while held - packs[first][1] * packs[first][2] >= wanted:
            held -= packs[first][1] * packs[first][2]
            first += 1
        if held >= wanted:
            found = (last - first + 1, packs[first][2] - health, first)
            best = found if best is None else min(best, found)
    return None if best is None else (best[2], best[2] + best[0] - 1)


def _most(packs: Sequence[_Pack], spread: int) -> int:
    """The most that any run within the spread holds."""
    most, held, first = 0, 0, 0
    for _, energy, health, _ in packs:
        held += energy * health
        while packs[first][2] - health > spread:
            held -= packs[first][1] * packs[first][2]
            first += 1
        most = max(most, held)
    return most


def columns(batch: Assembly) -> tuple[Column, ...]:
    """What a list of the batch says beside the fields."""
    usable = {row.battery: text(energy) for row, energy in zip(batch.rows, batch.usable, strict=True)}
    return (Column("usable_energy_kWh", lambda row: usable[row.battery], FIELDS["rated_energy"]),)


def sentence(batch: Assembly) -> str:
    """The outcome in words."""
    if not batch.rows:
        return (
            f"No batch: of {batch.candidates} packs of known health that fit, those within the spread hold at"
            f" most {text(batch.reached)} kWh."
        )
    low = f", {text(batch.low_end)} kWh at the low ends of their health" if batch.low_end is not None else ""
    return (
        f"{len(batch.rows)} packs of {batch.candidates}, {text(batch.reached)} kWh usable{low}; health"
        f" differs by {batch.spread} percent at the most."
    )


def to_wire(batch: Assembly, public_url: str) -> dict[str, Any]:
    """Ready for JSON."""
    return {
        "reached": bool(batch.rows),
        "usable_energy": {"value": text(batch.reached), "unit": "kWh"},
        "usable_energy_low": None if batch.low_end is None else {"value": text(batch.low_end), "unit": "kWh"},
        "spread": None if batch.spread is None else {"value": str(batch.spread), "unit": "%"},
        "candidates": batch.candidates,
        "batteries": [
            {**wire(row, public_url), "usable_energy": {"value": text(energy), "unit": "kWh"}}
            for row, energy in zip(batch.rows, batch.usable, strict=True)
        ],
    }


def text(energy: Decimal) -> str:
    """Kilowatt-hours, cut to watt-hours: never more than there are."""
    return format(energy.quantize(Decimal("0.001"), ROUND_DOWN).normalize(), "f")


def number(name: str, given: str) -> Decimal:
    """A number as typed.

    Raises:
        InputRefused: it is none; the parameter is named.
    """
    try:
        return Decimal(given)
    except InvalidOperation as error:
        raise InputRefused(f"{name}: expected a number, got {given[:40]!r}") from error
