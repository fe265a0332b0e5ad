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
class Constraint:
    """One floor of a use and what is known about it.

    Attributes:
        name: which.
        fit: whether it holds at the pessimistic end of the interval. A floor that lies inside of the interval
            does not hold, and a better measurement may show that it does.
        sentence: both figures in words.
        counterfactual: what measurement would change the answer; empty when none can.
    """

    name: str
    fit: Fit
    sentence: str
    counterfactual: str = ""


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


_SESSION: Final = "a slow charge from below 10 % to full, or a complete discharge from full,"


def _constraints(use: Use, condition: Condition) -> Iterator[Constraint]:
    yield _at_least("health", "health", condition.health, use.health_floor, "%", _SESSION)
    yield _at_least(
        "years",
        "remaining life in this use",
        condition.years.get(use.id),
        use.years_needed,
        "a",
        "a longer history, or a fleet of the same model,",
    )
    if use.resistance_growth is not None:
        yield _at_most(
            "resistance",
            "growth of resistance",
            condition.resistance_growth,
            use.resistance_growth,
            "%",
            "rows at least every two seconds while the current steps",
        )
    if use.efficiency_floor is not None:
        yield _at_least(
            "efficiency",
            "round-trip efficiency",
            condition.efficiency,
            use.efficiency_floor,
            "%",
            "a discharge and charge from full to full",
        )
    available = condition.rate_available
    yield _at_least(
        "rate",
        "current it can give, by rated capacity and hour",
        None if available is None else Interval(available, available, available),
        use.rate_needed,
        "1/h",
        "a declared limit of current or power",
    )


def _at_least(
    name: str, title: str, known: Interval | None, floor: Decimal, unit: str, measured: str
) -> Constraint:
    if known is None:
        return Constraint(
            name,
            Fit.NOT_KNOWN,
            f"{title} is not known; {_said(floor, unit)} needed",
            f"{measured} would tell",
        )
    if known.low >= floor:
        return Constraint(
            name, Fit.FIT, f"{title} of at least {_said(known.low, unit)}, {_said(floor, unit)} needed"
        )
    sentence = f"{title} may be as low as {_said(known.low, unit)}, {_said(floor, unit)} needed"
    return Constraint(name, Fit.NOT_FIT, sentence, _narrower(measured, known.high >= floor, known, unit))


def _at_most(
    name: str, title: str, known: Interval | None, ceiling: Decimal, unit: str, measured: str
) -> Constraint:
    if known is None:
        return Constraint(
            name,
            Fit.NOT_KNOWN,
            f"{title} is not known; at most {_said(ceiling, unit)} allowed",
            f"{measured} would tell",
        )
    if known.high <= ceiling:
        return Constraint(
            name, Fit.FIT, f"{title} of at most {_said(known.high, unit)}, {_said(ceiling, unit)} allowed"
        )
    sentence = f"{title} may be as high as {_said(known.high, unit)}, {_said(ceiling, unit)} allowed"
    return Constraint(name, Fit.NOT_FIT, sentence, _narrower(measured, known.low <= ceiling, known, unit))


def _narrower(measured: str, reachable: bool, known: Interval, unit: str) -> str:
    if not reachable:
        return ""
    return f"{measured} would narrow {_said(known.low, unit)} to {_said(known.high, unit)}, and may admit it"


def _said(figure: Decimal, unit: str) -> str:
    return f"{format(figure.normalize() + 0, 'f')} {unit}"
