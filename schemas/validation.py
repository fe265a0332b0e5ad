"""Marshmallow schemas derived from the rows: what is declared, judged before anything is stored.

`load_facts` takes `{attribute id: raw value}` and gives the same names with Python values. A raw value is
JSON as it comes (numbers as text, integers or decimals; never binary floats), or an object of value and
unit, which is turned into the row's unit. A nested value is an object with the members of its structure.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from schemas import plausibility
from schemas.attribute import Attribute
from schemas.quantity import convert, split_number
from schemas.registry import OPINIONS, REGISTRY
from schemas.structures import STRUCTURES, Structure, check_form
from schemas.terms import RecordKind, Unit
from schemas.values import (
    MAX_DIGITS,
    MAX_EXPONENT,
    MAX_INTEGER,
    MAX_TEXT,
    MAX_URI,
    Kind,
    ValueType,
    YearMonth,
    from_utc_text,
    plain,
)

# Written by the service when it issues a version; nobody declares them.
MADE_BY_SERVICE: Final[frozenset[str]] = frozenset(
    {
        "passport_id",
        "dpp_schema_version",
        "dpp_status",
        "dpp_granularity",
        "dpp_last_updated_at",
        "dpp_issued_at",
        "measurement_metadata",
    }
)
# Short words of the command line; the row's own name works as well.
SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"category": "battery_category", "chemistry": "battery_chemistry"}
)
# Typed one by one, kept as members of one row.
LAYOUT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cells": "cells",
        "cells_in_series": "in_series",
        "cells_in_parallel": "in_parallel",
        "modules": "modules",
    }
)
MAX_LIST: Final = 500

_URI_SCHEMES: Final = frozenset({"https", "http", "urn", "did"})


class FactsInvalid(ValueError):
    """Declared facts are not acceptable.

    Attributes:
        errors: attribute id (or the unknown name) to what is wrong with it, each a sentence.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors: dict[str, list[str]] = {name: list(sentences) for name, sentences in errors.items()}
        super().__init__("; ".join(f"{name}: {' and '.join(said)}" for name, said in self.errors.items()))


# ---------------------------------------------------------------------------------------------- one value


def _decimal(raw: object, unit: Unit | None) -> Decimal:
    """The number in the row's unit.

    Raises:
        ValidationError: no number, a binary float, a number out of all proportion, or a foreign unit.
    """
    spelling = ""
    if isinstance(raw, Mapping):
        if not set(raw) <= {"value", "unit"} or "value" not in raw:
            raise ValidationError('expected a number or {"value": ..., "unit": ...}')
        spelling = str(raw.get("unit", ""))
        raw = raw["value"]
    if isinstance(raw, bool):
        raise ValidationError("expected a number, got yes or no")
    if isinstance(raw, float):
        raise ValidationError(
            f"expected decimal text or an integer, got the binary float {raw!r}: send it as text"
        )
    if isinstance(raw, str):
        try:
            number, written = split_number(raw)
        except ValueError as wrong:
            raise ValidationError(str(wrong)) from None
        spelling = spelling or written
    elif isinstance(raw, (int, Decimal)):
        number = Decimal(raw)
    else:
        raise ValidationError(f"expected a number, got {_kind_of(raw)}")
    _plausible(number)
    if not spelling:
        return number
    if unit is None:
        raise ValidationError(f"expected a number without unit, got {spelling!r}")
    try:
        return convert(number, spelling, unit)
    except ValueError as wrong:
        raise ValidationError(str(wrong)) from None


def _plausible(number: Decimal) -> None:
    if not number.is_finite():
        raise ValidationError(f"expected a finite number, got {number}")
    if len(number.as_tuple().digits) > MAX_DIGITS or (number and abs(number.adjusted()) > MAX_EXPONENT):
        raise ValidationError(
            f"expected at most {MAX_DIGITS} digits and a power of ten within {MAX_EXPONENT},"
            f" got {str(number)[:60]}"
        )


def _in_range(value: ValueType[Any], number: Decimal | int) -> None:
    unit = f" {value.unit.value}" if value.unit else ""
    if value.at_least is not None and number < value.at_least:
        raise ValidationError(f"expected at least {value.at_least}{unit}, got {number}{unit}")
    if value.above is not None and number <= value.above:
        raise ValidationError(f"expected more than {value.above}{unit}, got {number}{unit}")
    if value.at_most is not None and number > value.at_most:
        raise ValidationError(f"expected at most {value.at_most}{unit}, got {number}{unit}")


def _number(value: ValueType[Any], raw: object) -> Decimal | int:
    number: Decimal | int
    if value.kind is Kind.NUMBER:
        number = _decimal(raw, value.unit)
    elif value.kind is Kind.INTEGER:
        number = _integer(raw, value.unit)
    else:
        number = _months(raw)
    _in_range(value, number)
    return number


def _text(raw: object, limit: int = MAX_TEXT) -> str:
    if not isinstance(raw, str):
        raise ValidationError(f"expected text, got {_kind_of(raw)}")
    if not raw.strip():
        raise ValidationError("expected text, got nothing; leave the attribute out instead")
    if len(raw) > limit:
        raise ValidationError(f"expected at most {limit} characters, got {len(raw)}")
    for character in raw:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t":
            raise ValidationError(f"expected printable text, got the character U+{ord(character):04X}")
    return raw


def _uri(raw: object) -> str:
    text = _text(raw, MAX_URI)
    if any(character.isspace() for character in text):
        raise ValidationError(f"expected an address without blanks, got {text!r}")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as wrong:
        raise ValidationError(f"expected an absolute address, got {text!r}: {wrong}") from None
    if parts.scheme.lower() not in _URI_SCHEMES:
        raise ValidationError(f"expected an address beginning with https, http, urn or did; got {text!r}")
    if parts.scheme.lower() in {"http", "https"} and not host:
        raise ValidationError(f"expected an address with a host, got {text!r}")
    return text


def _integer(raw: object, unit: Unit | None) -> int:
    number = _decimal(raw, unit)
    if number != number.to_integral_value():
        raise ValidationError(f"expected a whole number, got {number}")
    if abs(number) > MAX_INTEGER:
        raise ValidationError(f"expected a whole number of at most {MAX_INTEGER}, got {number}")
    return int(number)


def _months(raw: object) -> int:
    match = re.fullmatch(r"P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?", raw) if isinstance(raw, str) else None
    if match is not None and (match[1] or match[2]):
        return 12 * int(match[1] or 0) + int(match[2] or 0)
    return _integer(raw, Unit.MONTH)


def _date(raw: object) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if not isinstance(raw, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw) is None:
        raise ValidationError(f"expected a day as YYYY-MM-DD, got {raw!r}")
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise ValidationError(f"there is no such day: {raw}") from None


def _year_month(raw: object) -> YearMonth:
    if isinstance(raw, YearMonth):
        return raw
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
        raise ValidationError(f"expected a month as YYYY-MM, got the day {raw}: leave the day out")
    try:
        return YearMonth.parse(_text(raw))
    except ValueError as wrong:
        raise ValidationError(str(wrong)) from None


def _moment(raw: object) -> datetime:
    if isinstance(raw, datetime):
        raw = raw.isoformat()
    if not isinstance(raw, str):
        raise ValidationError(f"expected a time as 2026-11-20T12:00:00Z, got {_kind_of(raw)}")
    try:
        return from_utc_text(raw)
    except ValueError as wrong:
        raise ValidationError(f"expected a time as 2026-11-20T12:00:00Z: {wrong}") from None


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    raise ValidationError(f"expected true or false, got {raw!r}")


def _word(value: ValueType[Any], raw: object) -> str:
    if not isinstance(raw, str) or raw not in value.members:
        raise ValidationError(f"expected one of {', '.join(value.members)}; got {raw!r}")
    return value.words(raw) if value.words is not None else raw


def _kind_of(raw: object) -> str:
    names = {dict: "an object", list: "a list", type(None): "null", bool: "yes or no", str: "text"}
    return names.get(type(raw), type(raw).__name__)


class _Value(fields.Field[Any]):
    """One entry of a row's value, from JSON to Python."""

    def __init__(self, value: ValueType[Any], **options: Any) -> None:
        super().__init__(**options)
        self.value = value

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Any:
        return _entry(self.value, value)


def _entry(value: ValueType[Any], raw: object) -> Any:
    """One entry of a value, whatever its kind."""
    kind = value.kind
    if kind is Kind.STRUCTURE:
        return _structure(STRUCTURES[value.structure or ""], raw)
    if kind in (Kind.NUMBER, Kind.INTEGER, Kind.DURATION_MONTHS):
        return _number(value, raw)
    if kind is Kind.ENUMERATION:
        return _word(value, raw)
    return _PLAIN[kind](raw)


def _structure(shape: Structure, raw: object) -> dict[str, Any]:
    """The members in reading order; all that is wrong with them is said at once."""
    if shape.open:
        raise ValidationError(f"written by the service alone ({shape.title}): leave it out")
    if not isinstance(raw, Mapping):
        raise ValidationError(
            f"expected an object ({shape.title}: {', '.join(shape.members)}), got {_kind_of(raw)}"
        )
    wrong = [
        f"{name}: no member of {shape.title} is called so; expected {', '.join(shape.members)}"
        for name in raw
        if name not in shape.by_name
    ]
    found: dict[str, Any] = {}
    for member in shape.fields:
        if raw.get(member.name) is None:
            if member.required:
                wrong.append(f"{member.name}: expected a value, got none")
            continue
        assert member.value is not None
        try:
            found[member.name] = _entry(member.value, raw[member.name])
        except ValidationError as refused:
            wrong += [f"{member.name}: {sentence}" for sentence in _sentences(refused.messages)]
            continue
        if member.form is not None and (sentence := check_form(member.form, found[member.name])):
            wrong.append(f"{member.name}: {sentence}")
    wrong += _disagreements(shape, found) if not wrong else []
    if wrong:
        raise ValidationError(wrong)
    return found


def _disagreements(shape: Structure, found: Mapping[str, Any]) -> list[str]:
    """What disagrees between members that are each acceptable."""
    wrong = []
    if shape.any_of and not any(name in found for name in shape.any_of):
        wrong.append(f"expected at least one of {', '.join(shape.any_of)}")
    for low, high in shape.rising:
        if low in found and high in found and not found[low] < found[high]:
            wrong.append(f"expected {low} below {high}, got {plain(found[low])} and {plain(found[high])}")
    if shape.name == "cell_layout" and {"cells", "in_series", "in_parallel"} <= found.keys():
        product = found["in_series"] * found["in_parallel"]
        if found["cells"] != product:
            wrong.append(f"expected cells to be in_series times in_parallel, {product}; got {found['cells']}")
    return wrong


_PLAIN: Final[Mapping[Kind, Callable[[object], Any]]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.URI: _uri,
        Kind.DOCUMENT: _uri,
        Kind.DATE: _date,
        Kind.YEAR_MONTH: _year_month,
        Kind.DATETIME: _moment,
        Kind.FLAG: _flag,
    }
)


@cache
def field_of(attribute_id: str) -> fields.Field[Any]:
    """The marshmallow field of one row.

    Raises:
        KeyError: the registry does not know the id.
    """
    value = REGISTRY[attribute_id].value
    if not value.many:
        return _Value(value)
    if value.kind is Kind.STRUCTURE and STRUCTURES[value.structure or ""].open:
        return _Value(value)  # refused as a whole, so that the sentence comes once
    most = value.at_most_items if value.at_most_items is not None else MAX_LIST
    return fields.List(
        _Value(value),
        validate=validate.Length(
            min=value.at_least_items,
            max=most,
            error="expected {min} to {max} entries, got a list of another length",
        ),
    )


@cache
def schema(attribute_ids: tuple[str, ...] = ()) -> Schema:
    """The marshmallow schema of these rows, of all rows when none is named; nothing is required."""
    names: Iterable[str] = attribute_ids or REGISTRY
    made = Schema.from_dict({name: field_of(name) for name in names}, name="Facts")
    return made(unknown=EXCLUDE if attribute_ids else RAISE)


# ---------------------------------------------------------------------------------------- several values


def cross_errors(facts: Mapping[str, Any], *, today: date | None = None) -> dict[str, list[str]]:
    """What cannot be between values that were each acceptable: id to sentences; empty when all agree.

    Args:
        facts: attribute id to value.
        today: days that tell the past may not lie after it; None asks nothing of the kind.
    """
    return _by_attribute(remark for remark in plausibility.remarks(facts, today=today) if not remark.odd)


def cross_warnings(facts: Mapping[str, Any], *, today: date | None = None) -> dict[str, list[str]]:
    """What can be but deserves a look, likewise; nothing is refused because of it."""
    return _by_attribute(remark for remark in plausibility.remarks(facts, today=today) if remark.odd)


def _by_attribute(remarks: Iterable[plausibility.Remark]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for remark in remarks:
        for name in remark.ids:
            found.setdefault(name, []).append(remark.sentence)
    return found


def load_facts(raw: Mapping[str, Any], *, today: date | None = None) -> dict[str, Any]:
    """Declared facts as Python values, in the rows' units and in reading order.

    Args:
        raw: attribute id to raw value.
        today: days that tell the past may not lie after it; None asks nothing of the kind.

    Raises:
        FactsInvalid: names each wrong attribute with what was expected and what came.
    """
    errors: dict[str, list[str]] = {}
    judged = dict(raw)
    for name in raw:
        if reason := _not_declared(name):
            errors[str(name)] = [reason]
            del judged[name]
    try:
        loaded = dict(schema().load(judged))
    except ValidationError as refused:
        said_of = refused.messages if isinstance(refused.messages, Mapping) else {"facts": refused.messages}
        errors |= {str(name): _sentences(said) for name, said in said_of.items()}
        loaded = dict(refused.valid_data) if isinstance(refused.valid_data, Mapping) else {}
        loaded = {name: value for name, value in loaded.items() if name not in errors}
    for name, said in cross_errors(loaded, today=today).items():
        errors.setdefault(name, []).extend(said)
    if errors:
        raise FactsInvalid(errors)
    return {name: _fixed(loaded[name]) for name in REGISTRY if name in loaded}


def load_fact(name: str, raw: object) -> Any:
    """One declared fact as `load_facts` would give it, judged by itself.

    Raises:
        FactsInvalid: it is not acceptable, or nobody declares it.
    """
    if reason := _not_declared(name):
        raise FactsInvalid({name: [reason]})
    try:
        return _fixed(field_of(name).deserialize(raw))
    except ValidationError as refused:
        raise FactsInvalid({name: _sentences(refused.messages)}) from None


def _fixed(value: Any) -> Any:
    """A list as the tuple that records hold; every other value as it is."""
    return tuple(value) if isinstance(value, list) else value


def _not_declared(name: object) -> str | None:
    """Why the name cannot be declared; None when it can."""
    if not isinstance(name, str) or name not in REGISTRY:
        return unknown_name(str(name))
    if name in MADE_BY_SERVICE:
        return "written by the service when it issues a version: leave it out"
    if name in OPINIONS:
        return f"an opinion of the service, signed in the {RecordKind.ASSESSMENT.value} record: leave it out"
    return None


def near_misses(name: str) -> tuple[str, ...]:
    """Up to three known attribute ids that look or sound like the name, best first; empty when none does."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    close = difflib.get_close_matches(wanted, list(REGISTRY), n=3, cutoff=0.6)
    words = [key for key in REGISTRY if len(wanted) > 3 and wanted in key and key not in close]
    return tuple([*close, *words][:3])


def unknown_name(name: str) -> str:
    """The sentence for a name that the registry does not know, with what may have been meant."""
    close = near_misses(name)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no attribute is called {name!r}{meant}"


def _sentences(said: object) -> list[str]:
    """Marshmallow's messages, flat; an entry of a list is named by its position from 1."""
    if isinstance(said, Mapping):
        return [
            f"entry {key + 1}: {sentence}" if isinstance(key, int) else sentence
            for key, inner in said.items()
            for sentence in _sentences(inner)
        ]
    return [str(sentence) for sentence in said] if isinstance(said, list) else [str(said)]


# ------------------------------------------------------------------------------------------- typed words


_YES_NO: Final = MappingProxyType({"yes": True, "true": True, "no": False, "false": False})


def fact_from_text(attribute: Attribute[Any], text: str) -> Any:
    """The value that typed text means: `102 Ah`, `stationary`, `yes`; entries of a list are parted by `;`.

    Words of an enumeration are matched in any case, and a chemistry may leave its family out (`LFP`).

    Raises:
        FactsInvalid: the text is not acceptable for the attribute.
    """
    if reason := _not_declared(attribute.id):
        raise FactsInvalid({attribute.id: [reason]})
    value = attribute.value
    raw: Any
    if value.many and value.kind is not Kind.STRUCTURE:
        raw = [_spoken(value, entry.strip()) for entry in text.split(";") if entry.strip()]
    else:
        raw = _spoken(value, text.strip())
    try:
        return _fixed(field_of(attribute.id).deserialize(raw))
    except ValidationError as refused:
        raise FactsInvalid({attribute.id: _sentences(refused.messages)}) from None


def _spoken(value: ValueType[Any], text: str) -> Any:
    if value.kind is Kind.FLAG:
        return _YES_NO.get(text.lower(), text)
    if value.kind is Kind.ENUMERATION:
        fits = [word for word in value.members if word.lower() == text.lower()]
        fits = fits or [word for word in value.members if word.lower().split()[-1] == text.lower()]
        return fits[0] if len(fits) == 1 else text
    return text


def facts_from_text(pairs: Mapping[str, str]) -> dict[str, Any]:
    """Facts typed as `name=value`, such as `--create category=stationary,rated_capacity=102`.

    Short names (`category`, `chemistry`) are understood, and so are `cells`, `cells_in_series`,
    `cells_in_parallel` and `modules`, which become the members of `dismantling_cell_layout`.

    Raises:
        FactsInvalid: names each wrong attribute.
    """
    errors: dict[str, list[str]] = {}
    facts: dict[str, Any] = {}
    layout: dict[str, int] = {}
    for name, text in pairs.items():
        if name in LAYOUT_WORDS:
            if re.fullmatch(r"[1-9][0-9]{0,5}", text.strip()):
                layout[LAYOUT_WORDS[name]] = int(text)
            else:
                errors[name] = [f"expected a count from 1 to 999999, got {text!r}"]
            continue
        known = REGISTRY.get(SHORT_NAMES.get(name, name))
        if known is None:
            errors[name] = [unknown_name(name)]
            continue
        try:
            facts[known.id] = fact_from_text(known, text)
        except FactsInvalid as refused:
            errors |= refused.errors
    if layout:
        facts["dismantling_cell_layout"] = layout
    for name, said in cross_errors(facts).items():
        errors.setdefault(name, []).extend(said)
    if errors:
        raise FactsInvalid(errors)
    return {name: facts[name] for name in REGISTRY if name in facts}
