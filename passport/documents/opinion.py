"""The newest assessment record in words: health, grade, uses and value, for whoever may read them.

What the record does not state is said not to be there; a record of an older registry states less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from passport.documents import values
from schemas.terms import Unit


@dataclass(frozen=True)
class Line:
    """A figure with its band and what it means; `text` is empty where it is not known."""

    title: str
    text: str
    band: str = ""


@dataclass(frozen=True)
class Use:
    """One use: word of its fit, what decides, what would change it, and the years it leaves."""

    title: str
    fit: str
    words: str
    why: str
    helps: str
    years: str


@dataclass(frozen=True)
class Opinion:
    """What the record says.

    Attributes:
        until: day of its expiry; empty where it has none.
        expired: it is past that day.
        verdict: word of the record.
        health: percent, with its band.
        remarks: on the health: what it rests on, or why it is not known.
        grade, score: empty where they are not stated.
        provisional: gates are open, so the grade is as well.
        deductions: points and sentence, those that took something off.
        uses: in the record's order.
        worth: value now, after an inspection, and of the materials, those that are known.
        reasons: on the value: what is not determined and what was assumed.
        moved: what moves the value most.
        inspect, gates: as the record holds them.
    """

    until: str
    expired: bool
    verdict: str
    health: Line
    remarks: tuple[str, ...]
    grade: str
    score: str
    provisional: bool
    deductions: tuple[tuple[str, str], ...]
    uses: tuple[Use, ...]
    worth: tuple[Line, ...]
    reasons: tuple[str, ...]
    moved: tuple[str, ...]
    inspect: tuple[str, ...]
    gates: tuple[Mapping[str, Any], ...]


LONGEST: Final = "40.0"  # a life of so many years is one of so many or more
FITS: Final = {"fit": "fit", "not_fit": "not fit", "not_known": "not known"}


def opinion(
    stated: Mapping[str, Mapping[str, Any]], *, valid_until: datetime | None, now: datetime
) -> Opinion | None:
    """What the assessment says; None where none may be seen or was issued.

    Args:
        stated: stated values on the wire, as a view delivers them.
        valid_until: of the record.
        now: aware.
    """
    said = stated.get("second_life_assessment", {}).get("value")
    if not isinstance(said, Mapping):
        return None
    worth = stated.get("residual_value", {}).get("value") or {}
    lives = said.get("remaining_life", {})
    return Opinion(
        until=values.day_text(valid_until) if valid_until is not None else "",
        expired=valid_until is not None and valid_until <= now,
        verdict=said.get("verdict", ""),
        health=_health(stated.get("state_of_health", {}), said),
        remarks=tuple(_remarks(said)),
        grade=said.get("grade", ""),
        score=values.number_text(said["score"]) if "score" in said else "",
        provisional=bool(said.get("inspect")),
        deductions=tuple(
            (values.number_text(one["points"]), one["sentence"])
            for one in said.get("deductions", ())
            if one["points"].strip("0.")
        ),
        uses=tuple(_use(one, lives.get(one["use"], {})) for one in said.get("uses", ())),
        worth=tuple(_worth(worth)),
        reasons=tuple(worth.get("reasons", ("no record of this battery states a value",))),
        moved=tuple(
            f"{one['input'].replace('.', ' ').replace('_', ' ')}:"
            f" {values.interval(one['at_low'], one['at_high'], None)} EUR"
            for one in worth.get("contributions", ())
        ),
        inspect=tuple(said.get("inspect", ())),
        gates=tuple(said.get("reasons", ())),
    )


def _health(health: Mapping[str, Any], said: Mapping[str, Any]) -> Line:
    text = values.quantity(health["value"], Unit.PERCENT) if "value" in health else ""
    band = ""
    if "health_low" in said and "health_high" in said:
        band = f"{values.interval(said['health_low'], said['health_high'], Unit.PERCENT)}, nine times in ten"
    return Line("Capacity left", text, band)


def _remarks(said: Mapping[str, Any]) -> list[str]:
    health = said.get("health", {})
    found = []
    if "reason" in health:
        found += [health["reason"], health.get("helps", "")]
    if health.get("stale"):
        found.append("What it rests on is more than 90 days or 50 cycles old.")
    if "evidence_class" in health:
        found.append(f"Evidence of class {health['evidence_class']}, {health['method']}.")
    found += health.get("remarks", [])
    if "bms_reported_health" in said:
        found.append(f"Its BMS says {values.number_text(said['bms_reported_health'])} %.")
    found += [one["sentence"] for one in said.get("findings", ())]
    return [one for one in found if one]


def _use(one: Mapping[str, Any], life: Mapping[str, Any]) -> Use:
    years = ""
    if "low" in life and "high" in life:
        more = " or more" if life["high"] == LONGEST else ""
        span = values.interval(life["low"], life["high"], None)
        if life["low"] == life["high"]:
            span = values.number_text(life["low"])
        years = f"{span}{more} years left in it"
    title = one.get("title", one["use"].replace("_", " "))
    return Use(
        title[:1].upper() + title[1:],
        one["fit"],
        FITS.get(one["fit"], one["fit"]),
        one.get("binding", "all that it asks is met"),
        one.get("counterfactual", ""),
        years,
    )


def _worth(worth: Mapping[str, Any]) -> list[Line]:
    found = []
    for title, name in (
        ("Now", "amount"),
        ("After an inspection that finds nothing", "after_inspection"),
        ("Its materials alone", "recycling"),
    ):
        if name not in worth:
            continue
        low, high = ("low", "high") if name == "amount" else (f"{name}_low", f"{name}_high")
        band = f"{values.interval(worth[low], worth[high], None)} EUR, eight times in ten"
        found.append(Line(title, f"{values.number_text(worth[name])} EUR", band))
    return found
