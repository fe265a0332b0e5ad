"""The shape of a submodel: which elements a template has, and how an element of a file is recognised.

An element is found by its semantic identifier first and by its short name second; versions inside a semantic
identifier are not looked at, because templates and the models they were made from disagree about them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Any


@unique
class Element(StrEnum):
    """The kinds of elements the templates use, as the metamodel spells them."""

    PROPERTY = "Property"
    TEXTS = "MultiLanguageProperty"
    FILE = "File"
    COLLECTION = "SubmodelElementCollection"
    LIST = "SubmodelElementList"


@dataclass(frozen=True)
class Shape:
    """One element of a template.

    Attributes:
        name: its short name; of an entry of a list, the name the template gives it, which is never written.
        kind: what it is.
        meaning: its semantic identifier.
        xs: type of a property's value, or of the properties in a list.
        required: the template demands it where its parent stands.
        parts: elements of a collection in order; the one kind of entry of a list.
        also: other names under which it is found in files.
        same: other semantic identifiers under which it is found.
        many: it may stand several times under one parent, with a number behind its name.
        read_only: found in files of another version, never written.
    """

    name: str
    kind: Element
    meaning: str = ""
    xs: str = "xs:string"
    required: bool = True
    parts: tuple["Shape", ...] = ()
    also: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    many: bool = False
    read_only: bool = False
    by_meaning: Mapping[str, "Shape"] = field(init=False, repr=False, compare=False)
    by_name: Mapping[str, "Shape"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the parts; two parts of one parent never share a name."""
        meanings: dict[str, Shape] = {}
        names: dict[str, Shape] = {}
        for part in self.parts:
            for meaning in (part.meaning, *part.same):
                if meaning:
                    meanings.setdefault(unversioned(meaning), part)
            for name in (part.name, *part.also):
                if folded(name) in names:
                    raise ValueError(f"{self.name} has two parts called {name}")
                names[folded(name)] = part
        object.__setattr__(self, "by_meaning", MappingProxyType(meanings))
        object.__setattr__(self, "by_name", MappingProxyType(names))

    @property
    def entry(self) -> "Shape":
        """What the entries of a list are."""
        return self.parts[0]

    def part(self, name: str) -> "Shape":
        """The part of that name.

        Raises:
            KeyError: there is none.
        """
        return self.by_name[folded(name)]

    def at(self, *names: str) -> "Shape":
        """The element under this one that the names lead to; lists are passed through.

        Raises:
            KeyError: no element is there.
        """
        found = self
        for name in names:
            found = (found.entry if found.kind is Element.LIST else found).part(name)
        return found

    def walk(self, above: str = "") -> Iterator[tuple[str, "Shape"]]:
        """Every element with its path, this one first; entries of lists stand as `[]`."""
        path = f"{above}/{self.name}" if above else self.name
        yield path, self
        for part in self.parts:
            if self.kind is Element.LIST:
                yield f"{path}[]", part
                for below in part.parts:
                    yield from below.walk(f"{path}[]")
            else:
                yield from part.walk(path)


@dataclass(frozen=True)
class Part:
    """One submodel of the passport.

    Attributes:
        number: `02035-1`.
        root: the submodel as if it were a collection; its name is the short name of the submodel.
        template: what the template declares as its identifier.
        version: of the template whose elements are written.
    """

    number: str
    root: Shape
    template: str
    version: str


def folded(name: str) -> str:
    """A short name without case, and without the number that tells siblings apart.

    >>> folded("Markings__00__"), folded("C_Rate")
    ('markings', 'c_rate')
    """
    return re.sub(r"_*[0-9]+_*$", "", name).casefold()


def unversioned(meaning: str) -> str:
    """A semantic identifier without its version.

    >>> unversioned("urn:irdi:0173-1#02-ABL851#001")
    '0173-1#02-abl851'
    >>> unversioned("urn:samm:io.admin-shell.idta.batterypass.product_condition:1.0.1#atSoC")
    'urn:samm:io.admin-shell.idta.batterypass.product_condition#atsoc'
    """
    text = re.sub(r"^urn:(?:irdi|iridi):", "", meaning.strip())
    text = re.sub(r":[0-9]+\.[0-9]+\.[0-9]+(?=#|$)", "", text)
    text = re.sub(r"(?<=[0-9A-Z])#[0-9]{3}(?=/|$)", "", text)
    return text.rstrip("/").casefold()


def value(name: str, meaning: str, xs: str = "xs:string", **more: Any) -> Shape:
    """A property the template demands."""
    return Shape(name, Element.PROPERTY, meaning, xs, **more)


def texts(name: str, meaning: str, **more: Any) -> Shape:
    """A text in several languages."""
    return Shape(name, Element.TEXTS, meaning, **more)


def file(name: str, meaning: str, **more: Any) -> Shape:
    """A file by its address."""
    return Shape(name, Element.FILE, meaning, **more)


def group(name: str, meaning: str, *parts: Shape, **more: Any) -> Shape:
    """A collection."""
    return Shape(name, Element.COLLECTION, meaning, parts=parts, **more)


def several(name: str, meaning: str, entry: Shape, **more: Any) -> Shape:
    """A list of one kind of entry."""
    return Shape(name, Element.LIST, meaning, entry.xs, parts=(entry,), **more)
