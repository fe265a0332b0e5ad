"""Citations: which act, which place in it; printed the same everywhere.

The text of Regulation (EU) 2023/1542 is read in its consolidated version of 13 August 2026. A place is
written as lawyers quote it: `Annex XIII 4(b)`, `Art. 77(3)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class Act(StrEnum):
    """Where a duty, a definition or a field comes from; the value is how the act is quoted in full."""

    BATTERIES = "Regulation (EU) 2023/1542"
    ECODESIGN = "Regulation (EU) 2024/1781"
    PASSPORT_REGISTRY = "Implementing Regulation (EU) 2026/1778"
    CITED_STANDARDS = "Decision (EU) 2026/1736"
    GUIDANCE = "Commission guidance on battery passport data points, 2.0"
    PASSPORT_DATA = "EN 18223:2026"
    PASSPORT_IDENTIFIERS = "EN 18219:2026"
    CHEMICALS = "Regulation (EC) No 1907/2006"
    USABLE_ENERGY = "UN GTR No. 22"
    STANDARDISATION_REQUEST = "Standardisation request M/579"
    OMNIBUS = "proposal for an Environmental Omnibus"


# How an act is called where the full name would crowd the line; the batteries act is the unnamed default.
SHORT: Final[Mapping[Act, str]] = MappingProxyType(
    {
        Act.BATTERIES: "",
        Act.ECODESIGN: "ESPR",
        Act.PASSPORT_REGISTRY: "Reg. (EU) 2026/1778",
        Act.CITED_STANDARDS: "Dec. (EU) 2026/1736",
        Act.GUIDANCE: "Commission guidance",
        Act.PASSPORT_DATA: "EN 18223",
        Act.PASSPORT_IDENTIFIERS: "EN 18219",
        Act.CHEMICALS: "REACH",
        Act.USABLE_ENERGY: "UN GTR 22",
        Act.STANDARDISATION_REQUEST: "M/579",
        Act.OMNIBUS: "proposed Omnibus",
    }
)

CONSOLIDATED: Final = "02023R1542-20260813"


@dataclass(frozen=True)
class Citation:
    """One place in one act.

    Attributes:
        place: article, annex or header as quoted, `Annex VII A(1)`.
        act: the act it stands in.
    """

    place: str
    act: Act = Act.BATTERIES

    def __str__(self) -> str:
        """The short form: `Annex XIII 4(b)`, `ESPR Art. 13`."""
        return f"{SHORT[self.act]} {self.place}".strip()

    @property
    def full(self) -> str:
        """The long form, act first: `Regulation (EU) 2023/1542, Annex XIII 4(b)`."""
        return f"{self.act.value}, {self.place}"

    @property
    def annex_xiii_point(self) -> str | None:
        """`4(b)` for a place in Annex XIII of the batteries act; None for every other place."""
        start = "Annex XIII "
        return (
            self.place.removeprefix(start)
            if self.act is Act.BATTERIES and self.place.startswith(start)
            else None
        )

    @property
    def in_annex_vii(self) -> bool:
        """True for a place in Annex VII, where the parameters of health and expected life are listed."""
        return self.act is Act.BATTERIES and self.place.startswith("Annex VII ")


def article(number: str) -> Citation:
    """An article of the batteries act: `article("77(3)")`."""
    return Citation(f"Art. {number}")


def annex(number: str, place: str = "") -> Citation:
    """An annex of the batteries act: `annex("II", "4")`, `annex("VI", "Part C")`."""
    return Citation(f"Annex {number} {place}".strip())


def annex_xiii(point: str) -> Citation:
    """A point of Annex XIII, the content of the passport: `annex_xiii("4(b)")`."""
    return annex("XIII", point)


def _part(number: str, part: str, item: int | None) -> Citation:
    return annex(number, part if item is None else f"{part}({item})")


def annex_iv(part: str, item: int) -> Citation:
    """Performance and durability: `annex_iv("A", 1)`."""
    return _part("IV", part, item)


def annex_vi(part: str, item: int | None = None) -> Citation:
    """Labels, markings and the QR code: `annex_vi("A", 2)`, `annex_vi("C")`."""
    return _part("VI", part, item)


def annex_vii(part: str, item: int | None = None) -> Citation:
    """State of health and expected life: `annex_vii("B", 5)`; part A for electric vehicles has no number."""
    return _part("VII", part, item)


def ecodesign(place: str) -> Citation:
    """The ecodesign act: `ecodesign("Art. 13")`."""
    return Citation(place, Act.ECODESIGN)


def passport_registry(place: str) -> Citation:
    """The act on the passport registry."""
    return Citation(place, Act.PASSPORT_REGISTRY)


def standardisation_request(place: str) -> Citation:
    """The Commission's request to the standards bodies, which does not bind operators."""
    return Citation(place, Act.STANDARDISATION_REQUEST)


def guidance(point: int) -> Citation:
    """A data point of the Commission's guidance, which does not bind."""
    return Citation(f"point {point}", Act.GUIDANCE)


PASSPORT_HEADER: Final = Citation("header", Act.PASSPORT_DATA)
