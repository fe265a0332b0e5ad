"""JSON and YAML read to the same plain values; YAML as far as it means one thing.

Of YAML are taken: mappings, lists, text, whole and decimal numbers, true, false and null. Anchors, aliases
and tags are refused, a day stays text, `yes` and `no` stay words, a number never becomes a binary float.

Source: YAML 1.2.2, 10.3 (core schema), of which octal and hexadecimal numbers, `.inf` and `.nan` are text.
"""

import re
from decimal import Decimal
from typing import Any, Final, NoReturn

from passport.importing.findings import ImportRefused
from schemas import strict_json

MAX_JSON_BYTES: Final = 32 * 1024 * 1024
MAX_YAML_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 32
_MAX_NODES: Final = 2_000_000

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,38})")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,38})\.[0-9]{1,39}(?:[eE][-+]?[0-9]{1,2})?")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_json(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ImportRefused: it has not exactly one meaning, or is too large.
    """
    try:
        return strict_json.loads(data, limit_bytes=MAX_JSON_BYTES, max_depth=MAX_DEPTH)
    except strict_json.StrictJsonError as error:
        raise ImportRefused(f"the file is no JSON with one meaning: {error}") from error


def read_yaml(data: bytes) -> Any:
    """The value of a YAML document; numbers with a fraction are Decimal.

    Raises:
        ImportRefused: it is no single YAML document, or uses what is refused here.
    """
    import yaml

    if len(data) > MAX_YAML_BYTES:
        raise ImportRefused(
            f"the file has {len(data):,} bytes; YAML is read up to {MAX_YAML_BYTES:,}: use JSON or XLSX"
        )
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportRefused(
            f"the file is not UTF-8: byte 0x{data[error.start]:02x} at {error.start}"
        ) from None
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder().build(yaml.parse(text, Loader=loader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ImportRefused(f"the file is no YAML: {' '.join(str(error).split())[:300]}") from error


class _Builder:
    """Plain values from the events of a parser; nothing is recursive, so depth costs nothing."""

    def __init__(self) -> None:
        self._nodes = 0
        # Open lists and mappings; of a mapping also the name that waits for its value.
        self._open: list[tuple[Any, list[str | None]]] = []
        self._result: Any = None
        self._documents = 0

    def build(self, events: Any) -> Any:
        """The value of the one document."""
        import yaml

        for event in events:
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                _refuse(event, "anchors and aliases are not read: write the value out")
            if isinstance(event, yaml.ScalarEvent):
                self._put(event, self._scalar(event))
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if event.tag is not None:
                    _refuse(event, f"the tag {event.tag[:40]!r} is not read")
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._put(event, made)
                self._open.append((made, [None]))
                if len(self._open) > MAX_DEPTH:
                    _refuse(event, f"nested deeper than {MAX_DEPTH} levels")
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._open.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    _refuse(event, "a second document begins: one file holds one")
        return self._result

    def _put(self, event: Any, value: Any) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            _refuse(event, f"more than {_MAX_NODES:,} values: import in several files")
        if not self._open:
            self._result = value
            return
        holder, waiting = self._open[-1]
        if isinstance(holder, list):
            holder.append(value)
            return
        name = waiting[0]
        if name is not None:
            holder[name] = value
            waiting[0] = None
            return
        said = getattr(event, "value", None)
        if not isinstance(said, str):
            _refuse(event, "expected text as a name")
        if said in holder:
            _refuse(event, f"the name {said[:60]!r} stands twice in one mapping")
        waiting[0] = said

    @staticmethod
    def _scalar(event: Any) -> Any:
        if event.tag is not None and event.tag != "!":
            _refuse(event, f"the tag {event.tag[:40]!r} is not read")
        text: str = event.value
        if not event.implicit[0]:  # in quotes
            return text
        if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
            return _WORDS[text.lower()]
        if _INTEGER.fullmatch(text):
            return int(text)
        return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _refuse(event: Any, sentence: str) -> NoReturn:
    mark = event.start_mark
    raise ImportRefused(f"line {mark.line + 1}, column {mark.column + 1} of the YAML: {sentence}")
