"""How the found batteries divide: counts of words, of what the reader may read and nothing else.

A count is an answer, so it stands under the rights of its field: a field that the reader may not read has no
facet, and a key that speaks of some batteries only counts restricted words only among those. Counting stops
after `MOST` batteries; the answer says so, and the counts are then the least there are.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from passport.search.asking import Query, Reader, check_rights, conditions_of, walked
from passport.search.fields import FIELDS, Field, readable, words_of
from schemas.terms import Audience

MOST: Final = 10_000
FACETS: Final = tuple(
    FIELDS[name]
    for name in (
        "category",
        "chemistry",
        "manufacturer",
        "model",
        "region",
        "battery_status",
        "verdict",
        "grade",
        "calibrated",
        "use",
        "possible_use",
    )
)
_WORDS: Final = 12  # of one field that are told, the most frequent ones


@dataclass(frozen=True)
class Facet:
    """How many batteries have which word of a field; the most frequent first, then by the word."""

    field: Field
    counts: tuple[tuple[str, int], ...]
    unknown: int


@dataclass(frozen=True)
class Facets:
    """All facets of a question.

    Attributes:
        counted: batteries that were counted.
        complete: False where there may be more, which were not counted.
    """

    facets: tuple[Facet, ...]
    counted: int
    complete: bool


def facets(connection: Connection, question: Query, reader: Reader, *, today: date) -> Facets:
    """Counts of the batteries that fit the question, whatever page is asked.

    Raises:
        Forbidden: as `query` does.
    """
    check_rights(question, reader)
    conditions = conditions_of(connection, question, reader, today=today)
    columns = [field.name for field in FACETS]
    where, values = walked(connection, conditions)
    rows = connection.exec_driver_sql(
        f"SELECT operator, battery, {', '.join(columns)} FROM battery_search {where} LIMIT ?",
        (*values, MOST + 1),
    ).fetchall()
    complete = len(rows) <= MOST
    rows = rows[:MOST]
    inside = [row for row in rows if reader.covers(operator=row[0], battery=row[1])]
    found = []
    for place, field in enumerate(FACETS, start=2):
        if not readable(field, reader.audience):
            continue
        told = rows if readable(field, Audience.PUBLIC) else inside
        count: Counter[str | None] = Counter()
        for row in told:
            words = words_of(row[place]) if field.several and row[place] is not None else [row[place]]
            count.update(words)
        unknown = count.pop(None, 0)
        known = sorted(((word, number) for word, number in count.items() if word is not None), key=_by_count)
        found.append(Facet(field, tuple(known[:_WORDS]), unknown))
    return Facets(tuple(found), len(rows), complete)


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def to_wire(found: Facets) -> dict[str, Any]:
    """Ready for JSON."""
    return {
        "counted": found.counted,
        "complete": found.complete,
        "facets": {
            one.field.name: {
                "counts": [{"value": word, "batteries": number} for word, number in one.counts],
                "unknown": one.unknown,
            }
            for one in found.facets
        },
    }
