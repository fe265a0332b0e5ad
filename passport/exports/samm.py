"""The payloads of the models behind IDTA 02035 (SAMM aspects, as data spaces exchange them), read and told.

Seven documents, one per part: alone, in a list, in one object by name, or merged; `idta` hands them over.
Names differ a little from the templates; both spellings are in the shapes. Numbers are bare, so units are
those of the law, with a doubt told where a number looks like one of another unit. There is no header: who the
operator is stays unsaid.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from passport.errors import FormatRefused
from passport.exports.aas.environment import Found
from passport.exports.aas.package import LIMIT_BYTES
from passport.exports.aas.parts import PARTS
from passport.exports.aas.shape import Element, Part, Shape, folded
from passport.exports.aas.tree import FileAt, Leaf, Texts, Tree
from passport.exports.aas.understand import understand
from passport.exports.format import Brought
from schemas.strict_json import StrictJsonError, loads

_MARK: Final = b"\xef\xbb\xbf"
_MOST_ASPECTS: Final = 50
# A payload is told by its names at the top, of which no two parts share one. Other formats write them with
# a small letter in front, so their case counts.
_TELLING: Final[Mapping[str, Part]] = {
    name: part
    for part in PARTS
    if part.number != "02099-1"
    for shape in part.root.parts
    for name in (shape.name, *shape.also)
}


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - every format is asked alike
    """Whether the file looks like such payloads."""
    if b'"modelType"' in data or len(data) > LIMIT_BYTES:
        return False
    if b'"Battery_Passport"' in data:  # BatteryPass-Ready, whose names are the longlist's as well
        return False
    try:
        return any(True for _ in _payloads(loads(data.removeprefix(_MARK), limit_bytes=LIMIT_BYTES)))
    except (StrictJsonError, FormatRefused):
        return False


def read(data: bytes) -> Brought:
    """What the payloads say.

    Raises:
        FormatRefused: no JSON, no payload that we know, or the same aspect twice.
    """
    try:
        document = loads(data.removeprefix(_MARK), limit_bytes=LIMIT_BYTES)
    except StrictJsonError as broken:
        raise FormatRefused(f"expected payloads of IDTA 02035 as JSON: {broken}") from None
    found = Found()
    trees: dict[str, dict[str, Any]] = {}
    for path, payload in _payloads(document):
        for name, value in payload.items():
            part = _TELLING.get(name)
            here = f"{path}/{name}" if path else name
            if part is None:
                found.unknown.append((here, "a name that no aspect has at its top"))
                continue
            shape = part.root.part(name)
            tree = trees.setdefault(part.number, {})
            if shape.name in tree:
                raise FormatRefused(f"expected {shape.name} once, got it again at {here[:200]}")
            spelt = _value(shape, value, f"{part.root.name}/{name}", found)
            if spelt is not None:
                tree[shape.name] = spelt
    if not trees:
        raise FormatRefused(
            "expected payloads of IDTA 02035, got other JSON; an aspect is told by a name such as"
            " URIOfTheProduct, GeneralInformation or StateOfCharge"
        )
    found.trees.update(trees)
    return understand(found)


def _payloads(document: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects that are payloads, with where they stand; wrappers by name or in lists are opened."""
    if isinstance(document, Mapping):
        if any(name in _TELLING for name in document):
            yield path, document
            return
        below = [(f"{path}/{name}".lstrip("/"), one) for name, one in document.items()]
    elif isinstance(document, list):
        below = [(f"{path}[{number}]", one) for number, one in enumerate(document)]
    else:
        return
    if len(below) > _MOST_ASPECTS:
        raise FormatRefused(f"expected at most {_MOST_ASPECTS} aspects in one file, got {len(below)}")
    if depth < 3:  # a list or an object of aspects, each perhaps in an envelope
        for here, one in below:
            yield from _payloads(one, here, depth + 1)


def _value(shape: Shape, value: Any, path: str, found: Found) -> Any:
    """The value as a tree; None where it says nothing."""
    if value in (None, "", [], {}):
        return None
    if shape.kind is Element.COLLECTION and isinstance(value, Mapping):
        return _collection(shape, value, path, found) or None
    if shape.kind is Element.LIST:
        entries = value if isinstance(value, list) else [value]
        read_in = [_value(shape.entry, one, f"{path}[{number}]", found) for number, one in enumerate(entries)]
        return [one for one in read_in if one is not None] or None
    if shape.kind is Element.FILE:
        return _file(value, path, found)
    if shape.kind is Element.TEXTS:
        return _texts(value, path, found)
    if isinstance(value, (str, int, Decimal)):
        return Leaf(_spelt(value), path=path)
    found.unknown.append((path, "neither text nor number"))
    return None


def _collection(shape: Shape, value: Mapping[str, Any], path: str, found: Found) -> Tree:
    tree: dict[str, Any] = {}
    for name, one in value.items():
        part = shape.by_name.get(folded(name))
        here = f"{path}/{name}"
        if part is None or part.name in tree:
            if one not in (None, "", [], {}):
                found.unknown.append((here, "a name that the model does not have"))
            continue
        entries = one if part.many and isinstance(one, list) else [one]
        spelt = [_value(part, entry, here, found) for entry in entries]
        known = [entry for entry in spelt if entry is not None]
        if known:
            tree[part.name] = known if part.many else known[0]
    return tree


def _spelt(value: str | int | Decimal) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _texts(value: Any, path: str, found: Found) -> Texts | None:
    """A text in languages, as a list or as one object, `{language: text}` or with both members named."""
    pairs: list[tuple[str, str]] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            pairs.append(("", one))
        elif isinstance(one, Mapping) and isinstance(one.get("text"), str):
            pairs.append((str(one.get("language", "")), one["text"]))
        elif isinstance(one, Mapping):
            pairs += [(language, text) for language, text in one.items() if isinstance(text, str)]
    pairs = [(language, text) for language, text in pairs if text]
    if not pairs:
        found.unknown.append((path, "no text in a language"))
        return None
    return Texts(tuple(pairs), path)


def _file(value: Any, path: str, found: Found) -> FileAt | None:
    if isinstance(value, str):
        return FileAt(value, path=path)
    if isinstance(value, Mapping):
        for one in (value, value.get("ImageFile")):
            if isinstance(one, Mapping) and isinstance(one.get("value"), str) and one["value"]:
                media_type = one.get("contentType")
                return FileAt(one["value"], media_type if isinstance(media_type, str) else "", path)
    found.unknown.append((path, "no file with its address"))
    return None
