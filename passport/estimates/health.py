"""Capacity and health of a battery as of a moment, each with its interval; beside them what its BMS says.

`health` is the remaining capacity by the rated capacity. It is our figure: the law has one of its own for
each category (`annex_vii`), and what a BMS calls its health stands beside it and never in its place.

The interval: where references of enough batteries were compared, so many standard deviations as they asked
for; else the class's standard deviation and five points of prior, and `calibrated` is false. It widens with
time and cycles since the newest evidence; after 90 days or 50 cycles the figure is called stale.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import hypot
from typing import Any, Final

from passport.estimates import fusion
from passport.estimates.capacity import Measurement, Refusal, classify_all
from passport.estimates.conformal import Calibration
from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.estimates.windows import WindowModel
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import Session
from schemas.terms import Unit

STALE_DAYS: Final = 90
STALE_CYCLES: Final = 50
PRIOR_POINTS: Final = 5.0
DISAGREEMENT_POINTS: Final = 5
PLACEHOLDERS: Final = frozenset({Decimal(95), Decimal(99)})  # what devices say that measure nothing
PLACEHOLDER_ROWS: Final = 2000
_OUT_OF_CHARGE: Final = 0.97  # energy that comes out by what went in, one way of a round trip of 94 %
_OUT_OF_CHARGE_POINTS: Final = 2.5
_NORMAL_90: Final = 1.645
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CHARGE_FULL: Final = (
    "One slow charge from nearly empty to full, or one complete discharge from full, tells the capacity."
)
_FIXED_WORDS: Final = frozenset({"health_placeholder", "health_from_cycles"})


@dataclass(frozen=True)
class Finding:
    """Something a reader of the figures must know."""

    code: str
    sentence: str

    def to_wire(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"code": self.code, "sentence": self.sentence}


@dataclass(frozen=True)
class Health:
    """What is known of a battery's capacity.

    Attributes:
        capacity: in Ah.
        health: in percent of the rated capacity.
        since_first: in percent of the first capacity that is still on record, whatever it had when new.
        energy: usable energy in kWh when full, discharged at the rate of the sessions.
        bms_reported: the BMS's own figure, percent; None where it says none.
        bms_as_of: when it said so; None where its rows have no time.
        findings: disagreements, steps, placeholders.
        informative: sessions that told a capacity, by class.
        refused: sessions that did not, by code.
        why: the reason of the last refusal by code, for people.
    """

    capacity: Answer
    health: Answer
    since_first: Answer
    energy: Answer
    bms_reported: Decimal | None
    bms_as_of: datetime | None
    findings: tuple[Finding, ...]
    informative: dict[str, int]
    refused: dict[str, int]
    why: dict[str, str]

    @property
    def evidence(self) -> EvidenceClass | None:
        """Class of what the capacity rests on; None where there is no capacity."""
        return self.capacity.evidence_class if isinstance(self.capacity, Estimate) else None

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON (docs/formats/assess.md)."""
        capacity, health = self.capacity, self.health
        told = capacity if isinstance(capacity, Estimate) else None
        missing = next((one for one in (capacity, health) if isinstance(one, NotDeterminable)), None)
        return {
            "capacity_ah": _figure(capacity),
            "health_pct": _figure(health),
            "since_first_pct": _figure(self.since_first),
            "energy_kwh": _figure(self.energy),
            "level": 0.9,
            "method": told.method if told else None,
            "evidence_class": told.evidence_class.value if told else None,
            "calibrated": told.calibrated if told else False,
            "as_of": told.to_wire()["as_of"] if told else None,
            "stale": told.stale if told else None,
            "conditions": dict(told.conditions) if told else {},
            "counts": dict(told.counts) if told else {},
            "remarks": list(told.remarks) if told else [],
            "not_determinable": missing.to_wire() if missing is not None else None,
            "bms_reported_health": None if self.bms_reported is None else float(self.bms_reported),
            "sessions": {"informative": self.informative, "refused": self.refused, "why": self.why},
            "findings": [one.to_wire() for one in self.findings],
        }


def _figure(answer: Answer) -> dict[str, float] | None:
    """The three numbers; a float prints the digits of the decimal it came from."""
    if isinstance(answer, NotDeterminable):
        return None
    return {"value": float(answer.value), "low": float(answer.low), "high": float(answer.high)}


def health_of(
    sessions: Sequence[Session],
    basis: Basis,
    *,
    now: datetime,
    cycles: float | None = None,
    model: WindowModel | None = None,
    calibration: Calibration | None = None,
    bms_reported: Decimal | None = None,
    bms_as_of: datetime | None = None,
    bms_doubts: Sequence[str] = (),
    bms_rows: int = 0,
) -> Health:
    """Capacity and health as of `now`.

    Args:
        sessions: newest ones, in order.
        basis: declared facts.
        now: aware.
        cycles: equivalent full cycles by now; None where they are not known.
        model: windows learned for this battery's model.
        calibration: of this battery's operator.
        bms_reported: what the BMS calls its health, percent.
        bms_as_of: when it said so.
        bms_doubts: codes of doubts about it.
        bms_rows: in how many rows on end it said just that.
    """
    told = classify_all(sessions, basis, model)
    rated = basis.rated_mah / 1000 if basis.rated_mah else None
    fused = fusion.fuse(told, rated)
    capacity: Answer = _nothing(sessions, told, basis)
    health: Answer = capacity
    since_first: Answer = capacity
    energy: Answer = capacity
    if fused is not None:
        sure = _Sure(fused, basis, now, cycles, calibration)
        capacity = sure.estimate(
            fused.capacity * fused.unit / 100, sure.half * fused.unit / 100, Unit.AMPERE_HOUR, 3
        )
        health, since_first = _shares(fused, sure, rated)
        energy = _energy(fused, sure)
    return Health(
        capacity,
        health,
        since_first,
        energy,
        bms_reported,
        bms_as_of,
        _findings(fused, health, bms_reported, bms_doubts, bms_rows),
        dict(sorted(Counter(one.evidence.value for one in told if isinstance(one, Measurement)).items())),
        dict(sorted(Counter(one.code for one in told if isinstance(one, Refusal)).items())),
        {one.code: one.reason for one in told if isinstance(one, Refusal)},
    )


def _nothing(
    sessions: Sequence[Session], told: Sequence[Measurement | Refusal], basis: Basis
) -> NotDeterminable:
    if not basis.rated_mah:
        return NotDeterminable(
            "no_rated_capacity",
            "No rated capacity is declared, so no charge and no discharge can be told from idling.",
            "Declare `rated_capacity`.",
        )
    if not sessions:
        return NotDeterminable("no_session", "No charge and no discharge was recorded.", _CHARGE_FULL)
    last = [one.reason for one in told if isinstance(one, Refusal)][-1:]
    reason = f"None of {len(sessions)} sessions tells the capacity."
    if last:
        reason = f"{reason} The last: {last[0]}"
    return NotDeterminable("no_informative_session", reason, _CHARGE_FULL)


class _Sure:
    """How sure the fused capacity is as of a moment."""

    def __init__(
        self,
        fused: fusion.Fused,
        basis: Basis,
        now: datetime,
        cycles: float | None,
        calibration: Calibration | None,
    ) -> None:
        newest = fused.newest
        self.fused = fused
        self.as_of = _EPOCH + timedelta(seconds=newest.ended_s) if newest.absolute else None
        days = max(0.0, (now - self.as_of) / timedelta(days=1)) if self.as_of is not None else 0.0
        since = max(0.0, cycles - newest.cycles) if cycles is not None else 0.0
        # The session itself is not time gone by since.
        since = max(0.0, since - 1.0)
        self.stale = days > STALE_DAYS or since > STALE_CYCLES
        sd = fusion.aged(fused, days=days, cycles=since)
        quantile = None
        if calibration is not None:
            quantile = calibration.quantile(basis.chemistry, fused.best.value)
        self.calibrated = quantile is not None
        # Points of the rated capacity to each side.
        self.half = hypot(_NORMAL_90 * sd, PRIOR_POINTS) if quantile is None else quantile * sd
        self.remarks = list(newest.remarks)
        if quantile is None:
            self.remarks.append("Not calibrated: references of fewer than nine batteries of this kind.")
        if self.as_of is None:
            self.remarks.append("The recording has no calendar: its age is not known.")
        if fused.cold:
            self.remarks.append("Every session was cold: this is the capacity at that temperature.")

    def estimate(self, value: float, half: float, unit: Unit, places: int) -> Estimate:
        """A figure with this sureness."""
        fused, newest = self.fused, self.fused.newest
        middle, low, high = rounded(value, max(0.0, value - half), value + half, places=places)
        conditions = {
            "direction": "charge" if newest.direction > 0 else "discharge",
            "current_per_rated": f"{newest.rate:.2f}",
        }
        if fused.temperature is not None:
            conditions["temperature_celsius"] = f"{fused.temperature:.1f}"
        alone = fused.accepted == 1
        return Estimate(
            middle,
            low,
            high,
            unit,
            newest.method if alone else f"{fusion.METHOD}({newest.method})",
            fused.best,
            calibrated=self.calibrated,
            as_of=self.as_of,
            stale=self.stale,
            conditions=conditions,
            counts={"sessions": fused.accepted, "put_aside": fused.put_aside},
            remarks=tuple(self.remarks),
        )


def _shares(fused: fusion.Fused, sure: _Sure, rated: float | None) -> tuple[Answer, Answer]:
    """Health against the rating, and against the first capacity on record."""
    if fused.cold:
        cold = NotDeterminable(
            "cold_only",
            "Every informative session was below 15 °C: cold and ageing cannot be told apart.",
            "A complete charge or discharge between 15 and 35 °C.",
        )
        return cold, cold
    first: Answer = NotDeterminable(
        "one_session", "There is no earlier capacity to compare with.", "A later complete session."
    )
    if fused.accepted > 1:
        share = 100 * fused.capacity / fused.first
        half = hypot(sure.half, 1.645 * fused.newest.noise) * 100 / fused.first
        first = sure.estimate(share, half, Unit.PERCENT, 2)
    if rated is None:
        return (
            NotDeterminable(
                "no_rated_capacity", "No rated capacity is declared.", "Declare `rated_capacity`."
            ),
            first,
        )
    return sure.estimate(fused.capacity, sure.half, Unit.PERCENT, 2), first


def _energy(fused: fusion.Fused, sure: _Sure) -> Answer:
    """Capacity times the mean voltage of the newest session; of a charge less its losses."""
    newest = fused.newest
    if newest.volts is None:
        return NotDeterminable("no_voltage", "Voltage was not read all along the newest session.")
    share, doubt = (1.0, 0.0) if newest.direction < 0 else (_OUT_OF_CHARGE, _OUT_OF_CHARGE_POINTS)
    value = fused.capacity * fused.unit / 100 * newest.volts * share / 1000
    half = value * hypot(sure.half / fused.capacity, doubt / 100) if fused.capacity else value
    return sure.estimate(value, half, Unit.KILOWATT_HOUR, 4)


def _findings(
    fused: fusion.Fused | None, health: Answer, said: Decimal | None, doubts: Sequence[str], rows: int
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if fused is not None and fused.stepped:
        found.append(
            Finding("capacity_step", "Three measurements in a row left the trend: the capacity made a step.")
        )
    if said is not None and (fixed := sorted(_FIXED_WORDS.intersection(doubts))):
        found.append(
            Finding("bms_health_placeholder", f"The BMS says {said} % and does not measure it ({fixed[0]}).")
        )
    elif said in PLACEHOLDERS and rows >= PLACEHOLDER_ROWS:
        found.append(
            Finding(
                "bms_health_placeholder",
                f"The BMS says {said} % in {rows} readings on end: a placeholder, until it moves.",
            )
        )
    if said is not None and isinstance(health, Estimate):
        apart = said - health.value
        if abs(apart) > DISAGREEMENT_POINTS:
            found.append(
                Finding(
                    "bms_health_disagrees",
                    f"The BMS says {said} %, the sessions say {health.value} %: {apart:+} points apart.",
                )
            )
    return tuple(found)
