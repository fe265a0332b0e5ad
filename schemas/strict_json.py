"""JSON as it is read at every edge: one meaning per text, or a refusal that says what came and where.

Python's parser is lenient: the last of two equal names wins, NaN is a number, 1e400 becomes infinity, half a
surrogate pair is a character, and 100,000 opening brackets end in a RecursionError. Two readers that differ
on any of these can be made to see two documents. Here such texts are refused before anybody acts on them.

Source: RFC 8259; RFC 7493 (I-JSON) sections 2.1-2.3 for surrogates, number range and duplicate names.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import orjson

LIMIT_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 64
# RFC 7493 2.2: outside this range a reader with IEEE 754 doubles sees another integer.
LARGEST_INTEGER: Final = 2**53 - 1
# A zero may be written 0e-999999999; printing that in full would fill the memory.
_LARGEST_EXPONENT: Final = 400

_FRACTION_OR_LONG: Final = re.compile(rb"[0-9](?:[.eE]|[0-9]{15})")

_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_BRACKET_OR_STRING: Final = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_TOKEN: Final = re.compile(r'[\[\]{},:]|"(?:[^"\\]|\\.)*+"?|[^\s\[\]{},:"]+', re.DOTALL)
_SIXTEEN_DIGITS: Final = re.compile(r"[0-9]{16}")
# Consumes every escape, so that the second backslash of `\\` never starts another one.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class StrictJsonError(ValueError):
    """The text is not JSON with exactly one meaning; the sentence says what came and where."""


class _Refused(Exception):
    """A parser hook met something; it knows the literal but not the place."""

    def __init__(self, literal: str, sentence: str) -> None:
        super().__init__(sentence)
        self.literal = literal


def loads(
    data: bytes | str,
    *,
    limit_bytes: int = LIMIT_BYTES,
    max_depth: int = MAX_DEPTH,
    long_integers: bool = False,
) -> Any:
    """The value of a JSON text; numbers with a fraction or exponent are Decimal, others int.

    Args:
        data: the text, or its UTF-8 bytes without a byte order mark.
        limit_bytes: longest accepted text in UTF-8 bytes; checked before anything is read.
        max_depth: most brackets that may be open at once.
        long_integers: an integer beyond 2**53 - 1 comes as a Decimal instead of being refused, up to the
            range of a double: for documents of others, whose numbers are judged later.

    Raises:
        StrictJsonError: too long, not UTF-8, not JSON, nested too deep, a name twice in one object, NaN or an
            infinity, a number beyond double range, an integer beyond 2**53 - 1, half a surrogate pair.

    >>> loads('{"capacity": 102.40}')
    {'capacity': Decimal('102.40')}
    >>> loads("[NaN]")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    schemas.strict_json.StrictJsonError: NaN is no JSON number; ... at line 1, column 2
    """
    text = _text(data, limit_bytes)
    _check_depth(text, max_depth)
    careful = _LONG if long_integers else _CAREFUL
    decoder = careful if _SIXTEEN_DIGITS.search(text) else _PLAIN
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        _refuse(f"not JSON: {_reason(error.msg)}", text, error.pos)
    except _DuplicateName as error:
        _refuse(f"{error}", text, _second_name(text), "; write it once")
    except _Refused as error:
        _refuse(f"{error}", text, _place(text, error.literal))
    if "\\u" in text:
        _check_surrogates(text)
    return value


def loads_own(data: bytes, *, limit_bytes: int = LIMIT_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Exactly what `loads` gives, and several times sooner for a text as we write it ourselves.

    A text that a fast parser reads and a writer with sorted names spells again byte by byte has no name
    twice, no NaN and no half surrogate pair. Numbers and depth are looked at besides. Every other text, good
    or bad, is left to `loads`.

    Raises:
        StrictJsonError: as `loads`.

    >>> loads_own(b'{"a":[1,"2.50"]}')
    {'a': [1, '2.50']}
    """
    if len(data) <= limit_bytes and has_small_integers_alone(data):
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return loads(data, limit_bytes=limit_bytes, max_depth=max_depth)
        # Indented by two, what stands inside the deepest allowed bracket begins with that many blanks; a line
        # break inside a string is written as an escape.
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == data and (
            b"\n" + b"  " * max_depth not in orjson.dumps(value, option=orjson.OPT_INDENT_2)
        ):
            return value
    return loads(data, limit_bytes=limit_bytes, max_depth=max_depth)


def has_small_integers_alone(data: bytes) -> bool:
    """True when JSON surely holds no number but integers of at most fifteen digits; False when in doubt.

    >>> has_small_integers_alone(b'{"capacity":"102.40","cells":16}')
    True
    """
    # Without escapes, what stands outside strings is every second piece between quotes.
    return b"\\" not in data and not _FRACTION_OR_LONG.search(b"".join(data.split(b'"')[::2]))


def _text(data: bytes | str, limit_bytes: int) -> str:
    """The text within its limit, as characters."""
    # A str has no more characters than bytes, so a huge one is refused before it is encoded.
    length = len(data)
    if isinstance(data, str) and length <= limit_bytes:
        try:
            length = len(data.encode())
        except UnicodeEncodeError as error:
            _refuse("half a surrogate pair is no character", data, error.start)
    if length > limit_bytes:
        raise StrictJsonError(f"too long: {length} bytes came, at most {limit_bytes} are read")
    if data.startswith("\ufeff") if isinstance(data, str) else data.startswith(_MARKS):
        raise StrictJsonError("starts with a byte order mark; JSON is plain UTF-8 without one")
    try:
        return data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise StrictJsonError(f"not UTF-8: {error.reason} at byte {error.start} (0x{byte:02x})") from error


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before a recursive parser sees it; strings do not count."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > max_depth:
                _refuse(f"nested deeper than {max_depth} levels", text, token.start())
        elif token[0] in "]}":
            depth -= 1


def _check_surrogates(text: str) -> None:
    """Refuse half of a surrogate pair written as an escape; call it on text that is JSON."""
    for escape in _ESCAPE.finditer(text):
        if escape["half"]:
            _refuse(f"half a surrogate pair, {escape[0]}, is no character", text, escape.start())


class _DuplicateName(_Refused):
    """An object has one name twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _DuplicateName(name, f"the name {json.dumps(name)} stands twice in one object")
    return result


def _integer(literal: str) -> int:
    if len(literal) > 17 or abs(int(literal)) > LARGEST_INTEGER:
        raise _Refused(literal, f"the integer {_short(literal)} is beyond 2**53 - 1; send it as a string")
    return int(literal)


def _long_integer(literal: str) -> int | Decimal:
    if len(literal) <= 16:
        return int(literal)
    value = _fraction(literal)
    return value if abs(value) > LARGEST_INTEGER else int(value)


def _fraction(literal: str) -> Decimal:
    try:
        value = Decimal(literal)
    except InvalidOperation:
        raise _Refused(literal, f"the number {_short(literal)} has an exponent beyond reason") from None
    exponent = value.as_tuple().exponent
    as_double = float(literal)
    too_fine = as_double == 0 and value != 0
    if abs(as_double) == float("inf") or too_fine or not (-len(literal) - _LARGEST_EXPONENT < int(exponent)):
        raise _Refused(literal, f"the number {_short(literal)} is beyond the range of a double")
    if int(exponent) > _LARGEST_EXPONENT:
        raise _Refused(literal, f"the number {_short(literal)} has an exponent beyond reason")
    return value


def _constant(literal: str) -> NoReturn:
    raise _Refused(literal, f"{literal} is no JSON number; leave the value out and say why it is absent")


_PLAIN: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_constant=_constant)
_CAREFUL: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_fraction, parse_constant=_constant, parse_int=_integer
)

_LONG: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_fraction, parse_constant=_constant, parse_int=_long_integer
)


def _short(literal: str) -> str:
    return literal if len(literal) <= 40 else f"{literal[:20]}... ({len(literal)} characters)"


def _reason(message: str) -> str:
    """The parser's words as the middle of a sentence."""
    return message[:1].lower() + message[1:]


def _place(text: str, literal: str) -> int:
    """Where a number or word that the parser refused stands first, outside strings."""
    return next((token.start() for token in _TOKEN.finditer(text) if token[0] == literal), 0)


def _second_name(text: str) -> int:
    """Where a name stands for the second time in one object; `text` is JSON up to there."""
    # One set of names per open object, None per open array.
    stack: list[set[str] | None] = []
    candidate: tuple[int, str] | None = None
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in ("{", "["):
            stack.append(set() if word == "{" else None)
        elif word in ("}", "]"):
            stack.pop()
        elif word == ":" and candidate and stack and stack[-1] is not None:
            name = json.loads(candidate[1])
            if name in stack[-1]:
                return candidate[0]
            stack[-1].add(name)
        candidate = (token.start(), word) if word.startswith('"') else None
    return 0  # pragma: no cover - the parser saw the second name


def _refuse(what: str, text: str, position: int, advice: str = "") -> NoReturn:
    """Raise with the place in lines and columns, both counted from 1."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    raise StrictJsonError(f"{what} at line {line}, column {column}{advice}") from None
