"""What a used battery can be used for, and what each use asks of it.

No public standard states floors for a second use. Each is compared with the pessimistic end of an interval.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, unique
from typing import Any, Final

from passport.estimates.life import Duty
from passport.judgement.second_life.condition import Condition, Interval

SOURCE: Final = "engineering default after published second-use studies"


@dataclass(frozen=True)
class Use:
    """One use.

    Attributes:
        id: stable name.
        title: in words.
        health_floor: lowest health, percent of rated capacity.
        resistance_growth: highest growth of resistance, percent; None where it does not matter.
        rate_needed: current it draws, by rated capacity and hour.
        efficiency_floor: lowest round-trip efficiency, percent; None where it does not matter.
        years_needed: how long it has to last at the least.
        duty: what a battery is put to in it.
        end: share of rated capacity at which it has served, 0 to 1.
        same_again: the battery stays what it was; the new product that competes is one of its own chemistry,
            otherwise it is a stationary pack, whatever the used one is made of.
    """

    id: str
    title: str
    health_floor: Decimal
    resistance_growth: Decimal | None
    rate_needed: Decimal
    efficiency_floor: Decimal | None
    years_needed: Decimal
    duty: Duty
    end: float
    same_again: bool = False


USES: Final = (
    Use(
        id="same_vehicle",
        title="spare part of the same vehicle",
        health_floor=Decimal(80),
        resistance_growth=Decimal(40),
        rate_needed=Decimal(2),
        efficiency_floor=Decimal(92),
        years_needed=Decimal(5),
        duty=Duty(cycles_per_day=0.15, depth=0.8, mean_charge=0.6, celsius=22, rate=0.5),
        end=0.7,
        same_again=True,
    ),
    Use(
        id="light_transport",
        title="light means of transport",
        health_floor=Decimal(75),
        resistance_growth=Decimal(60),
        rate_needed=Decimal(1),
        efficiency_floor=Decimal(90),
        years_needed=Decimal(3),
        duty=Duty(cycles_per_day=0.3, depth=0.8, mean_charge=0.6, celsius=22, rate=0.5),
        end=0.6,
    ),
    Use(
        id="grid_buffer",
        title="fast-charging buffer or frequency response",
        health_floor=Decimal(70),
        resistance_growth=Decimal(60),
        rate_needed=Decimal(1),
        efficiency_floor=Decimal(90),
        years_needed=Decimal(5),
        duty=Duty(cycles_per_day=1, depth=0.8, mean_charge=0.5, celsius=25, rate=1),
        end=0.6,
    ),
    Use(
        id="peak_shaving",
        title="peak shaving in trade and industry",
        health_floor=Decimal(70),
        resistance_growth=Decimal(100),
        rate_needed=Decimal("0.5"),
        efficiency_floor=Decimal(88),
        years_needed=Decimal(6),
        duty=Duty(cycles_per_day=0.7, depth=0.8, mean_charge=0.5, celsius=25, rate=0.5),
        end=0.6,
    ),
    Use(
        id="home_storage",
        title="home storage of solar power",
        health_floor=Decimal(70),
        resistance_growth=Decimal(100),
        rate_needed=Decimal("0.3"),
        efficiency_floor=Decimal(86),
        years_needed=Decimal(8),
        duty=Duty(cycles_per_day=0.7, depth=0.8, mean_charge=0.5, celsius=25, rate=0.3),
        end=0.6,
    ),
    Use(
        id="backup",
        title="telecom and UPS backup",
        health_floor=Decimal(60),
        resistance_growth=Decimal(100),
        rate_needed=Decimal("0.5"),
        efficiency_floor=None,
        years_needed=Decimal(6),
        duty=Duty(cycles_per_day=0.01, depth=0.8, mean_charge=0.9, celsius=25, rate=0.5),
        end=0.5,
    ),
    Use(
        id="off_grid",
        title="low power, off grid, lighting",
        health_floor=Decimal(50),
        resistance_growth=Decimal(150),
        rate_needed=Decimal("0.1"),
        efficiency_floor=None,
        years_needed=Decimal(3),
        duty=Duty(cycles_per_day=0.5, depth=0.8, mean_charge=0.6, celsius=25, rate=0.1),
        end=0.4,
    ),
)


@unique
class Fit(StrEnum):
    """Whether a battery can serve a use, as far as is known."""

    FIT = "fit"
    NOT_KNOWN = "not_known"
    NOT_FIT = "not_fit"


@dataclass(frozen=True)
class Floor:
    """One thing that uses ask for.

    Attributes:
        name: stable name.
        title: in words.
        unit: of its figures, as read by people.
        measured: which measurement tells it.
        ceiling: True where the figure must not be higher; otherwise it must not be lower.
    """

    name: str
    title: str
    unit: str
    measured: str
    ceiling: bool = False


@dataclass(frozen=True)
class Constraint:
    """What a use asks for, and what is known about it.

    Attributes:
        floor: which.
        needed: its figure.
        known: what is known; None when nothing is.
        fit: whether it holds at the pessimistic end of the interval. A floor that lies inside of the interval
            does not hold, and a better measurement may show that it does.
    """

    floor: Floor
    needed: Decimal
    known: Interval | None
    fit: Fit

    @property
    def name(self) -> str:
        """Stable name of what is asked for."""
        return self.floor.name

    @property
    def sentence(self) -> str:
        """Both figures in words."""
        one, needed = self.floor, _said(self.needed, self.floor.unit)
        if self.known is None:
            wanted = f"at most {needed} allowed" if one.ceiling else f"{needed} needed"
            return f"{one.title} is not known; {wanted}"
        worst = _said(self.known.high if one.ceiling else self.known.low, one.unit)
        if one.ceiling:
            words = "of at most" if self.fit is Fit.FIT else "may be as high as"
            return f"{one.title} {words} {worst}, {needed} allowed"
        words = "of at least" if self.fit is Fit.FIT else "may be as low as"
        return f"{one.title} {words} {worst}, {needed} needed"

    @property
    def counterfactual(self) -> str:
        """What measurement would change the answer; empty when none can."""
        one, known = self.floor, self.known
        if known is None:
            return f"{one.measured} would tell"
        reachable = known.low <= self.needed if one.ceiling else known.high >= self.needed
        if self.fit is Fit.FIT or not reachable:
            return ""
        ends = f"{_said(known.low, one.unit)} to {_said(known.high, one.unit)}"
        return f"{one.measured} would narrow {ends}, and may admit it"


@dataclass(frozen=True)
class Match:
    """One use, and whether the battery can serve it.

    Attributes:
        binding: the constraint that decides: the first that does not hold, else the first that is not known;
            None when all hold.
        constraints: all that the use has.
    """

    use: Use
    fit: Fit
    binding: Constraint | None
    constraints: tuple[Constraint, ...]

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "use": self.use.id,
            "title": self.use.title,
            "fit": self.fit.value,
            "binding": self.binding.sentence if self.binding is not None else None,
            "counterfactual": self.binding.counterfactual if self.binding is not None else None,
            "constraints": [
                {"name": one.name, "fit": one.fit.value, "sentence": one.sentence} for one in self.constraints
            ],
        }


def match(condition: Condition) -> tuple[Match, ...]:
    """Every use, with what decides about it."""
    return tuple(_match(use, tuple(_constraints(use, condition))) for use in USES)


def _match(use: Use, constraints: tuple[Constraint, ...]) -> Match:
    for answer in (Fit.NOT_FIT, Fit.NOT_KNOWN):
        for one in constraints:
            if one.fit is answer:
                return Match(use, answer, one, constraints)
    return Match(use, Fit.FIT, None, constraints)


_HEALTH: Final = Floor(
    "health", "health", "%", "a slow charge from below 10 % to full, or a complete discharge from full,"
)
_YEARS: Final = Floor(
    "years", "remaining life in this use", "a", "a longer history, or a fleet of the same model,"
)
_RESISTANCE: Final = Floor(
    "resistance",
    "growth of resistance",
    "%",
    "rows at least every two seconds while the current steps",
    ceiling=True,
)
_EFFICIENCY: Final = Floor(
    "efficiency", "round-trip efficiency", "%", "a discharge and charge from full to full"
)
_RATE: Final = Floor(
    "rate",
    "current it can give, by rated capacity and hour",
    "1/h",
    "a declared limit of current or power",
)


def _constraints(use: Use, condition: Condition) -> Iterator[Constraint]:
    yield _asked(_HEALTH, use.health_floor, condition.health)
    yield _asked(_YEARS, use.years_needed, condition.years.get(use.id))
    if use.resistance_growth is not None:
        yield _asked(_RESISTANCE, use.resistance_growth, condition.resistance_growth)
    if use.efficiency_floor is not None:
        yield _asked(_EFFICIENCY, use.efficiency_floor, condition.efficiency)
    available = condition.rate_available
    known = None if available is None else Interval(available, available, available)
    yield _asked(_RATE, use.rate_needed, known)


def _asked(floor: Floor, needed: Decimal, known: Interval | None) -> Constraint:
    if known is None:
        fit = Fit.NOT_KNOWN
    elif floor.ceiling:
        fit = Fit.FIT if known.high <= needed else Fit.NOT_FIT
    else:
        fit = Fit.FIT if known.low >= needed else Fit.NOT_FIT
    return Constraint(floor, needed, known, fit)


def _said(figure: Decimal, unit: str) -> str:
    return f"{format(figure.normalize() + 0, 'f')} {unit}"
