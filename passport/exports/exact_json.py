"""JSON with the digits that were stated: what the formats with plain numbers write their documents with.

`json` and `orjson` write a Decimal as a binary float or not at all. Here 102.40 stays 102.40, in the text;
what a reader makes of it is the reader's.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from schemas.strict_json import LARGEST_INTEGER

_INDENT: Final = "  "


def dumps(document: Mapping[str, Any]) -> bytes:
    """The document as UTF-8, indented for people, names in the order given, a line break at the end.

    Raises:
        TypeError: a binary float, or a type that JSON does not have.
    """
    return ("".join(_written(document, "\n")) + "\n").encode()


def number(text: str) -> Decimal | str:
    """Decimal text of a record as a number of JSON, digits and all.

    A whole number that not every reader of JSON can hold stays text (RFC 7493, 2.2).

    >>> number("102.40"), number("9007199254740993")
    (Decimal('102.40'), '9007199254740993')
    """
    value = Decimal(text)
    return text if value == value.to_integral_value() and abs(value) > LARGEST_INTEGER else value


def _written(value: Any, line: str) -> Iterator[str]:
    match value:
        case None | bool() | str():
            yield json.dumps(value, ensure_ascii=False)
        case Decimal():
            yield format(value, "f")
        case int():
            yield str(value)
        case Mapping():
            entries = ((f"{json.dumps(name, ensure_ascii=False)}: ", each) for name, each in value.items())
            yield from _listed("{", "}", entries, line)
        case list() | tuple():
            yield from _listed("[", "]", (("", each) for each in value), line)
        case _:
            raise TypeError(f"JSON has no {type(value).__name__}, got {value!r}")


def _listed(left: str, right: str, entries: Iterator[tuple[str, Any]], line: str) -> Iterator[str]:
    deeper, mark = line + _INDENT, left
    for name, value in entries:
        yield f"{mark}{deeper}{name}"
        yield from _written(value, deeper)
        mark = ","
    yield f"{left}{right}" if mark == left else f"{line}{right}"
