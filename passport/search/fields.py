"""What may be asked of batteries: each field with its unit, its column and the rights it stands under.

Numbers are stored as integers in the unit that `Field.scale` names, so that a range is exact; days as their
ordinal number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Any, Final

from passport import disclosure
from passport.judgement.second_life.uses import USES
from schemas.registry import REGISTRY
from schemas.terms import Audience, Disclosure, Unit
from schemas.validation import FactsInvalid, fact_from_text
from schemas.values import Kind

EURO: Final = "EUR"
YES, NO = "yes", "no"


@unique
class Match(StrEnum):
    """How a field may be asked."""

    EXACT = "exact"  # name=value, may be given several times: any of them
    RANGE = "range"  # name_min=..., name_max=...


@dataclass(frozen=True)
class Field:
    """One searchable field.

    Attributes:
        name: in the query string and in results; its column.
        title: as read by people.
        attributes: ids of the registry rows it is made of; the caller must be allowed all of them.
        match: how it may be asked.
        unit: of the value in queries and results; None for words.
        scale: stored integer = value * scale; 0 for words.
        day: the number is a day.
        several: a battery may have several of its words.
        own: disclosure class of what no row of the registry states; None where `attributes` say all.
        words: all that it can say, with what people read; empty where the words come from outside.
    """

    name: str
    title: str
    attributes: tuple[str, ...]
    match: Match = Match.EXACT
    unit: str | None = None
    scale: int = 0
    day: bool = False
    several: bool = False
    own: Disclosure | None = None
    words: tuple[tuple[str, str], ...] = ()

    @property
    def classes(self) -> Iterator[Disclosure | None]:
        """The disclosure classes of all that it is made of; None for an attribute that is not known."""
        yield from (disclosure.disclosure_of(attribute) for attribute in self.attributes)
        if self.own is not None:
            yield self.own


_OPINION: Final = ("second_life_assessment",)
_METALS: Final = ("material_composition",)
_USES: Final = tuple((use.id, use.title) for use in USES)
_VERDICTS: Final = (
    ("eligible", "Eligible"),
    ("needs_inspection", "Needs inspection"),
    ("not_eligible", "Not eligible"),
)


def _number(
    name: str, title: str, attributes: tuple[str, ...], unit: str | None, scale: int, **more: Any
) -> Field:
    return Field(name, title, attributes, Match.RANGE, unit, scale, **more)


def _fields() -> tuple[Field, ...]:
    capacity, voltage = ("rated_capacity",), ("nominal_voltage",)
    return (
        Field("category", "Category", ("battery_category",)),
        Field("chemistry", "Chemistry", ("battery_chemistry",)),
        Field("manufacturer", "Manufacturer", ("manufacturer_name",)),
        Field("model", "Model", ("model_identifier",)),
        # No row of the law is called rated energy: it is rated capacity times nominal voltage, both public.
        _number("rated_energy", "Rated energy", capacity + voltage, Unit.KILOWATT_HOUR, 1000),
        _number("rated_capacity", "Rated capacity", capacity, Unit.AMPERE_HOUR, 1000),
        _number("nominal_voltage", "Nominal voltage", voltage, Unit.VOLT, 1000),
        _number("mass", "Mass", ("battery_mass",), Unit.KILOGRAM, 1000),
        # Where a battery lies is nowhere declared; who answers for it has an address.
        Field("region", "Country of the operator", ("operator_address",)),
        _number("nickel", "Nickel", _METALS, Unit.KILOGRAM, 1000),
        _number("cobalt", "Cobalt", _METALS, Unit.KILOGRAM, 1000),
        _number("lithium", "Lithium", _METALS, Unit.KILOGRAM, 1000),
        Field("battery_status", "Battery status", ("battery_status",)),
        _number("state_of_charge", "State of charge", ("state_of_charge",), Unit.PERCENT, 10),
        _number("full_cycles", "Full cycles, as far as recorded", ("full_cycles",), Unit.CYCLE, 100),
        _number("temperature", "Temperature", ("temperature",), Unit.CELSIUS, 10),
        _number("health", "State of health", ("state_of_health",), Unit.PERCENT, 10),
        _number("health_low", "State of health, low end", _OPINION, Unit.PERCENT, 10),
        Field("calibrated", "Interval is calibrated", _OPINION, words=((YES, "Yes"), (NO, "No"))),
        Field("verdict", "Second-life verdict", _OPINION, words=_VERDICTS),
        Field("grade", "Grade", _OPINION, words=tuple((one, one) for one in "ABCD")),
        _number("score", "Score of 100", _OPINION, None, 10),
        Field("use", "Fit for", _OPINION, several=True, words=_USES),
        Field("possible_use", "Fit for, or not excluded yet", _OPINION, several=True, words=_USES),
        _number("remaining_years", "Remaining years in the best use, low end", _OPINION, Unit.YEAR, 10),
        _number("value", "Residual value", ("residual_value",), EURO, 100),
        # Said by the owner of one battery to those who may read of it.
        _number("offered_since", "Offered since", (), None, 1, day=True, own=Disclosure.INDIVIDUAL),
    )


FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _fields()}
"""In the order in which results show them."""

# What a field is called in an order; a minus before it turns the order round.
ORDERS: Final = tuple(name for name, field in FIELDS.items() if not field.several)


def readable(field: Field, audience: Audience | None) -> bool:
    """Whether this audience may see all that the field is made of; unknown attributes are withheld."""
    if audience is None:
        return False
    return all(one is not None and disclosure.may_see(audience, one) for one in field.classes)


def meant(field: Field, text: str) -> str:
    """The word of a closed list as stored: `LFP` is `Li-ion LFP`; what is no such word finds nothing."""
    if field.name == "region":
        return text.upper()
    if field.words:
        return next((word for word, _ in field.words if word.lower() == text.lower()), text)
    attribute = REGISTRY[field.attributes[0]]
    if attribute.value.kind is not Kind.ENUMERATION:
        return text
    try:
        return str(fact_from_text(attribute, text))
    except FactsInvalid:
        return text


def words_of(stored: str) -> list[str]:
    """The words of a field that may have several, as stored."""
    return stored.split()


def shown(field: Field, stored: Any) -> str | None:
    """A stored value as text; None where nothing is known."""
    if stored is None:
        return None
    if field.day:
        return date.fromordinal(stored).isoformat()
    if not field.scale:
        return str(stored)
    whole, part = divmod(abs(stored), field.scale)
    sign = "-" if stored < 0 else ""
    digits = f"{part:0{len(str(field.scale)) - 1}}".rstrip("0") if part else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
