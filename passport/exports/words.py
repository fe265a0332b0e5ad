"""Words and small sums that formats share: chemistries, countries, addresses, the end of a warranty."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from passport.exports.places import Sheet, is_mark
from schemas.registry import REGISTRY
from schemas.structures import COUNTRIES

_CHEMISTRIES: Final = REGISTRY["battery_chemistry"].value.members


def chemistry_short(word: str) -> str:
    """The usual short name: `NMC` for `Li-ion NMC`."""
    return word.removeprefix("Li-ion ")


# Spellings met in documents, in small letters, to our word.
CHEMISTRIES_READ: Final[Mapping[str, str]] = MappingProxyType(
    {word.lower(): word for word in _CHEMISTRIES}
    | {chemistry_short(word).lower(): word for word in _CHEMISTRIES}
    | {
        "ncm": "Li-ion NMC",
        "nickel cobalt manganese (ncm)": "Li-ion NMC",
        "lithium iron phosphate (lfp)": "Li-ion LFP",
        "lead acid": "Pb",
        "lead-acid": "Pb",
        "nimh": "Ni-MH",
        "nicd": "Ni-Cd",
    }
)

# English names met in documents. Source: ISO 3166-1.
_COUNTRY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "austria": "AT",
        "belgium": "BE",
        "bulgaria": "BG",
        "canada": "CA",
        "china": "CN",
        "croatia": "HR",
        "cyprus": "CY",
        "czech republic": "CZ",
        "czechia": "CZ",
        "denmark": "DK",
        "estonia": "EE",
        "finland": "FI",
        "france": "FR",
        "germany": "DE",
        "greece": "GR",
        "hungary": "HU",
        "iceland": "IS",
        "india": "IN",
        "ireland": "IE",
        "italy": "IT",
        "japan": "JP",
        "korea": "KR",
        "latvia": "LV",
        "liechtenstein": "LI",
        "lithuania": "LT",
        "luxembourg": "LU",
        "malta": "MT",
        "netherlands": "NL",
        "norway": "NO",
        "poland": "PL",
        "portugal": "PT",
        "romania": "RO",
        "slovakia": "SK",
        "slovenia": "SI",
        "south korea": "KR",
        "spain": "ES",
        "sweden": "SE",
        "switzerland": "CH",
        "taiwan": "TW",
        "türkiye": "TR",
        "united kingdom": "GB",
        "united states": "US",
    }
)


def country_code(text: object) -> str | None:
    """The two letters of a country, given by them or by its English name; None for anything else."""
    if not isinstance(text, str):
        return None
    word = text.strip()
    return word if word in COUNTRIES else _COUNTRY_NAMES.get(word.lower())


def address_parts(members: Mapping[str, Any]) -> dict[str, str] | None:
    """A postal address of ours from country, postal code and a street with the town behind it.

    None where the country is none we know, or no town follows the street.
    """
    country, code, street = (members.get(name) for name in ("addressCountry", "postalCode", "streetAddress"))
    letters = country_code(country)
    if letters is None or not isinstance(street, str) or is_mark(street):
        return None
    way, comma, town = street.rpartition(", ")
    if not comma or not town.strip():
        return None
    parts = {"street": way, "town": town, "country": letters}
    if isinstance(code, str) and code.strip() and not is_mark(code):
        parts["postal_code"] = code
    return parts


@dataclass(frozen=True)
class WarrantyEnd:
    """The day on which a warranty ends.

    Attributes:
        start: day it was counted from.
        guessed: the first of the month of manufacture was taken, since no day is stated.
    """

    day: date
    start: date
    guessed: bool


def warranty_ends(sheet: Sheet, months: int) -> WarrantyEnd | None:
    """When that many months end after putting into service, else after manufacture; None without a start."""
    served, made = sheet.value("putting_into_service_date"), sheet.value("manufacturing_date")
    if served is None and made is None:
        return None
    start = date.fromisoformat(served if served is not None else f"{made}-01")
    end = months_after(start, months)
    return None if end is None else WarrantyEnd(end, start, served is None)


def months_after(start: date, months: int) -> date | None:
    """The same day that many months later, or the last one of a shorter month; None beyond the year 9999."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        return None
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
