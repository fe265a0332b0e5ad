"""Writing search rows: what released versions and offers say, typed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection

from passport.judgement.residual_value import active_metals, grade_of, metals_from_composition
from passport.judgement.second_life.uses import Fit
from passport.search.fields import EURO, FIELDS, NO, YES
from schemas.terms import Source
from schemas.values import utc_text

METALS: Final = ("nickel", "cobalt", "lithium")
_DECLARED: Final = (
    ("category", "battery_category"),
    ("chemistry", "battery_chemistry"),
    ("manufacturer", "manufacturer_name"),
    ("model", "model_identifier"),
)


class Indexed(Protocol):
    """A battery, as far as search must know it."""

    @property
    def id(self) -> str:
        """Battery id."""

    @property
    def passport_id(self) -> str:
        """Passport id, the one in the address of the page."""

    @property
    def operator(self) -> str:
        """The responsible operator's id."""

    @property
    def identifier(self) -> str:
        """Canonical identifier path."""

    @property
    def category(self) -> Any:
        """Category, as its word."""

    @property
    def simulated(self) -> bool:
        """Whether the pack exists only in a simulator."""


def index(
    connection: Connection,
    *,
    battery: Indexed,
    facts: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    condition_at: datetime | None = None,
    assessment: Mapping[str, Any] | None = None,
) -> None:
    """Write what a released version says into the battery's search row; parts not given stay as they are.

    `connection` is a writing one; the rest is described at `entry`.
    """
    write(
        connection,
        [entry(battery, facts=facts, condition=condition, condition_at=condition_at, assessment=assessment)],
    )


def entry(
    battery: Indexed,
    *,
    facts: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    condition_at: datetime | None = None,
    assessment: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Columns of a search row, for those parts that are given.

    Args:
        battery: whose row it is.
        facts: wire values of the passport record by attribute id (`{"value": "102", "unit": "Ah"}`),
            restricted ones included.
        condition: the same of the condition record.
        condition_at: of when the condition is.
        assessment: the same of the assessment record.
    """
    columns: dict[str, Any] = {
        "battery": battery.id,
        "passport_id": battery.passport_id,
        "identifier": battery.identifier,
        "operator": battery.operator,
        "category": str(battery.category),
        "simulated": int(battery.simulated),
    }
    if facts is not None:
        for column, attribute in _DECLARED[1:]:
            columns[column] = _word(facts, attribute)
        capacity, voltage = _number(facts, "rated_capacity"), _number(facts, "nominal_voltage")
        energy = capacity * voltage / 1000 if capacity is not None and voltage is not None else None
        columns["rated_energy"] = _store("rated_energy", energy)
        columns["rated_capacity"] = _store("rated_capacity", capacity)
        columns["nominal_voltage"] = _store("nominal_voltage", voltage)
        columns["mass"] = _store("mass", _number(facts, "battery_mass"))
        columns["region"] = (_value(facts, "operator_address") or {}).get("country")
        columns["contact"] = _contact(_value(facts, "operator_contact") or {})
        columns |= _metals(facts, energy)
    if condition is not None:
        columns["battery_status"] = _word(condition, "battery_status")
        for name in ("state_of_charge", "full_cycles", "temperature"):
            columns[name] = _store(name, _number(condition, name))
        columns["condition_at"] = utc_text(condition_at) if condition_at else None
    if assessment is not None:
        columns |= _judged(assessment)
    return columns


def write(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Store what `entry` made of versions of one kind; columns that are not in them stay as they are."""
    if not entries:
        return
    newest = connection.exec_driver_sql("SELECT max(changed) FROM battery_search").scalar() or 0
    entries = [{**one, "changed": newest + 1} for one in entries]
    names = list(entries[0])
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    connection.exec_driver_sql(
        f"INSERT INTO battery_search ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (battery) DO UPDATE SET {changes}",
        [tuple(one[name] for name in names) for one in entries],
    )


def _metals(facts: Mapping[str, Any], energy: Decimal | None) -> dict[str, Any]:
    """Metals by mass: as declared, or by stoichiometry from chemistry and energy, and which of both."""
    declared = metals_from_composition(_value(facts, "material_composition"))
    # A composition that names compounds alone says nothing of the metals in them.
    if declared is not None and not set(METALS).isdisjoint(declared):
        kilograms = {name: _decimal(declared.get(name)) for name in METALS}
        return _metal_columns(kilograms, Source.DECLARED)
    grade = grade_of(_word(facts, "battery_chemistry_name"))
    active = active_metals(_word(facts, "battery_chemistry"), grade)
    if active is None or energy is None:
        return _metal_columns(dict.fromkeys(METALS), None)
    # What the active materials of a known chemistry do not hold, they hold none of.
    kilograms = {name: (_decimal(active.get(name, 0.0)) or Decimal(0)) * energy for name in METALS}
    return _metal_columns(kilograms, Source.COMPUTED)


def _metal_columns(kilograms: Mapping[str, Decimal | None], source: Source | None) -> dict[str, Any]:
    stored = {name: _store(name, value) for name, value in kilograms.items()}
    return {**stored, "metals_from": source.value if source is not None else None}


def _judged(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of an opinion; what it does not say is unknown."""
    said = _value(assessment, "second_life_assessment") or {}
    worth = _value(assessment, "residual_value") or {}
    fit = sorted(one["use"] for one in said.get("uses", ()) if one.get("fit") == Fit.FIT.value)
    # Without an interval there is nothing that could be calibrated.
    calibrated = said.get("calibrated") if said.get("health_low") is not None else None
    excluded = Fit.NOT_FIT.value
    possible = sorted(one["use"] for one in said.get("uses", ()) if one.get("fit") != excluded)
    amount = worth.get("amount") if worth.get("currency") == EURO else None
    return {
        "verdict": said.get("verdict"),
        "inspect": orjson.dumps(list(said.get("inspect") or ())).decode(),
        "health": _store("health", _number(assessment, "state_of_health")),
        "health_low": _store("health_low", _decimal(said.get("health_low"))),
        "calibrated": None if calibrated is None else YES if calibrated else NO,
        "grade": said.get("grade"),
        "score": _store("score", _decimal(said.get("score"))),
        "use": " ".join(fit) or None,
        "possible_use": " ".join(possible) or None,
        "remaining_years": _store(
            "remaining_years", _years(said.get("remaining_life") or {}, fit, worth.get("best_use"))
        ),
        "value": _store("value", _decimal(amount)),
    }


def _years(lives: Mapping[str, Mapping[str, Any]], fit: Sequence[str], best: str | None) -> Decimal | None:
    """The low end of the life in the best use: the one of most value, else the one that lasts longest."""
    if best is not None and best in lives:
        return _decimal(lives[best].get("low"))
    found = [_decimal(lives[use].get("low")) for use in fit if use in lives]
    return max((one for one in found if one is not None), default=None)


def _contact(stated: Mapping[str, Any]) -> str | None:
    """The first way to reach the operator that it declares."""
    return next((str(stated[name]) for name in ("email", "web", "telephone") if stated.get(name)), None)


def _value(values: Mapping[str, Any], attribute: str) -> Any:
    return values.get(attribute, {}).get("value")


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _word(values: Mapping[str, Any], attribute: str) -> str | None:
    value = _value(values, attribute)
    return str(value) if value is not None else None


def _number(values: Mapping[str, Any], attribute: str) -> Decimal | None:
    return _decimal(_value(values, attribute))


def _store(name: str, value: Decimal | None) -> int | None:
    return int((value * FIELDS[name].scale).to_integral_value()) if value is not None else None
