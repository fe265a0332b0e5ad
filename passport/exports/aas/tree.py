"""A passport as a tree of leaves: collections are mappings by name, lists are lists, ends are leaves.

The same tree is poured into an environment, read out of one, and read out of the models behind the templates;
what a value means is decided elsewhere.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Source: XML 1.0, production Char; the metamodel takes its texts from it.
_NOT_PRINTED: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
LONGEST_TEXT: Final = 1023  # of a text in a language, by the metamodel


@dataclass(frozen=True, eq=False)
class Leaf:
    """The value of a property.

    Attributes:
        text: as it is spelt in the file.
        unit: the unit the file gives beside it; empty where it gives none.
        path: where it stands in the file it was read from.
    """

    text: str
    unit: str = ""
    path: str = ""


@dataclass(frozen=True, eq=False)
class Texts:
    """A text in languages: pairs of language and text in the order of the file."""

    by_language: tuple[tuple[str, str], ...]
    path: str = ""


@dataclass(frozen=True, eq=False)
class FileAt:
    """A file by its address: absolute, or a path inside the package."""

    address: str
    media_type: str = ""
    path: str = ""


End = Leaf | Texts | FileAt
# Collections and lists nest as deep as the shapes do.
Tree = Mapping[str, Any]


@dataclass
class Poured:
    """What filling a shape had to do besides.

    Attributes:
        empty: paths of elements that a template demands and nobody stated, entries of lists as `[]`.
    """

    empty: dict[str, None] = field(default_factory=dict)


def printable(text: str) -> str:
    """The text without characters that no file of this kind can hold.

    >>> printable("a" + chr(0xFFFE) + "b")
    'ab'
    """
    return _NOT_PRINTED.sub("", text)


def english(text: str) -> Texts:
    """A text whose language is not stated, as English, within the length that the metamodel allows."""
    return Texts((("en", printable(text)[:LONGEST_TEXT]),))


def ends(tree: Any) -> Iterator[End]:
    """Every leaf of the tree, in reading order."""
    if isinstance(tree, (Leaf, Texts, FileAt)):
        yield tree
    elif isinstance(tree, Mapping):
        for below in tree.values():
            yield from ends(below)
    elif isinstance(tree, list):
        for below in tree:
            yield from ends(below)
