"""Nested values, named by the rows: which members each holds, and what each member may be.

A structure is written by hand: its members in reading order, each with a value type of `schemas.values`,
what must be there, and which spelling it has to keep (`Form`). `schemas.validation` reads them. On the
wire a number inside a structure is a decimal string in the unit of its member; members that say nothing
are left out. The opinions of the service name their members only: the service writes them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Any, Final

from schemas.terms import BatteryStatus, Unit
from schemas.values import (
    ValueType,
    day,
    document,
    flag,
    integer,
    member_of,
    moment,
    number,
    one_of,
    structure,
    text,
    uri,
)


@unique
class Form(StrEnum):
    """Spellings that a text keeps to; `check_form` judges them."""

    CAS = "cas"  # CAS Registry Number with its check digit
    COUNTRY = "country"  # ISO 3166-1 alpha-2
    EMAIL = "email"
    LANGUAGE = "language"  # BCP 47
    SHA256 = "sha256"  # 64 hexadecimal digits


@dataclass(frozen=True)
class Member:
    """One member of a structure.

    Attributes:
        name: its key.
        value: what it may be; None in an open structure.
        required: a structure without it is refused.
        form: the spelling that a text keeps to; None for any text.
    """

    name: str
    value: ValueType[Any] | None = None
    required: bool = False
    form: Form | None = None


@dataclass(frozen=True)
class Structure:
    """One shape of a nested value.

    Attributes:
        name: the key a row refers to.
        title: what it describes.
        fields: its members, in reading order.
        any_of: at least one of these members is stated; empty where nothing of the kind is asked.
        rising: pairs of members of which the first is below the second when both are stated.
    """

    name: str
    title: str
    fields: tuple[Member, ...]
    any_of: tuple[str, ...] = ()
    rising: tuple[tuple[str, str], ...] = ()
    by_name: Mapping[str, Member] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Members by name, for those who read one."""
        object.__setattr__(self, "by_name", MappingProxyType({one.name: one for one in self.fields}))

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members, in reading order."""
        return tuple(self.by_name)

    @property
    def open(self) -> bool:
        """Whether the members are named only: the service writes such a value."""
        return any(one.value is None for one in self.fields)


_PERCENT_0_TO_100: Final = number(Unit.PERCENT, at_least=0, at_most=100)
_MASS_SHARE: Final = number(Unit.PERCENT_BY_MASS, at_least=0, at_most=100)


def _must(name: str, value: ValueType[Any], form: Form | None = None) -> Member:
    return Member(name, value, required=True, form=form)


def _may(name: str, value: ValueType[Any], form: Form | None = None) -> Member:
    return Member(name, value, form=form)


def _open(*names: str) -> tuple[Member, ...]:
    return tuple(Member(name) for name in names)


def _structures() -> tuple[Structure, ...]:
    return (
        # people, places, papers
        Structure(
            "postal_address",
            "postal address",
            (
                _may("street", text()),
                _may("postal_code", text()),
                _must("town", text()),
                _must("country", text(), Form.COUNTRY),
            ),
        ),
        Structure(
            "place",
            "place of a plant",
            (_must("country", text(), Form.COUNTRY), _may("town", text()), _may("plant", text())),
        ),
        Structure(
            "contact",
            "business contact",
            (
                _must("name", text()),
                _may("postal_address", structure("postal_address")),
                _may("email", text(), Form.EMAIL),
                _may("telephone", text()),
                _may("web", uri()),
            ),
            any_of=("postal_address", "email", "telephone", "web"),
        ),
        Structure(
            "authorisation",
            "written authorisation",
            (
                _must("operator", text()),
                _may("identifier", text()),
                _must("scope", text()),
                _must("from", day()),
                _may("to", day()),
                _may("document", document()),
            ),
            rising=(("from", "to"),),
        ),
        Structure(
            "registration_proof",
            "proof by the registry",
            (
                _may("registration_id", text()),
                _may("document", document()),
                _must("sha256", text(), Form.SHA256),
                _must("fetched_at", moment()),
            ),
        ),
        Structure(
            "data_carrier",
            "data carrier",
            (_must("kind", one_of("QR code", "Data Matrix")), _may("place_on_battery", text())),
        ),
        Structure(
            "ce_marking",
            "CE marking",
            (_may("notified_body", text()), _may("year", integer(at_least=2023, at_most=2200))),
            any_of=("notified_body", "year"),
        ),
        Structure(
            "label_meaning",
            "meaning of one label",
            (_must("label", text()), _must("language", text(), Form.LANGUAGE), _must("text", text())),
        ),
        Structure(
            "index",
            "index of a supply chain",
            (_must("name", text()), _must("value", number(Unit.ONE)), _may("scale", text())),
        ),
        # life of the battery
        Structure(
            "status_change",
            "one change of status",
            (_must("status", member_of(BatteryStatus)), _must("at", moment()), _may("operator", text())),
        ),
        Structure(
            "repair",
            "one repair",
            (
                _must("at", moment()),
                _must("part", text()),
                _may("part_number", text()),
                _may("removed_serial", text()),
                _may("installed_serial", text()),
                _may("operator", text()),
            ),
        ),
        Structure(
            "negative_event",
            "one event",
            (
                _must("type", text()),
                _may("at", moment()),
                _may("duration_s", integer(Unit.SECOND, at_least=0)),
                _may("severity", text()),
                _may("source", text()),
            ),
        ),
        Structure(
            "accident",
            "one accident",
            (_must("type", text()), _may("on", day()), _may("description", text())),
        ),
        # materials
        Structure(
            "critical_raw_material",
            "one critical raw material",
            (
                _must("name", text()),
                _may("cas_number", text(), Form.CAS),
                _may("share", _MASS_SHARE),
                _may("list_version", text()),
            ),
        ),
        Structure(
            "material_share",
            "one material",
            (
                _must("component", text()),
                _must("name", text()),
                _may("cas_number", text(), Form.CAS),
                _may("mass", number(Unit.KILOGRAM, at_least=0)),
                _may("share", _MASS_SHARE),
                _may("critical", flag()),
            ),
            any_of=("mass", "share"),
        ),
        Structure(
            "hazardous_substance",
            "one hazardous substance",
            (
                _may("hazard_class", text()),
                _must("name", text()),
                _may("cas_number", text(), Form.CAS),
                _may("concentration", _MASS_SHARE),
                _may("location", text()),
                _may("impact", text()),
            ),
        ),
        Structure(
            "substance_location",
            "where one substance is",
            (_must("name", text()), _may("cas_number", text(), Form.CAS), _must("component", text())),
        ),
        Structure(
            "metal_content",
            "content of one metal",
            (_must("metal", one_of("mercury", "cadmium", "lead")), _must("share", _MASS_SHARE)),
        ),
        Structure(
            "svhc_substance",
            "one substance of very high concern",
            (
                _must("name", text()),
                _may("cas_number", text(), Form.CAS),
                _may("share", _MASS_SHARE),
                _may("scip_number", text()),
            ),
        ),
        # parts and dismantling
        Structure(
            "dismantling_item",
            "one item of dismantling information",
            (_may("description", text()), _may("document", document())),
            any_of=("description", "document"),
        ),
        Structure(
            "cell_layout",
            "number and layout of cells",
            (
                _may("cells", integer(at_least=1, at_most=999_999)),
                _may("in_series", integer(at_least=1, at_most=999_999)),
                _may("in_parallel", integer(at_least=1, at_most=999_999)),
                _may("modules", integer(at_least=1, at_most=999_999)),
                _may("document", document()),
            ),
            any_of=("cells", "in_series", "in_parallel", "modules", "document"),
        ),
        Structure(
            "part_number",
            "one component",
            (_must("component", text()), _must("part_number", text())),
        ),
        # performance
        Structure(
            "temperature_range",
            "range of temperature",
            (
                _must("lower", number(Unit.CELSIUS, at_least=-273)),
                _must("upper", number(Unit.CELSIUS, at_least=-273)),
            ),
            rising=(("lower", "upper"),),
        ),
        Structure(
            "power_point",
            "power at one state of charge",
            (
                _must("state_of_charge", _PERCENT_0_TO_100),
                _must("power", number(Unit.WATT, at_least=0)),
                _may("duration_s", number(Unit.SECOND, above=0)),
                _may("temperature", number(Unit.CELSIUS, at_least=-273)),
            ),
        ),
        Structure(
            "power_limits",
            "limits of power",
            (_may("charge", number(Unit.WATT, at_least=0)), _may("discharge", number(Unit.WATT, at_least=0))),
            any_of=("charge", "discharge"),
        ),
        Structure(
            "charge_record",
            "share of time in one band of charge",
            (
                _must("from", _PERCENT_0_TO_100),
                _must("to", _PERCENT_0_TO_100),
                _must("time_s", integer(Unit.SECOND, at_least=0)),
            ),
            rising=(("from", "to"),),
        ),
        Structure(
            "environment_record",
            "share of time in one band of temperature and charge",
            (
                _must("temperature_from", number(Unit.CELSIUS, at_least=-273)),
                _must("temperature_to", number(Unit.CELSIUS, at_least=-273)),
                _may("charge_from", _PERCENT_0_TO_100),
                _may("charge_to", _PERCENT_0_TO_100),
                _must("time_s", integer(Unit.SECOND, at_least=0)),
            ),
            rising=(("temperature_from", "temperature_to"), ("charge_from", "charge_to")),
        ),
        # opinions and their evidence
        Structure(
            "residual_value",
            "estimate of value",
            _open(
                *("amount", "currency", "low", "high", "method", "on"),
                *("recycling", "recycling_low", "recycling_high"),
                *("after_inspection", "after_inspection_low", "after_inspection_high"),
                *("best_use", "uses", "contributions", "reasons", "parameters"),
            ),
        ),
        Structure(
            "second_life_assessment",
            "eligibility",
            _open(
                *("operation", "verdict", "reasons", "inspect"),
                *("grade", "score", "deductions", "score_method", "policy", "uses", "remaining_life"),
                *("health", "health_low", "health_high", "capacity", "calibrated", "bms_reported_health"),
                *("findings", "inputs"),
            ),
        ),
        Structure(
            "further_use_evidence",
            "evidence of further use",
            (
                _may("test", document()),
                _may("contract", document()),
                _may("transport", text()),
            ),
            any_of=("test", "contract", "transport"),
        ),
        Structure(
            "measurement_metadata",
            "how values came about",
            _open("originator", "method", "software_version"),
        ),
    )


STRUCTURES: Final[Mapping[str, Structure]] = MappingProxyType({row.name: row for row in _structures()})


# ----------------------------------------------------------------------------------------------- spellings


def cas_check_digit(digits: str) -> int:
    """The check digit that follows the digits of a CAS Registry Number, which are written without dashes.

    Each digit counts by its place from the right, the last of these being 1.

    >>> cas_check_digit("773218")  # water is 7732-18-5
    5

    Source: CAS, check digit verification of CAS Registry Numbers.
    """
    return sum(place * int(digit) for place, digit in enumerate(reversed(digits), 1)) % 10


_CAS: Final = re.compile(r"([1-9][0-9]{1,6})-([0-9]{2})-([0-9])")
_EC_NUMBER: Final = re.compile(r"[0-9]{3}-[0-9]{3}-[0-9]")
# Source: ISO 3166-1, officially assigned codes.
_COUNTRIES: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_COUNTRIES.split())
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-(?:[A-Z]{2}|[0-9]{3}))?")
_EMAIL: Final = re.compile(r"[^@\s<>\"'(),;:\\]+@[^@\s<>\"'(),;:\\]+\.[^@\s<>\"'(),;:\\.]{2,}")


def check_form(form: Form, text: str) -> str | None:
    """What is wrong with the text, as a sentence; None when it keeps to the form."""
    if form is Form.CAS:
        return _check_cas(text)
    if form is Form.COUNTRY:
        return (
            None
            if text in COUNTRIES
            else f"expected a country by its two capital letters (ISO 3166-1), got {text!r}"
        )
    if form is Form.LANGUAGE:
        return None if _LANGUAGE.fullmatch(text) else f"expected a language as `de` or `pt-BR`, got {text!r}"
    if form is Form.EMAIL:
        return None if _EMAIL.fullmatch(text) else f"expected an e-mail address, got {text!r}"
    return None if re.fullmatch(r"[0-9a-f]{64}", text) else f"expected 64 hexadecimal digits, got {text!r}"


def _check_cas(text: str) -> str | None:
    if text != text.strip():
        return f"expected a CAS number without blanks around it, got {text!r}"
    match = _CAS.fullmatch(text)
    if match is None:
        hint = "; that looks like an EC number" if _EC_NUMBER.fullmatch(text) else ""
        return f"expected a CAS number as 7439-93-2, got {text!r}{hint}"
    digit = cas_check_digit(match[1] + match[2])
    if digit != int(match[3]):
        return f"the CAS number {text} is mistyped: its check digit would be {digit}"
    return None
