"""What one session says of the capacity: a measurement of class A, B or C, or the reason why it says nothing.

Most sessions say nothing. Class A is a complete discharge or charge: its beginning and its end are both known
from the cell itself. Class B is a charge through a voltage window that was learned for this model
(`windows`). Class C lies between two rested voltages, both in the steep ends, or is complete from a start
that may mean several percent. Everything else is refused (class D): it tells of use, not of capacity.

A state of charge that the BMS counted is never looked at: counted with the rated capacity it gives the rated
capacity for ever.

The capacity is that of the session's own temperature and current. Doubt is kept in two parts, both standard
deviations in percent of the rated capacity: `noise` differs from session to session and shrinks as they come,
`bias` does not.

Source: engineering defaults throughout; the steep ends are cited in `ocv`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Final

from passport.estimates import windows
from passport.estimates.estimate import EvidenceClass
from passport.estimates.ocv import Ends, ends_of
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import PER_AMPERE_HOUR, Session

CLASS_A: Final = "cap.classA.v1"
CLASS_C: Final = "cap.classC.v1"

CHARGING: Final = 1
DISCHARGING: Final = -1

_NOISE: Final = 1.0  # of a complete session, about what lab and simulation give
_NOISE_C: Final = 3.0
_UNREAD_TEMPERATURE: Final = 1.5
_COLDEST: Final = 150  # tenths of a degree: between these the capacity counts as that of the rating
_HOTTEST: Final = 350
_COOL: Final = 200
_LONGEST_STEP_S: Final = 60
_MOST_IN_A_STEP: Final = 0.034  # of the rated capacity: two minutes at the rated current; half of it is noise
_MOST_UNSURE: Final = 6.0  # percent that may be missing at an end without a refusal
_MOST_SPLIT: Final = 3.2  # percent to either side of what such a rest means, where it may be more than ten
_SHORTEST_REST_S: Final = 600
_SURE_CORRECTION: Final = 1.3  # standard deviation of what a rest says was left, for class A
_SURE_ENDS: Final = 2.5  # of what may be missing at both ends, for class A
_MOST_RESTED_START: Final = 10.0
_MOST_AT_TOP: Final = 10.0
_FASTEST: Final = 6.0  # times the rated capacity in an hour
_FAST: Final = 1.1  # beyond which the capacity is less than at the rating
_LEAST_DROP_MV: Final = 30.0  # by which a cell's voltage moves at the rated current, at the very least
_SMALL: Final = 0.1  # of the rated current
_HELD_MV: Final = 50
_TAPERED: Final = 0.15  # of the rated current, at most, when a charge is over
_POINTS_PER_RATE: Final = 16.0  # percent left out by a charge that ends at the rated current (0.15 V by 9 mV)
_END_TOLERANCE_MV: Final = 100  # how far above the cut-off a last row may lie between two samples
_SAME_MV: Final = 15
_LEAST_SHARE: Final = 10.0
_MOST_SHARE: Final = 130.0
_UNEQUAL: Final = frozenset({"Pb", "Ni-MH", "Ni-Cd"})  # charge put in is not charge that can be taken out


@dataclass(frozen=True)
class Measurement:
    """A capacity that a session tells.

    Attributes:
        evidence: class.
        method: id.
        capacity: Ah, of the whole battery.
        noise, bias: standard deviations, percent of the rated capacity (of this one where none is declared).
        temperature: mean, degrees; None where none was read.
        rate: mean current by the rated capacity, 1/h.
        direction: 1 charging, -1 discharging.
        ended_s, absolute: its last row, and whether that is a moment.
        cycles: equivalent full cycles before it.
        volts: mean voltage of the battery over the session, by energy and charge; None where not read.
        span: (SoC change, its standard deviation, charge in Ah), for class C.
        remarks: what widened it.
    """

    evidence: EvidenceClass
    method: str
    capacity: float
    noise: float
    bias: float
    temperature: float | None
    rate: float
    direction: int
    ended_s: int
    absolute: bool
    cycles: float
    volts: float | None = None
    span: tuple[float, float, float] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def cold(self) -> bool:
        """Whether it was measured below 15 degrees: its loss is not ageing."""
        return self.temperature is not None and self.temperature * 10 < _COLDEST

    @property
    def sd(self) -> float:
        """Of this session alone, percent."""
        return hypot(self.noise, self.bias)


@dataclass(frozen=True)
class Refusal:
    """Why a session carries no capacity.

    Attributes:
        code: stable word.
        reason: a sentence.
    """

    code: str
    reason: str


@dataclass(frozen=True)
class _End:
    """How sure a beginning or an end is: percent that may be missing, and what is known to be."""

    most: float
    known: float = 0.0
    sd: float = 0.0
    overrun: float = 0.0  # Ah beyond the cut-off that a charge first refills


def classify_all(
    sessions: Sequence[Session], basis: Basis, model: windows.WindowModel | None = None
) -> list[Measurement | Refusal]:
    """What each of a battery's sessions says, in their order."""
    return [
        classify(session, basis, before=sessions[number - 1] if number else None, model=model)
        for number, session in enumerate(sessions)
    ]


def classify(
    session: Session,
    basis: Basis,
    *,
    before: Session | None = None,
    model: windows.WindowModel | None = None,
) -> Measurement | Refusal:
    """What one session says.

    Args:
        session: the session.
        basis: declared facts.
        before: the session before it, of the same battery.
        model: windows learned for the battery's model; None where there are none.
    """
    complete = _complete(session, basis, before)
    if isinstance(complete, Measurement):
        return complete
    if model is not None and (told := _by_window(session, basis, model)) is not None:
        return told
    if (told := _between_rests(session, basis)) is not None:
        return told
    return complete


# ---------------------------------------------------------------------------------------- class A


def _complete(session: Session, basis: Basis, before: Session | None) -> Measurement | Refusal:
    ends = ends_of(basis)
    charge = _amp_hours(session)
    rated = _rated(basis, charge)
    if (refused := _unusable(session, basis, charge)) is not None:
        return refused
    if session.direction == CHARGING:
        if basis.chemistry in _UNEQUAL:
            return Refusal(
                "charge_of_chemistry", "What goes into a battery of this chemistry does not all come out."
            )
        begin = _empty_start(session, basis, ends, before, rated)
        end = _full_end(session, basis, ends, rated)
    else:
        begin = _full_start(session, basis, ends, before, rated)
        end = _empty_end(session, basis, ends)
    for one in (begin, end):
        if isinstance(one, Refusal):
            return one
    assert isinstance(begin, _End)
    assert isinstance(end, _End)
    capacity = (charge - begin.overrun) / (1 - (begin.known + end.known) / 100)
    share = 100 * capacity / rated
    if not _LEAST_SHARE <= share <= _MOST_SHARE:
        return Refusal("out_of_proportion", f"It moved {share:.0f} % of the rated capacity.")
    ends_sd = hypot(begin.sd, end.sd)
    noise = _root(_NOISE, ends_sd, _gap_noise(session, rated), _sag_noise(session, rated))
    if ends_sd > _SURE_ENDS or (begin.known and begin.sd > _SURE_CORRECTION):
        # Complete as far as is known, but a rest in the steep end that may mean several percent is class C.
        return _measured(session, basis, EvidenceClass.C, CLASS_C, capacity, noise)
    return _measured(session, basis, EvidenceClass.A, CLASS_A, capacity, noise)


def _unusable(session: Session, basis: Basis, charge: float) -> Refusal | None:
    """What spoils a session of any class."""
    if charge <= 0:
        return Refusal("no_charge", "No charge was moved in its direction.")
    rated = _rated(basis, charge)
    step = session.longest_step_s
    if step > _LONGEST_STEP_S and step * session.mean_ma / 3.6e6 > _MOST_IN_A_STEP * rated:
        return Refusal("gap", f"For {step} s nothing was recorded.")
    if session.mean_ma / 1000 > _FASTEST * rated:
        return Refusal("too_fast", "The current was too high to compare with the rated capacity.")
    return None


def _full_start(
    session: Session, basis: Basis, ends: Ends | None, before: Session | None, rated: float
) -> _End | Refusal:
    """How far below full a discharge began."""
    found: list[_End] = []
    if before is not None and before.direction == CHARGING and _follows(session, before):
        charged = _full_end(before, basis, ends, rated)
        if isinstance(charged, _End):
            found.append(charged)
    maximum = basis.cell_maximum_mv
    if maximum is not None and ends is not None:
        if session.rest_before_mv is not None:
            # The highest cell ends the charge, so what is missing to full is what it misses.
            missing = ends.missing_at_high_end(session.rest_before_mv + _apart(session), maximum)
            if missing is not None:
                least, most = missing
                found.append(_End(most, known=least, sd=(most - least) / 2))
        if session.first_mv is not None:
            # At rest it would stand higher, at least by the drop that the best of cells has.
            first_ma = session.mean_ma if session.mean_ma > 0 else session.last_ma
            drop = _LEAST_DROP_MV * first_ma / 1000 / rated
            missing = ends.missing_at_high_end(session.first_mv + drop, maximum)
            if missing is not None:
                found.append(_End(missing[1], sd=missing[1] / 2))
    return _surest(found, "not_from_full", "Nothing shows that it began full.")


def _empty_end(session: Session, basis: Basis, ends: Ends | None) -> _End | Refusal:
    """How far above the cut-off a discharge ended."""
    if session.charge_to_limit is not None:
        return _End(0.0)
    minimum = basis.cell_minimum_mv
    if minimum is None or session.last_mv is None:
        return Refusal("no_cut_off", "No minimum voltage is declared, or no voltage was read.")
    above = session.last_mv - minimum
    if above <= _END_TOLERANCE_MV:
        return _End(1.0, sd=0.6)
    if ends is not None and session.last_mv <= ends.drained_mv and above <= 3 * _END_TOLERANCE_MV:
        return _End(1.0, sd=0.6)
    return Refusal("not_to_cut_off", f"It ended {above} mV a cell above the declared minimum voltage.")


def _empty_start(
    session: Session, basis: Basis, ends: Ends | None, before: Session | None, rated: float
) -> _End | Refusal:
    """How far above empty a charge began."""
    found: list[_End] = []
    if (
        before is not None
        and before.direction == DISCHARGING
        and (_follows(session, before) or _left_as(session, before, ends))
    ):
        drained = _empty_end(before, basis, ends)
        sag = before.last_ma > 1.5 * before.mean_ma and before.last_ma / 1000 > rated / 2
        if isinstance(drained, _End) and not sag and before.mean_ma / 1000 <= _FASTEST * rated:
            past = before.charge - before.charge_to_limit if before.charge_to_limit is not None else 0
            found.append(replace(drained, overrun=past / PER_AMPERE_HOUR))
    if ends is not None:
        if session.rest_before_mv is not None:
            # The lowest cell ends the discharge, so what is left is what it holds.
            bounds = ends.soc_at_low_end(session.rest_before_mv - _apart(session), basis.cell_minimum_mv)
            if bounds is not None:
                found.append(_rested_start(session, ends, *bounds))
        if session.first_mv is not None:
            drop = round(_LEAST_DROP_MV * session.mean_ma / 1000 / rated)
            bounds = ends.soc_at_low_end(session.first_mv - drop, basis.cell_minimum_mv)
            if bounds is not None:
                # Not corrected: a battery discharged to its cut-off is empty and yet rests above it.
                found.append(_End(bounds[1], sd=bounds[1] / 2))
    return _surest(found, "not_from_empty", "Nothing shows that it began empty.")


def _apart(session: Session) -> int:
    """How far the outermost cells rested from their middle before it, mV."""
    return (session.spread_mv or 0) // 2


def _rested_start(session: Session, ends: Ends, least: float, most: float) -> _End:
    middle = (least + most) / 2
    # What may be missing after the correction, so that a start of up to ten percent can still be taken.
    unsure = (most - least) / 2
    if session.rest_before_s < _rest_needed(session, ends):
        if session.rest_before_s < _SHORTEST_REST_S:
            # Still rising: the voltage says at most that it is not far from empty.
            return _End(most, sd=most / 2)
        # Nearly at rest: between a cell that its load drained and one that holds what its voltage says.
        return _End(most - middle / 2, known=middle / 2, sd=hypot(unsure, middle / 4))
    if middle > _MOST_RESTED_START or (most > _MOST_RESTED_START and unsure > _MOST_SPLIT):
        return _End(most)
    return _End(unsure, known=middle, sd=unsure)


def _full_end(session: Session, basis: Basis, ends: Ends | None, rated: float) -> _End | Refusal:
    """How much a charge left out at its end."""
    maximum = basis.cell_maximum_mv
    if maximum is None or session.last_mv is None:
        return Refusal("no_maximum", "No maximum voltage is declared, or no voltage was read.")
    rate = session.last_ma / 1000 / rated
    below = max(0, maximum - session.last_mv)
    low = Refusal("not_to_full", f"It ended {below} mV a cell below the maximum voltage.")
    if ends is not None and not ends.tapers:
        if below <= ends.sure_end_mv:
            return _End(1.0, sd=0.6 * max(rate, 0.5))
        # A small current that still holds the cell above its plateau has nothing left to charge.
        held = rate <= _SMALL and session.last_mv >= ends.full_mv + _HELD_MV
        return _End(2.0, sd=1.0) if held else low
    # A charger may hold a little below the declared maximum; how far below, tells how much is missing.
    short = below / ends.full_mv_per_point if ends is not None and ends.full_mv_per_point else 0.0
    if below > (3 * ends.sure_end_mv if ends is not None else 0):
        return low
    if rate > _TAPERED:
        return Refusal(
            "not_tapered", f"It ended at {rate:.2f} of the rated current: the rest was not charged."
        )
    most = _POINTS_PER_RATE * rate + short
    return _End(most, sd=most / 2)


def _surest(found: list[_End], code: str, reason: str) -> _End | Refusal:
    good = [one for one in found if one.most <= _MOST_UNSURE]
    return min(good, key=lambda one: (one.most, one.sd)) if good else Refusal(code, reason)


def _follows(session: Session, before: Session) -> bool:
    """Whether nothing can have happened in between."""
    between = session.start_s - (before.start_s + before.duration_s)
    return (
        session.absolute == before.absolute and -1 <= between <= session.rest_before_s + 2 * _LONGEST_STEP_S
    )


def _left_as(session: Session, before: Session, ends: Ends | None) -> bool:
    """Whether it rests at the voltage at which the session before left it, where the curve is steep.

    So it is still as charged as then, whatever the clock says: test time may begin anew with each step.
    """
    then, now = before.rest_after_mv, session.rest_before_mv
    if ends is None or then is None or now is None or abs(now - then) > _SAME_MV:
        return False
    return ends.full_mv_per_point is not None or now <= ends.empty[-1][0]


# ---------------------------------------------------------------------------------------- class B


def _by_window(session: Session, basis: Basis, model: windows.WindowModel) -> Measurement | None:
    charge = _amp_hours(session)
    if session.direction != CHARGING or _unusable(session, basis, charge) is not None:
        return None
    told = model.capacity_of(session, _rated(basis, charge))
    if told is None:
        return None
    capacity, sd = told
    return _measured(session, basis, EvidenceClass.B, model.method, capacity, sd)


# ---------------------------------------------------------------------------------------- class C


def _between_rests(session: Session, basis: Basis) -> Measurement | None:
    """A charge or discharge between two rested voltages in the steep ends."""
    ends, maximum = ends_of(basis), basis.cell_maximum_mv
    charge = _amp_hours(session)
    if ends is None or maximum is None or ends.full_mv_per_point is None:
        return None
    if basis.chemistry in _UNEQUAL or _unusable(session, basis, charge) is not None:
        return None
    needed = _rest_needed(session, ends)
    if session.rest_before_s < needed or session.rest_after_s < needed:
        return None
    low, high = session.rest_before_mv, session.rest_after_mv
    if session.direction == DISCHARGING:
        low, high = high, low
    if low is None or high is None:
        return None
    bottom, top = ends.soc_at_low_end(low, basis.cell_minimum_mv), ends.missing_at_high_end(high, maximum)
    if bottom is None or top is None or bottom[1] > _MOST_RESTED_START or top[1] > _MOST_AT_TOP:
        return None
    change = 1 - (sum(bottom) / 2 + sum(top) / 2) / 100
    sd = hypot((bottom[1] - bottom[0]) / 2, (top[1] - top[0]) / 2)
    capacity = charge / change
    rated = _rated(basis, charge)
    if not _LEAST_SHARE <= 100 * capacity / rated <= _MOST_SHARE:
        return None
    noise = _root(max(_NOISE_C, sd), _gap_noise(session, rated), _sag_noise(session, rated))
    told = _measured(session, basis, EvidenceClass.C, CLASS_C, capacity, noise)
    return replace(told, span=(change, max(sd, 1.0) / 100, charge))


# ---------------------------------------------------------------------------------------- common


def _measured(
    session: Session, basis: Basis, evidence: EvidenceClass, method: str, capacity: float, noise: float
) -> Measurement:
    rated = _rated(basis, capacity)
    remarks: list[str] = []
    degrees = session.mean_temperature
    if degrees is None:
        bias = _UNREAD_TEMPERATURE
        remarks.append("No temperature was read.")
    elif degrees > _HOTTEST:
        bias = (degrees - _HOTTEST) / 50
        remarks.append("Measured above 35 °C.")
    elif degrees < _COLDEST:
        bias = 2.0 + (_COLDEST - degrees) / 50
        remarks.append("Measured below 15 °C: this is the capacity in the cold.")
    else:
        bias = max(0.0, (_COOL - degrees) / 25)  # 0.4 percent by degree
    rate = session.mean_ma / 1000 / rated
    if rate > _FAST:
        bias = hypot(bias, 1.5 * (rate - _FAST))
        remarks.append(f"Measured at {rate:.1f} times the rated current: more would come out slowly.")
    return Measurement(
        evidence,
        method,
        capacity,
        noise,
        bias,
        None if degrees is None else degrees / 10,
        rate,
        session.direction,
        session.start_s + session.duration_s,
        session.absolute,
        session.cycles_before / 1000,
        volts=_volts(session),
        remarks=tuple(remarks),
    )


def _amp_hours(session: Session) -> float:
    """Charge that counts, Ah: a discharge ends at the cut-off, and what came back in between is taken off."""
    moved = session.charge
    if session.direction == DISCHARGING and session.charge_to_limit is not None:
        moved = session.charge_to_limit
    return (moved - session.opposite) / PER_AMPERE_HOUR


def _volts(session: Session) -> float | None:
    if session.energy is None or session.charge <= 0:
        return None
    return session.energy / 100 / (session.charge / PER_AMPERE_HOUR)


def _rated(basis: Basis, instead: float) -> float:
    """Rated capacity in Ah; where none is declared, the capacity itself measures doubt and current."""
    return basis.rated_mah / 1000 if basis.rated_mah else instead


def _rest_needed(session: Session, ends: Ends) -> int:
    cold = session.mean_temperature is not None and session.mean_temperature < 100
    return ends.rest_s * (2 if cold else 1)


def _gap_noise(session: Session, rated: float) -> float:
    """The longest step's charge is known to its half, where it is long at all."""
    if session.longest_step_s <= _LONGEST_STEP_S:
        return 0.0
    return 50 * session.longest_step_s * session.mean_ma / 3.6e6 / rated


def _sag_noise(session: Session, rated: float) -> float:
    """A current at the end far above the mean reaches the cut-off with charge left in the battery."""
    mean, last = session.mean_ma / 1000 / rated, session.last_ma / 1000 / rated
    return 4 * max(0.0, last - 1.5 * mean) if session.direction == DISCHARGING else 0.0


def _root(*parts: float) -> float:
    return hypot(*parts)
