"""What the folding must know of a battery beside its rows: ratings and limits, as declared.

They decide what counts as an event, where a session ends and how many cycles a charge is. Their digest opens
the chain of a state, so that a corrected rating folds the battery anew.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any, Final

_THOUSAND: Final = Decimal(1000)


@dataclass(frozen=True)
class Basis:
    """Declared facts in the state's units; None where a fact is not declared.

    Attributes:
        chemistry: word of the attribute `battery_chemistry`.
        category: word of the attribute `battery_category`.
        rated_mah: rated capacity.
        in_series: cells in series.
        minimum_mv, maximum_mv: of the whole battery.
        idle_coldest, idle_hottest: declared limits of temperature at rest (bounds of extreme temperature
            where those are declared), tenths of a degree.
        maximum_w: maximum permitted power.
        pack_uohm: initial internal resistance of the whole battery, micro-ohm.
    """

    chemistry: str | None = None
    category: str | None = None
    rated_mah: int | None = None
    in_series: int | None = None
    minimum_mv: int | None = None
    maximum_mv: int | None = None
    idle_coldest: int | None = None
    idle_hottest: int | None = None
    maximum_w: int | None = None
    pack_uohm: int | None = None

    @property
    def cell_minimum_mv(self) -> int | None:
        """Declared minimum of one cell; None without limit or count."""
        return _each(self.minimum_mv, self.in_series)

    @property
    def cell_maximum_mv(self) -> int | None:
        """Declared maximum of one cell; None without limit or count."""
        return _each(self.maximum_mv, self.in_series)

    @property
    def digest(self) -> str:
        """16 hex digits; empty when nothing is declared."""
        if self == NOTHING_DECLARED:
            return ""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]


NOTHING_DECLARED: Final = Basis()


def _each(whole: int | None, in_series: int | None) -> int | None:
    return None if whole is None or not in_series else (2 * whole + in_series) // (2 * in_series)


def basis_of(facts: Mapping[str, Any]) -> Basis:
    """The basis that declared facts (by attribute id) give."""
    layout = facts.get("dismantling_cell_layout")
    in_series = layout.get("in_series") if isinstance(layout, Mapping) else None
    bounds = facts.get("extreme_temperature_bounds") or {}
    return Basis(
        chemistry=facts.get("battery_chemistry"),
        category=facts.get("battery_category"),
        rated_mah=_scaled(facts.get("rated_capacity"), _THOUSAND),
        in_series=int(in_series) if in_series is not None else None,
        minimum_mv=_scaled(facts.get("minimum_voltage"), _THOUSAND),
        maximum_mv=_scaled(facts.get("maximum_voltage"), _THOUSAND),
        idle_coldest=_scaled(bounds.get("lower", facts.get("idle_temperature_min")), Decimal(10)),
        idle_hottest=_scaled(bounds.get("upper", facts.get("idle_temperature_max")), Decimal(10)),
        maximum_w=_scaled(facts.get("maximum_permitted_power"), Decimal(1)),
        pack_uohm=_scaled(facts.get("internal_resistance_pack"), Decimal(1_000_000)),
    )


def _scaled(value: Any, factor: Decimal) -> int | None:
    """A stated number in finer units, half to even; None where there is none."""
    return None if value is None else int((Decimal(str(value)) * factor).to_integral_value())
