"""Subjects that hypothesis draws: any values that the rows allow, more foreign than a hand-made example."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from hypothesis import strategies as st

from passport.exports.format import Subject
from schemas.attribute import Attribute
from schemas.registry import OPINIONS, REGISTRY
from schemas.structures import STRUCTURES, Form, Member
from schemas.terms import Category
from schemas.values import Kind, ValueType
from tests.passport.exports.subjects import everything

_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc")),
        st.sampled_from('äß"\\{}[],:;=|^~\n\t<&>\u2028\U0001f50b'),
    ),
    min_size=1,
    max_size=12,
).filter(str.strip)
_URI = st.sampled_from(
    [
        "https://example.com/a?b=c#d",
        "urn:example:1",
        "did:web:example.com",
        "http://example.org/%2F%C3%A4.pdf",
    ]
)
_FORMS = {
    Form.CAS: st.sampled_from(["7439-93-2", "7782-42-5"]),
    Form.COUNTRY: st.sampled_from(["DE", "SE"]),
    Form.EMAIL: st.just("a@example.com"),
    Form.LANGUAGE: st.sampled_from(["de", "pt-BR"]),
    Form.SHA256: st.just("ab" * 32),
}
_DAYS = st.dates().filter(lambda day: day.year >= 1900)


def _numbers(value: ValueType[Any]) -> st.SearchStrategy[str]:
    low = value.at_least if value.at_least is not None else (value.above or Decimal(-(10**6)))
    high = value.at_most if value.at_most is not None else Decimal(10**6)
    drawn = st.decimals(low, high, places=4, allow_nan=False, allow_infinity=False)
    return drawn.filter(lambda one: value.above is None or one > value.above).map(lambda one: f"{one:f}")


def _whole(value: ValueType[Any]) -> st.SearchStrategy[int]:
    return st.integers(
        int(value.at_least if value.at_least is not None else 0),
        int(value.at_most if value.at_most is not None else 10**9),
    )


def _one(value: ValueType[Any], form: Form | None = None) -> st.SearchStrategy[Any]:
    match value.kind:
        case Kind.NUMBER:
            return _numbers(value)
        case Kind.INTEGER | Kind.DURATION_MONTHS:
            return _whole(value)
        case Kind.TEXT:
            return _FORMS[form] if form else _TEXT
        case Kind.URI | Kind.DOCUMENT:
            return _URI
        case Kind.DATE:
            return _DAYS.map(lambda day: day.isoformat())
        case Kind.YEAR_MONTH:
            return _DAYS.map(lambda day: day.isoformat()[:7])
        case Kind.DATETIME:
            return _DAYS.map(lambda day: f"{day.isoformat()}T12:00:00Z")
        case Kind.FLAG:
            return st.booleans()
        case Kind.ENUMERATION:
            return st.sampled_from(value.members)
        case Kind.STRUCTURE:
            return _structure(value.structure or "")


def _structure(name: str) -> st.SearchStrategy[dict[str, Any]]:
    shape = STRUCTURES[name]

    def of(member: Member) -> st.SearchStrategy[Any]:
        return _TEXT if member.value is None else values(member.value, member.form)

    def agreed(made: dict[str, Any]) -> dict[str, Any] | None:
        """The members in reading order and without contradiction; None where that cannot be."""
        for low, high in shape.rising:
            if low in made and high in made:
                made[low], made[high] = sorted((made[low], made[high]), key=_order)
                if _order(made[low]) == _order(made[high]):
                    return None
        if {"in_series", "in_parallel"} <= made.keys():
            made.pop("cells", None)
        return {key: made[key] for key in shape.members if key in made}

    first = shape.any_of[:1]
    drawn = st.fixed_dictionaries(
        {one.name: of(one) for one in shape.fields if one.required or one.name in first},
        optional={one.name: of(one) for one in shape.fields if not one.required and one.name not in first},
    )
    return drawn.map(agreed).filter(lambda made: made is not None)


def _order(value: Any) -> Any:
    try:
        return Decimal(value)
    except InvalidOperation:
        return value  # a day


def values(value: ValueType[Any], form: Form | None = None) -> st.SearchStrategy[Any]:
    """Any value that the type allows, as the wire spells it."""
    if value.many:
        most = 3 if value.at_most_items is None else min(3, value.at_most_items)
        return st.lists(_one(value, form), min_size=value.at_least_items, max_size=most)
    return _one(value, form)


_of_row = cache(lambda name: values(REGISTRY[name].value))


def rows(*, most: int = 12) -> st.SearchStrategy[Mapping[str, Any]]:
    """Some rows with any value each; relations between values are nobody's concern here."""

    def of(chosen: list[Attribute[Any]]) -> st.SearchStrategy[Mapping[str, Any]]:
        return st.fixed_dictionaries({row.id: _of_row(row.id) for row in chosen})

    known = [row for row in REGISTRY.values() if row.id not in OPINIONS]
    return st.lists(st.sampled_from(known), max_size=most, unique_by=lambda row: row.id).flatmap(of)


def subjects() -> st.SearchStrategy[Subject]:
    """A subject with some rows, of any category."""
    return st.builds(everything, st.sampled_from(Category), rows())
