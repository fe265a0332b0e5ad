"""What one operator's batteries teach: windows by model, and how far estimates lie from references.

A reference is a laboratory's or inspector's capacity, or, for windows, a complete session of a battery that
was left out when the window was learned. Batteries of another operator are never in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from passport.estimates import fusion, windows
from passport.estimates.capacity import CHARGING, Measurement, classify_all
from passport.estimates.conformal import Calibration, Score, calibrate
from passport.estimates.estimate import EvidenceClass
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import Session

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOON: Final = timedelta(days=1)


@dataclass(frozen=True)
class Member:
    """A battery of the fleet.

    Attributes:
        battery: id.
        model: id of its model; None where it has none.
        basis: declared facts.
        sessions: the kept ones, in order.
    """

    battery: str
    model: str | None
    basis: Basis
    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Reference:
    """A capacity that was measured otherwise.

    Attributes:
        battery: id.
        capacity: Ah.
        at: when; None where it belongs to the newest sessions.
    """

    battery: str
    capacity: float
    at: datetime | None


@dataclass(frozen=True)
class Learned:
    """What came of it.

    Attributes:
        models: windows by model id; of models with enough batteries only.
        calibration: quantiles by chemistry and session class.
    """

    models: dict[str, windows.WindowModel]
    calibration: Calibration


def learn(fleet: Sequence[Member], references: Sequence[Reference], owner: str) -> Learned:
    """Windows and calibration of one operator's fleet."""
    ordered = sorted(fleet, key=lambda one: one.battery)
    models: dict[str, windows.WindowModel] = {}
    scores: list[Score] = []
    left_out: dict[str, windows.WindowModel] = {}
    for model in sorted({one.model for one in ordered if one.model is not None}):
        members = [one for one in ordered if one.model == model]
        examples = {one.battery: _examples(one) for one in members}
        rated = next((one.basis.rated_mah for one in members if one.basis.rated_mah), None)
        if rated is None or sum(bool(some) for some in examples.values()) < windows.LEAST_BATTERIES:
            continue
        everything = [example for some in examples.values() for example in some]
        models[model] = windows.learn(everything, rated / 1000, owner=owner, of=model)
        for one in members:
            others = [example for name, some in examples.items() if name != one.battery for example in some]
            left_out[one.battery] = windows.learn(others, rated / 1000, owner=owner, of=model)
            scores += _of_windows(one, examples[one.battery], left_out[one.battery])
    by_battery = {one.battery: one for one in ordered}
    for reference in references:
        member = by_battery.get(reference.battery)
        if member is not None:
            scores += _of_reference(member, reference, left_out.get(member.battery))
    return Learned(models, calibrate(scores, owner))


def _examples(member: Member) -> list[windows.Example]:
    """Charges that are complete: they carry both the windows and the capacity."""
    if not member.basis.rated_mah:
        return []
    found: list[windows.Example] = []
    for session, told in zip(member.sessions, classify_all(member.sessions, member.basis), strict=True):
        if session.direction != CHARGING or not session.windows or not isinstance(told, Measurement):
            continue
        if told.evidence is EvidenceClass.A and not told.cold:
            share = told.capacity / (member.basis.rated_mah / 1000)
            found.append(windows.Example(member.battery, session, share))
    return found


def _of_windows(
    member: Member, examples: Sequence[windows.Example], model: windows.WindowModel
) -> list[Score]:
    rated = (member.basis.rated_mah or 0) / 1000
    found: list[Score] = []
    for example in examples:
        told = model.capacity_of(example.session, rated)
        if told is not None:
            off = 100 * abs(told[0] / rated - example.capacity)
            found.append(Score(member.battery, member.basis.chemistry, EvidenceClass.B.value, off / told[1]))
    return found


def _of_reference(member: Member, reference: Reference, model: windows.WindowModel | None) -> list[Score]:
    sessions = [one for one in member.sessions if _before(one, reference.at)]
    rated = member.basis.rated_mah / 1000 if member.basis.rated_mah else None
    fused = fusion.fuse(classify_all(sessions, member.basis, model), rated)
    if fused is None or fused.cold:
        return []
    days = 0.0
    if reference.at is not None and fused.newest.absolute:
        ended = _EPOCH + timedelta(seconds=fused.newest.ended_s)
        days = max(0.0, (reference.at - ended) / timedelta(days=1))
    off = abs(fused.capacity - 100 * reference.capacity / fused.unit)
    sd = fusion.aged(fused, days=days, cycles=0.0)
    return [Score(member.battery, member.basis.chemistry, fused.best.value, off / sd)]


def _before(session: Session, at: datetime | None) -> bool:
    """Whether it had ended by then; a session without calendar belongs to references without time."""
    if at is None:
        return True
    ended = _EPOCH + timedelta(seconds=session.start_s + session.duration_s)
    return session.absolute and ended <= at + _SOON
