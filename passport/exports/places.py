"""Tables that say where a foreign document holds our attributes, and what walks them in both directions.

A format is a tuple of `Place`, one per attribute that has a place of its own, walked to write and to read.
What a place cannot say in one line (lists that join several attributes) is written by hand in the format's
module, with the same `Sheet` and `Listener`.

A place that a format demands and that nobody stated is never left to look like a value. Numbers are -9999,
the mark for missing data; times lie in the year 1; texts and addresses say `not stated`. Such marks are told
as MADE_UP and not read back. Where no mark is possible (words of a closed list, yes or no, percentages from 0
to 100) or where it would be a claim (carbon footprint, recycled share, due diligence), the place stays empty
and is told as UNFILLED: then, and only then, the document does not pass the schema of its format.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from passport.disclosure import may_see_attribute
from passport.exports.format import Brought, Loss, Subject, Why
from schemas.registry import REGISTRY
from schemas.structures import STRUCTURES
from schemas.validation import MADE_BY_SERVICE
from schemas.values import Kind, utc_text

NOT_STATED: Final = "not stated"
NOT_STATED_ADDRESS: Final = "data:,not%20stated"  # RFC 2397: the text itself, no host is named
NOT_STATED_EMAIL: Final = "not.stated@example.invalid"  # RFC 2606: no such domain can exist
NO_NUMBER: Final = -9999
NO_DAY: Final = "0001-01-01"
NO_TIME: Final = "0001-01-01T00:00:00Z"

_MARKS: Final = frozenset({NOT_STATED, NOT_STATED_ADDRESS, NOT_STATED_EMAIL, NO_DAY, NO_TIME})
_TEXT_ADDRESS: Final = "data:,"
# More leaves of a foreign document than these are told as a number, not one by one.
_MOST_LEAVES_TOLD: Final = 200


class NoPlace(Exception):
    """The value cannot stand there, or cannot be taken from there; the message is the sentence."""


@dataclass(frozen=True)
class Turned:
    """A value on the other side.

    Attributes:
        why: what happened to it; None when it says exactly the same.
        sentence: the same for people.
    """

    value: Any
    why: Why | None = None
    sentence: str = ""


class Turn(Protocol):
    """How a value is respelt, in both directions.

    A raw value of a foreign document that is not of the expected type is handed on as it is: whoever judges
    facts refuses it with the place it came from.
    """

    @property
    def mark(self) -> Any:
        """What stands in a demanded place that nobody stated; None where nothing may."""

    def write(self, wire: Any) -> Turned:
        """The wire value as the format spells it.

        Raises:
            NoPlace: the format cannot hold this value.
        """

    def read(self, raw: Any) -> Turned:
        """The format's value as `schemas.validation` takes it.

        Raises:
            NoPlace: it says nothing that we have a row for.
        """


def is_mark(raw: object) -> bool:
    """True where the value says that nobody stated one."""
    if isinstance(raw, str):
        return raw in _MARKS
    return isinstance(raw, (int, Decimal)) and not isinstance(raw, bool) and raw == NO_NUMBER


def _is_number(raw: object) -> bool:
    return isinstance(raw, (int, Decimal)) and not isinstance(raw, bool)


def shifted(number: Decimal, places: int) -> Decimal:
    """The number times ten to that power, exactly, without zeros at the end of its fraction."""
    sign, digits, exponent = number.as_tuple()
    text = format(Decimal((sign, digits, int(exponent) + places)), "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def whole(number: Decimal) -> int:
    """Rounded half to even."""
    return int(number.to_integral_value(rounding=ROUND_HALF_EVEN))


# ------------------------------------------------------------------------------------------- ways of turning


@dataclass(frozen=True)
class Same:
    """Text, spelt the same on both sides."""

    mark: Any = NOT_STATED

    def write(self, wire: Any) -> Turned:
        """As it is."""
        return Turned(wire)

    def read(self, raw: Any) -> Turned:
        """As it is."""
        return Turned(raw)


@dataclass(frozen=True)
class Number:
    """A number, in another unit where the format counts in one.

    Attributes:
        places: the format's number is ours times ten to this power.
        unit: how the format's unit is spelt, for reading; empty where it is the row's.
        least, most: outside of these the format refuses; None when open.
    """

    places: int = 0
    unit: str = ""
    least: int | None = None
    most: int | None = None

    @property
    def mark(self) -> Any:
        """-9999 where the format takes such a number."""
        return NO_NUMBER if self.least is None or self.least <= NO_NUMBER else None

    def write(self, wire: Any) -> Turned:
        """A Decimal with every digit."""
        number = Decimal(str(wire))
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise NoPlace(f"the format takes {self.least} to {self.most} alone, the value is {wire}")
        return Turned(shifted(number, self.places) if self.places else number)

    def read(self, raw: Any) -> Turned:
        """With the format's unit beside it where that is another."""
        return Turned({"value": raw, "unit": self.unit} if self.unit and _is_number(raw) else raw)


@dataclass(frozen=True)
class Whole:
    """A whole number, which the format forces.

    Attributes:
        above_zero: what is read as 0 is a small value that was rounded away, not a value.
    """

    least: int | None = None
    most: int | None = None
    above_zero: bool = False

    @property
    def mark(self) -> Any:
        """-9999 where the format takes such a number."""
        return NO_NUMBER if self.least is None or self.least <= NO_NUMBER else None

    def write(self, wire: Any) -> Turned:
        """Rounded half to even."""
        number = Decimal(str(wire))
        near = whole(number)
        if (self.least is not None and near < self.least) or (self.most is not None and near > self.most):
            raise NoPlace(f"the format takes {self.least} to {self.most} alone, the value is {wire}")
        if near == number:
            said = "0 is not read back: rounding leaves it of small values too"
            return Turned(near, Why.CUT, said) if self.above_zero and near == 0 else Turned(near)
        return Turned(near, Why.ROUNDED, f"the format takes whole numbers alone: {wire} became {near}")

    def read(self, raw: Any) -> Turned:
        """As it is."""
        if self.above_zero and _is_number(raw) and raw == 0:
            raise NoPlace("0 is what rounding to whole numbers leaves of a small value")
        return Turned(raw)


@dataclass(frozen=True)
class Words:
    """Words of a closed list.

    Attributes:
        pairs: ours to theirs.
        near: our words for which theirs is the nearest, not the same.
        also: other spellings met in documents, in small letters, to ours.
    """

    pairs: Mapping[str, str]
    near: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    also: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mark: Any = None

    def write(self, wire: Any) -> Turned:
        """Their word, or the nearest of theirs."""
        if wire in self.pairs:
            return Turned(self.pairs[wire])
        if wire in self.near:
            other = self.near[wire]
            return Turned(
                other, Why.RESPELT, f"the format has no word for {wire!r}; {other!r} is the nearest"
            )
        raise NoPlace(f"the format has no word for {wire!r}")

    def read(self, raw: Any) -> Turned:
        """Our word; a word nobody knows is handed on as it is."""
        if not isinstance(raw, str):
            return Turned(raw)
        for ours, theirs in self.pairs.items():
            if raw == theirs:
                return Turned(ours)
        low = raw.strip().lower()
        folded = {theirs.lower(): ours for ours, theirs in self.pairs.items()} | dict(self.also)
        return Turned(folded.get(low, raw))


@dataclass(frozen=True)
class AddressOfText:
    """A text where the format wants an address: what is none stands in a `data:` address, readable so."""

    mark: Any = NOT_STATED_ADDRESS

    def write(self, wire: Any) -> Turned:
        """The address, or one that holds the text."""
        if is_address(wire):
            return Turned(wire)
        return Turned(text_address(wire), Why.RESPELT, "the format wants an address: the text stands in one")

    def read(self, raw: Any) -> Turned:
        """The text in a `data:` address; every other value as it is."""
        return Turned(address_text(raw))


@dataclass(frozen=True)
class First:
    """One value where we hold a list."""

    inner: Turn = field(default_factory=Same)

    @property
    def mark(self) -> Any:
        """That of the single value."""
        return self.inner.mark

    def write(self, wire: Any) -> Turned:
        """The first of them."""
        if not wire:
            raise NoPlace("the list is empty, and the format cannot say that there is none")
        first = self.inner.write(wire[0])
        if len(wire) == 1:
            return first
        return Turned(first.value, Why.CUT, f"the format holds one: the first of {len(wire)} stands there")

    def read(self, raw: Any) -> Turned:
        """A list of one."""
        return Turned([self.inner.read(raw).value])


@dataclass(frozen=True)
class Joined:
    """One text where we hold a list of texts, parted by semicolons."""

    mark: Any = NOT_STATED

    def write(self, wire: Any) -> Turned:
        """All of them."""
        text = "; ".join(wire)
        if not text:
            raise NoPlace("the list is empty, and the format cannot say that there is none")
        if self.read(text).value == list(wire):
            return Turned(text)
        return Turned(text, Why.RESPELT, "the entries stand in one text and hold semicolons themselves")

    def read(self, raw: Any) -> Turned:
        """What stands between semicolons."""
        if not isinstance(raw, str):
            return Turned(raw)
        return Turned([part for piece in raw.split(";") if (part := piece.strip())])


@dataclass(frozen=True)
class MonthAsDay:
    """A month where the format wants a day, or a moment when `tail` is the rest of one."""

    tail: str = ""

    @property
    def mark(self) -> Any:
        """In the year 1."""
        return NO_DAY + self.tail

    def write(self, wire: Any) -> Turned:
        """Its first day."""
        made = f"{wire}-01{self.tail}"
        return Turned(made, Why.MADE_UP, f"the format wants more than a month: {made}; the month is stated")

    def read(self, raw: Any) -> Turned:
        """The month alone."""
        if isinstance(raw, str) and len(raw) >= 10:
            return Turned(raw[:7], Why.CUT, f"the month is taken of {raw[:40]}")
        return Turned(raw)


@dataclass(frozen=True)
class DayAsMoment:
    """A day where the format wants a moment."""

    mark: Any = NO_TIME

    def write(self, wire: Any) -> Turned:
        """The beginning of the day, in UTC."""
        return Turned(f"{wire}T00:00:00Z", Why.MADE_UP, "the format wants an hour: midnight stands there")

    def read(self, raw: Any) -> Turned:
        """The day as it is written, whatever the zone."""
        if isinstance(raw, str) and len(raw) > 10:
            return Turned(raw[:10])
        return Turned(raw)


@dataclass(frozen=True)
class MomentAsDay:
    """A moment where the format wants a day."""

    mark: Any = NO_DAY

    def write(self, wire: Any) -> Turned:
        """The day in UTC."""
        return Turned(wire[:10], Why.CUT, "the format holds the day alone")

    def read(self, raw: Any) -> Turned:
        """As it is."""
        return Turned(raw)


SAME: Final = Same()
ADDRESS: Final = Same(NOT_STATED_ADDRESS)
DAY: Final = Same(NO_DAY)
MOMENT: Final = Same(NO_TIME)
NUMBER: Final = Number()
COUNT: Final = Whole()
SHARE: Final = Number(least=0, most=100)


def is_address(text: str) -> bool:
    """True for an absolute address of a document that is somewhere."""
    return text.startswith(("https://", "http://", "urn:", "did:")) and not any(c.isspace() for c in text)


def text_address(text: str) -> str:
    """A `data:` address that holds the text (RFC 2397)."""
    ascii_only = text.isascii()
    return ("data:," if ascii_only else "data:text/plain;charset=utf-8,") + quote(text, safe="")


def address_text(raw: Any) -> Any:
    """The text in a `data:` address of ours; every other value as it is."""
    for head in (_TEXT_ADDRESS, "data:text/plain;charset=utf-8,"):
        if isinstance(raw, str) and raw.startswith(head):
            return unquote(raw.removeprefix(head), errors="replace")
    return raw


# ------------------------------------------------------------------------------------------------ the table


@dataclass(frozen=True)
class Place:
    """Where one attribute stands.

    Attributes:
        path: names parted by points.
        turn: how its value is spelt there.
        demanded: the format refuses a document without it.
        claim: no mark may stand there: it would be a claim of the kind the law knows.
        beside: other members that always stand with it: name to value.
        time: member beside it that says when the value held; empty where there is none.
        why, note: what is always said when a value is written there.
        doubt: what is always said when a value is read there.
    """

    attribute: str
    path: str
    turn: Turn = SAME
    demanded: bool = True
    claim: bool = False
    beside: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    time: str = ""
    why: Why | None = None
    note: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class _Gap:
    """A demanded place without a value."""

    path: str
    mark: Any
    attribute: str = ""
    beside: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    time: str = ""


# -------------------------------------------------------------------------------------------------- writing


class Sheet:
    """A document on its way out, with what is lost on the way."""

    def __init__(self, subject: Subject, title: str) -> None:
        self.subject = subject
        self.title = title
        self.root: dict[str, Any] = {}
        self._losses: list[Loss] = []
        self._told: set[str] = set()
        self._gaps: list[_Gap] = []

    def value(self, attribute: str) -> Any:
        """The value on the wire; None where none is stated, or one that is not shaped as its row says.

        A record of an older registry may hold such a value: its form is not ours to guess.
        """
        value = self.subject.given(attribute)
        if value is None or _is_shaped(attribute, value):
            return value
        self.say(attribute, Why.NO_PLACE, "", "it has not the form that the registry knows today")
        return None

    def as_of(self, attribute: str) -> str:
        """When the value held; the moment of the record where the value does not say."""
        return str(self.subject.values[attribute].get("as_of") or utc_text(self.subject.issued_at))

    def put(self, path: str, value: Any, *attributes: str) -> None:
        """Write a value; the attributes are in the document from now on."""
        *way, last = path.split(".")
        node = self.root
        for name in way:
            node = node.setdefault(name, {})
        node[last] = value
        self.hold(*attributes)

    def hold(self, *attributes: str) -> None:
        """The attributes are in the document, wherever that is."""
        self._told.update(attributes)

    def has(self, path: str) -> bool:
        """Whether something stands there already."""
        node: Any = self.root
        for name in path.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        return node is not None

    def say(self, attribute: str, why: Why, path: str, sentence: str) -> None:
        """Tell a loss."""
        self._losses.append(Loss(attribute, why, f"$.{path}" if path else "", sentence))
        self._told.add(attribute)

    def demand(
        self,
        path: str,
        mark: Any,
        attribute: str = "",
        beside: Mapping[str, Any] | None = None,
        time: str = "",
    ) -> None:
        """Remember a demanded place without a value; a mark of None must stay empty."""
        self._gaps.append(_Gap(path, mark, attribute, beside or {}, time))

    def place(self, rows: Iterable[Place]) -> None:
        """Write every row that has a value, and remember the demanded ones that have none."""
        for row in rows:
            wire = self.value(row.attribute)
            turned = None
            if wire is not None:
                try:
                    turned = row.turn.write(wire)
                except NoPlace as refused:
                    self.say(row.attribute, Why.NO_PLACE, row.path, f"{refused}")
            if turned is None:
                if row.demanded:
                    mark = None if row.claim else row.turn.mark
                    self.demand(row.path, mark, row.attribute, row.beside, row.time)
                continue
            self._stand(row.path, turned.value, row.beside, row.time, self.as_of(row.attribute))
            self._told.add(row.attribute)
            if turned.why is not None:
                self.say(row.attribute, turned.why, row.path, turned.sentence)
            if row.why is not None:
                self.say(row.attribute, row.why, row.path, row.note)

    def _stand(self, path: str, value: Any, beside: Mapping[str, Any], time: str, at: str) -> None:
        self.put(path, value)
        parent = path.rpartition(".")[0]
        for name, constant in beside.items():
            self.put(f"{parent}.{name}", constant)
        if time:
            self.put(f"{parent}.{time}", at)

    def close(self, reasons: Mapping[str, str], chapters: Sequence[str] = ()) -> tuple[Loss, ...]:
        """Fill the demanded places, tell what has no place, and give all losses in reading order.

        Args:
            reasons: why an attribute has no place, where more can be said than that.
            chapters: parts of the document that stay away as a whole when nothing in them is stated.
        """
        self._fill(chapters)
        for name, stated in self.subject.values.items():
            if stated.get("value") is not None and name not in self._told:
                self.say(name, Why.NO_PLACE, "", reasons.get(name, f"{self.title} has no place for it"))
        self.say(
            "",
            Why.CUT,
            "",
            "the signature, and who stated each value and how, are not in this document; the signed record is"
            f" {self.subject.record_url} (SHA-256 {self.subject.record_sha256})",
        )
        if self.subject.simulated:
            self.say("", Why.NO_PLACE, "", "the battery is simulated, and the format cannot say so")
        order = {name: number for number, name in enumerate(REGISTRY)}
        told = dict.fromkeys(self._losses)
        return tuple(sorted(told, key=lambda one: order.get(one.attribute, len(order))))

    def _fill(self, chapters: Sequence[str]) -> None:
        empty = [name for name in chapters if name not in self.root]
        for name in empty:
            sentence = (
                "nothing that belongs there is stated or may be seen, so that it is left out as a whole"
            )
            self.say("", Why.UNFILLED, name, sentence)
        for gap in self._gaps:
            if gap.path.partition(".")[0] in empty:
                continue
            why_not = self._why_not(gap.attribute)
            if gap.mark is None:
                self.say(
                    gap.attribute,
                    Why.UNFILLED,
                    gap.path,
                    f"{self.title} demands it, {why_not}, and nothing may stand in for it: left out, so that"
                    " the document does not pass the schema",
                )
                continue
            self._stand(gap.path, gap.mark, gap.beside, gap.time, NO_TIME)
            shown = gap.mark if gap.mark != [] else "an empty list"
            self.say(
                gap.attribute,
                Why.MADE_UP,
                gap.path,
                f"{self.title} demands it and {why_not}: {shown} stands there",
            )

    def _why_not(self, attribute: str) -> str:
        if attribute not in REGISTRY:
            return "no attribute says it"
        if self.subject.given(attribute) is not None:
            return "the value does not fit"
        if not may_see_attribute(self.subject.audience, attribute):
            return "this audience may not see it"
        if self.subject.values.get(attribute, {}).get("absent") == "not_applicable":
            return "it does not apply to the battery"
        return "nobody stated it"


def _is_shaped(attribute: str, value: Any) -> bool:
    """Whether a structure, or each of a list, has the members that it must have."""
    row = REGISTRY[attribute].value if attribute in REGISTRY else None
    if row is None or row.kind is not Kind.STRUCTURE:
        return True
    shape = STRUCTURES[row.structure or ""]
    demanded = {member.name for member in shape.fields if member.required}
    return all(
        isinstance(one, Mapping) and demanded <= one.keys() for one in (value if row.many else (value,))
    )


# -------------------------------------------------------------------------------------------------- reading


class Listener:
    """A foreign document being read, with what it says that we have no row for."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.facts: dict[str, Any] = {}
        self.paths: dict[str, str] = {}
        self.losses: list[Loss] = []
        self._heard: set[tuple[str | int, ...]] = set()
        self._withheld: set[str] = set()

    def get(self, path: str) -> Any:
        """What stands there, which is heard from now on; None for nothing and for a mark of nothing."""
        node, way = self.root, tuple(path.split("."))
        for name in way:
            if not isinstance(node, dict) or name not in node:
                return None
            node = node[name]
        self._heard.add(way)
        return None if is_mark(node) else node

    def entries(self, path: str) -> list[Mapping[str, Any]]:
        """The objects of a list; whatever else stands in it is not heard."""
        found = self._node(path)
        if not isinstance(found, list):
            return []
        base = tuple(path.split("."))
        for number, entry in enumerate(found):
            if isinstance(entry, dict):
                self._heard.add((*base, number))
        if not found:
            self._heard.add(base)
        return [entry for entry in found if isinstance(entry, dict)]

    def is_number(self, path: str) -> bool:
        """Whether a number stands there; nothing is heard yet."""
        return _is_number(self._node(path))

    def _node(self, path: str) -> Any:
        node = self.root
        for name in path.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def is_list(self, path: str) -> bool:
        """Whether a list stands there; nothing is heard yet."""
        return isinstance(self._node(path), list)

    def withhold(self, attribute: str) -> None:
        """Take no value of this attribute, wherever one is found."""
        self._withheld.add(attribute)

    def bring(self, attribute: str, raw: Any, path: str, *, even_empty: bool = False) -> None:
        """Take the value of an attribute; the first one of several stays.

        Args:
            attribute: whose value it is.
            raw: the value; None for nothing.
            path: where it stands.
            even_empty: an empty list says that there is none, and is a value.
        """
        if attribute in self.facts or attribute in self._withheld:
            return
        if raw is None or (raw == [] and not even_empty):
            return
        if attribute in MADE_BY_SERVICE:
            self.lose(attribute, path, "the service writes it itself")
            return
        self.facts[attribute] = raw
        self.paths[attribute] = f"$.{path}"

    def bring_contact(self, attribute: str, name: Any, email: Any, web: Any, path: str) -> None:
        """Take a contact of which the format holds a name and up to two ways to reach it."""
        ways = {way: value for way, value in (("email", email), ("web", web)) if value is not None}
        if ways and name is not None:
            self.bring(attribute, {"name": name, **ways}, path)
        elif ways:
            self.lose(attribute, path, "a way to reach somebody who has no name")

    def lose(self, attribute: str, path: str, sentence: str, why: Why = Why.NOT_READ) -> None:
        """Tell what is not brought, or is brought changed."""
        self.losses.append(Loss(attribute, why, f"$.{path}" if path else "", sentence))

    def take(self, rows: Iterable[Place]) -> None:
        """Read every row of the table."""
        timed = False
        for row in rows:
            raw = self.get(row.path)
            parent = row.path.rpartition(".")[0]
            for name, expected in row.beside.items():
                self._beside(row, f"{parent}.{name}", expected, raw)
            if row.time:
                timed |= self.get(f"{parent}.{row.time}") is not None
            if raw is None:
                continue
            try:
                turned = row.turn.read(raw)
            except NoPlace as refused:
                self.lose(row.attribute, row.path, f"{refused}")
                continue
            fresh = row.attribute not in self.facts
            self.bring(row.attribute, turned.value, row.path)
            if fresh and turned.why is not None:
                self.lose(row.attribute, row.path, turned.sentence, turned.why)
            if fresh and row.doubt:
                self.lose(row.attribute, row.path, row.doubt, Why.RESPELT)
        if timed:
            self.lose("", "", "the times at which values held are not taken over")

    def _beside(self, row: Place, path: str, expected: Any, raw: Any) -> None:
        found = self.get(path)
        if raw is not None and found is not None and found != expected:
            self.lose(row.attribute, path, f"expected {expected!r} beside the value, got {str(found)[:40]!r}")

    def close(self, identifier: object = None, predecessors: tuple[str, ...] = ()) -> Brought:
        """All that was heard, and the rest as a list of places that nobody asked for."""
        left = [way for way in _leaves(self.root, ()) if not self._is_heard(way)]
        for way in left[:_MOST_LEAVES_TOLD]:
            self.losses.append(Loss("", Why.NOT_READ, _spelt(way), "no attribute of ours says it"))
        if len(left) > _MOST_LEAVES_TOLD:
            more = len(left) - _MOST_LEAVES_TOLD
            self.losses.append(Loss("", Why.NOT_READ, "", f"{more} further values have no attribute of ours"))
        order = {name: number for number, name in enumerate(REGISTRY)}
        return Brought(
            facts=self.facts,
            paths=self.paths,
            identifier=identifier if isinstance(identifier, str) and identifier else None,
            predecessors=predecessors,
            losses=tuple(
                sorted(dict.fromkeys(self.losses), key=lambda one: order.get(one.attribute, len(order)))
            ),
        )

    def _is_heard(self, way: tuple[str | int, ...]) -> bool:
        return any(way[:length] in self._heard for length in range(1, len(way) + 1))


def _leaves(node: Any, way: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(node, dict) and node:
        for name, inner in node.items():
            yield from _leaves(inner, (*way, name))
    elif isinstance(node, list) and node:
        # An entry is told as a whole.
        yield from ((*way, number) for number, inner in enumerate(node) if not is_mark(inner))
    elif way and not is_mark(node) and node not in (None, [], {}):
        yield way


def _spelt(way: tuple[str | int, ...]) -> str:
    text = "$" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in way)
    return text if len(text) <= 300 else f"{text[:300]}..."
