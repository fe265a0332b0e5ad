"""What a battery is worth: its best use or its materials, between what recycling pays and what new costs.

The rules, in euro for each kilowatt-hour of rated energy:

1. Recycling: metals by mass, price, payable share and mechanical yield, less processing and carriage. It may
   be negative, and its sign is told.
2. A use: the price of the new product that competes, times the energy that the used battery will still
   deliver by what the new one delivers (both discounted), less a discount for being used, less test,
   repacking, carriage and warranty, and what recycling pays at the end, if it pays.
3. The value is the best of these at each point of the band, never below recycling and never above the new
   product of the use.
4. A gate that is not answered gives the value of recycling, and apart from it the value after inspection;
   never a mean of both. Without health or remaining years there is no use to value, and the reasons say so.
5. The band comes from a fixed set of 256 points in all parameters and in the intervals of health and life,
   the battery's own shifted by the digest of its record, the market's by that of the parameters: the same
   record gives the same number on every machine. Only additions, multiplications and divisions of IEEE 754
   are used, in a fixed order.

Source of the formula: Neubauer and others (NREL, second use); Bach, Onori, Reichelstein and Zhuang (fair
value of used capacity). Parameters: `value.toml`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from passport.judgement.second_life.uses import USES, Use
from passport.judgement.value_parameters import ENTRIES, METALS, ValueParameters

METHOD: Final = "value.v1"
POINTS: Final = 256
_LONGEST_YEARS: Final = 20
_TAIL: Final = 0.05  # what lies beyond each end of a band
_CARBONATE: Final = 5.32  # kg of lithium carbonate that hold 1 kg of lithium

Floats = NDArray[np.float64]

# Kilograms of a metal in the active materials of one kWh, from stoichiometry, practical capacity and voltage.
ACTIVE_METALS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "NMC111": {"lithium": 0.125, "nickel": 0.354, "manganese": 0.331, "cobalt": 0.355},
        "NMC532": {"lithium": 0.118, "nickel": 0.498, "manganese": 0.280, "cobalt": 0.200},
        "NMC622": {"lithium": 0.111, "nickel": 0.561, "manganese": 0.175, "cobalt": 0.188},
        "NMC811": {"lithium": 0.099, "nickel": 0.669, "manganese": 0.078, "cobalt": 0.084},
        "Li-ion NCA": {"lithium": 0.101, "nickel": 0.687, "cobalt": 0.129},
        "Li-ion LFP": {"lithium": 0.088},
        "Li-ion LCO": {"lithium": 0.124, "cobalt": 1.056},
        "Li-ion LMO": {"lithium": 0.094, "manganese": 1.484},
    }
)
CELL_METALS: Final[Mapping[str, float]] = MappingProxyType({"copper": 0.33, "aluminium": 0.58, "steel": 0.33})
_GRADES: Final = ("NMC111", "NMC532", "NMC622", "NMC811")
_USUAL_GRADE: Final = "NMC622"
_NICKEL: Final = frozenset({"Li-ion NMC", "Li-ion NCA", "Li-ion LCO", "Li-ion LMO"})

# Elements by CAS number: what a declared composition is recognised by.
_ELEMENTS: Final = {
    "7440-02-0": "nickel",
    "7440-48-4": "cobalt",
    "7439-96-5": "manganese",
    "7439-93-2": "lithium",
    "7440-50-8": "copper",
    "7429-90-5": "aluminium",
    "7439-89-6": "steel",
}

# Dimensions of the set of points, in an order that never changes, and their places in the lattice: a rank-1
# rule of 256 points whose generators were found component by component.
_OWN: Final = ("health", "years", "usable")
_DIMENSIONS: Final = (*_OWN, *ENTRIES)
_GENERATORS: Final = (
    1, 75, 47, 97, 55, 17, 43, 121, 125, 113, 73, 7, 65, 81, 77, 23, 9, 59, 87, 99,
    69, 79, 109, 123, 105, 107, 21, 15, 57, 95, 101, 63, 93, 53, 33, 119, 35, 49, 37, 89,
)  # fmt: skip
_SHIFT_BITS: Final = 24
_INSTANT: Final = 1e-9  # years; what a life of none is divided by


@dataclass(frozen=True)
class Band:
    """A figure with the ends of its 90 % interval."""

    low: float
    value: float
    high: float


_NOTHING: Final = Band(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class ValueInputs:
    """What is known of one battery.

    Attributes:
        seed: digest of the record that is valued; decides the shift of the points.
        rated_kwh: rated energy.
        chemistry: word of `battery_chemistry`; None while it is not known.
        grade: of its cathode (`NMC622`...); None for what is usual.
        masses: declared kilograms by metal, of the whole battery; they go before stoichiometry.
        health: share of rated capacity, 0 to 1; None when it is not determinable.
        usable: usable by ageing capacity, 0 to 1: what imbalance takes away.
        years: remaining years by use; a use without an entry has none that is known.
        uses: ids of the uses it is fit for.
        history_complete: its history spares most of the test.
        damaged_transport: it is carried as damaged or defective.
        safety: True when no gate failed and none is unknown, False when one failed, None when one is unknown.
    """

    seed: bytes
    rated_kwh: float
    chemistry: str | None = None
    grade: str | None = None
    masses: Mapping[str, float] | None = None
    health: Band | None = None
    usable: Band = field(default_factory=lambda: Band(1.0, 1.0, 1.0))
    years: Mapping[str, Band] = field(default_factory=lambda: MappingProxyType({}))
    uses: tuple[str, ...] = ()
    history_complete: bool = False
    damaged_transport: bool = False
    safety: bool | None = None


@dataclass(frozen=True)
class Amount:
    """Euro for the whole battery: below `low` lies one outcome in ten, below `high` nine."""

    low: Decimal
    middle: Decimal
    high: Decimal

    def to_wire(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"p10": str(self.low), "p50": str(self.middle), "p90": str(self.high), "currency": "EUR"}


@dataclass(frozen=True)
class Contribution:
    """The value with one input at either end of its band, all else at its middle."""

    name: str
    at_low: Decimal
    at_high: Decimal

    def to_wire(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"input": self.name, "at_low": str(self.at_low), "at_high": str(self.at_high)}


@dataclass(frozen=True)
class ResidualValue:
    """The outcome.

    Attributes:
        value: now, as far as the gates are answered; None when not even recycling can be valued.
        after_inspection: what it would be if the open gates passed; None when no gate is open, or no use is
            known.
        recycling: what recycling pays; may be negative.
        uses: value of each use that it is fit for.
        best: id of the use behind `value` or `after_inspection`; None for recycling.
        contributions: the three inputs that move the value most, the greatest first.
        reasons: what is not determined, and why; what was assumed.
        parameters: digest of the parameters.
    """

    value: Amount | None
    after_inspection: Amount | None
    recycling: Amount | None
    uses: Mapping[str, Amount]
    best: str | None
    contributions: tuple[Contribution, ...]
    reasons: tuple[str, ...]
    parameters: str
    method: str = METHOD

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON, and for the assessment record."""
        return {
            "determined": self.value is not None,
            "value": self.value.to_wire() if self.value else None,
            "after_inspection": self.after_inspection.to_wire() if self.after_inspection else None,
            "recycling": self.recycling.to_wire() if self.recycling else None,
            "uses": {name: amount.to_wire() for name, amount in self.uses.items()},
            "best_use": self.best,
            "contributions": [one.to_wire() for one in self.contributions],
            "reasons": list(self.reasons),
            "parameters": self.parameters,
            "method": self.method,
        }


def metals_from_composition(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, float] | None:
    """Kilograms by metal of a declared composition; None when it states no mass of a metal known here."""
    found: dict[str, float] = {}
    for entry in entries or ():
        metal = _ELEMENTS.get(str(entry.get("cas_number")))
        if metal is not None and entry.get("mass") is not None:
            found[metal] = found.get(metal, 0.0) + float(entry["mass"])
    return found or None


@lru_cache(maxsize=1024)
def grade_of(name: str | None) -> str | None:
    """The cathode's grade that a chemistry's full name states, such as NMC811; None when it states none."""
    plain = "".join(char for char in (name or "").upper() if char.isalnum())
    return next((grade for grade in _GRADES if grade in plain), None)


def active_metals(chemistry: str | None, grade: str | None) -> Mapping[str, float] | None:
    """Kilograms by metal in the active materials of one kWh; None for a chemistry that is not known here."""
    if chemistry == "Li-ion NMC":
        return ACTIVE_METALS[grade or _USUAL_GRADE]
    return ACTIVE_METALS.get(chemistry or "")


def residual_values(batch: Sequence[ValueInputs], parameters: ValueParameters) -> list[ResidualValue]:
    """The values of several batteries; the same as of each alone.

    Args:
        batch: what is known of each.
        parameters: as read from a file.
    """
    return [
        one for at in range(0, len(batch), _AT_ONCE) for one in _some(batch[at : at + _AT_ONCE], parameters)
    ]


def residual_value(inputs: ValueInputs, parameters: ValueParameters) -> ResidualValue:
    """The value of one battery."""
    return residual_values([inputs], parameters)[0]


_AT_ONCE: Final = 32  # what stays in the cache


# The points: 256 of the lattice, then the middle, then both ends of each dimension with all others at theirs.


def _fixed_points() -> tuple[NDArray[np.int64], Floats]:
    count = len(_DIMENSIONS)
    places = np.arange(POINTS, dtype=np.int64)
    lattice = (places[None, :] * np.array(_GENERATORS[:count], np.int64)[:, None]) % POINTS
    single = np.full((count, 1 + 2 * count), 0.5)
    for number in range(count):
        single[number, 1 + 2 * number] = _TAIL
        single[number, 2 + 2 * number] = 1 - _TAIL
    return lattice << (_SHIFT_BITS - 8), single


_LATTICE, _SINGLE = _fixed_points()
_COLUMNS: Final = POINTS + _SINGLE.shape[1]


def _points(seed: bytes, dimensions: slice) -> Floats:
    """Numbers in (0, 1), dimensions x columns: the shifted lattice, the middle, both ends of each."""
    count = len(_DIMENSIONS[dimensions])
    stream = b"".join(hashlib.sha256(seed + bytes([block])).digest() for block in range(-(-3 * count // 32)))
    raw = np.frombuffer(stream[: 3 * count], np.uint8).astype(np.int64).reshape(-1, 3)
    shift = (raw[:, 0] << 16) | (raw[:, 1] << 8) | raw[:, 2]
    whole = 1 << _SHIFT_BITS
    shifted = ((_LATTICE[dimensions] + shift[:, None]) % whole + 0.5) / whole
    return np.concatenate([shifted, _SINGLE[dimensions]], axis=1)


def _quantile(u: Floats, low: Any, middle: Any, high: Any) -> Floats:
    """Straight lines through the ends of the band and its middle; beyond the ends, the ends."""
    half = 0.5 - _TAIL
    below = low + (middle - low) * (np.maximum(u, _TAIL) - _TAIL) / half
    above = middle + (high - middle) * (np.minimum(u, 1 - _TAIL) - 0.5) / half
    drawn: Floats = np.where(u < 0.5, below, above)
    return drawn


class _Market:
    """All parameters at every point, and what follows from them alone; the same for all batteries."""

    def __init__(self, parameters: ValueParameters) -> None:
        drawn = _points(bytes.fromhex(parameters.digest), slice(len(_OWN), None))
        self.of = of = {
            name: _quantile(u, one.low, one.value, one.high)
            for (name, one), u in zip(((n, parameters.entries[n]) for n in ENTRIES), drawn, strict=True)
        }
        self.warranted = parameters.entries["warranty.years"].value
        lithium = of["price.metal.lithium_carbonate"] * _CARBONATE
        prices = {**{m: of[f"price.metal.{m}"] for m in METALS if m != "lithium"}, "lithium": lithium}
        scale = of["rate.usd"] * of["yield.mechanical"]
        self.paid = {metal: prices[metal] * of[f"payable.{metal}"] * scale for metal in METALS}
        self._discounts(1 / (1 + of["rate.discount"]))
        # The new product delivers from 1 to its end in a straight line.
        _, one_sum, middle_sum = self.over(of["new.years"])
        self.new = one_sum - (1 - of["new.end"]) / of["new.years"] * middle_sum

    def _discounts(self, factor: Floats) -> None:
        """Powers of the discount, their running sum, and their running sum by the middle of each year."""
        power, one, middle = np.ones_like(factor), np.zeros_like(factor), np.zeros_like(factor)
        rows = [(power, one, middle)]
        for year in range(1, _LONGEST_YEARS + 2):
            power = power * factor
            one = one + power
            middle = middle + power * (year - 0.5)
            rows.append((power, one, middle))
        self._tables = [np.concatenate(table) for table in zip(*rows, strict=True)]

    def over(self, years: Floats) -> tuple[Floats, Floats, Floats]:
        """Discount at the end, sum of discounts, and sum by the middle of each year, over some years."""
        capped = np.minimum(np.maximum(years, 0.0), float(_LONGEST_YEARS))
        whole = capped.astype(np.int64)
        part = capped - whole
        at = whole * _COLUMNS + np.arange(_COLUMNS)
        end, one, middle = (
            (low := table.take(at)) + (table.take(at + _COLUMNS) - low) * part for table in self._tables
        )
        return end, one, middle


@lru_cache(maxsize=8)
def _market(parameters: "_ByDigest") -> _Market:
    return _Market(parameters.parameters)


@dataclass(frozen=True)
class _ByDigest:
    """Parameters as a key: equal figures have an equal digest."""

    digest: str
    parameters: ValueParameters = field(compare=False)


def _some(batch: Sequence[ValueInputs], parameters: ValueParameters) -> list[ResidualValue]:
    market = _market(_ByDigest(parameters.digest, parameters))
    of = market.of
    own = np.stack([_points(one.seed, slice(0, len(_OWN))) for one in batch])
    logistics = np.where(
        _column(one.damaged_transport for one in batch),
        of["cost.logistics"] * of["factor.damaged_transport"],
        of["cost.logistics"],
    )
    nickel = _column(one.chemistry in _NICKEL for one in batch)
    same = np.where(nickel, of["price.new.nickel"], of["price.new.lfp"])
    stationary = of["price.new.stationary"]
    # The new product caps every value; metals that are worth more than it say that a price is wrong.
    recycling = np.minimum(_recycling(batch, market, logistics), np.minimum(same, stationary))
    uses = _Uses(batch, market, own, logistics, recycling)
    nets = {use: uses.net(use, same if use.same_again else stationary) for use in uses.wanted}
    sizes = [one.rated_kwh for one in batch]
    amounts = {use: _amounts(net, sizes) for use, net in nets.items()}
    pays = _amounts(recycling, sizes)
    worth, best = recycling.copy(), []
    for number, one in enumerate(batch):
        fit = [use for use in nets if _valued(one, use) and one.safety is not False]
        best.append(max(fit, key=lambda use: amounts[use][number].middle, default=None))
        # The better of all at each point: one use fewer never makes a value higher, wherever it is read.
        for use in fit:
            capped = np.minimum(nets[use][number], same[number] if use.same_again else stationary)
            np.maximum(worth[number], capped, out=worth[number])
    values = _amounts(worth, sizes)
    return [
        _told(
            one,
            parameters,
            pays[number],
            values[number],
            {use: amounts[use][number] for use in nets if _valued(one, use)},
            best[number],
            worth[number],
        )
        for number, one in enumerate(batch)
    ]


def _column(values: Iterable[float]) -> Floats:
    """One row for each battery."""
    return np.array(list(values))[:, None]


def _masses(one: ValueInputs) -> Mapping[str, float] | None:
    """Kilograms by metal for one kWh; None when neither composition nor chemistry tells."""
    active = active_metals(one.chemistry, one.grade) or {}
    if not active and not one.masses:
        return None
    declared = {metal: mass / one.rated_kwh for metal, mass in (one.masses or {}).items()}
    return {**CELL_METALS, **active, **declared}


def _recycling(batch: Sequence[ValueInputs], market: _Market, logistics: Floats) -> Floats:
    paid: Floats = -logistics - market.of["cost.process"]
    every = [_masses(one) or {} for one in batch]
    for metal in METALS:
        paid = paid + _column(masses.get(metal, 0.0) for masses in every) * market.paid[metal]
    return paid


class _Uses:
    """What batteries are worth in a use, for all uses that any of them is fit for."""

    def __init__(
        self, batch: Sequence[ValueInputs], market: _Market, own: Floats, logistics: Floats, recycling: Floats
    ) -> None:
        self.wanted = tuple(use for use in USES if any(_valued(one, use) for one in batch))
        self._batch, self._market, self._own = batch, market, own
        of = market.of
        self._health = self._drawn("health", [one.health or _NOTHING for one in batch])
        self._usable = self._drawn("usable", [one.usable for one in batch]) * (1 - of["rate.used_discount"])
        history = _column(one.history_complete for one in batch)
        test = np.where(history, of["cost.test_with_history"], of["cost.test"])
        self._costs = test + logistics + of["cost.warranty"]
        self._at_end = np.maximum(recycling, 0.0)
        self._over: dict[tuple[float, tuple[Band, ...]], tuple[Floats, Floats]] = {}

    def _drawn(self, name: str, bands: Sequence[Band]) -> Floats:
        """A band of each battery's own, drawn along its dimension."""
        low, value, high = (_column(getattr(band, end) for band in bands) for end in ("low", "value", "high"))
        return _quantile(self._own[:, _OWN.index(name)], low, value, high)

    def net(self, use: Use, price: Floats) -> Floats:
        """Net value in a use at every point; without meaning for a battery that is not fit for it."""
        of = self._market.of
        years = tuple(one.years.get(use.id, _NOTHING) for one in self._batch)
        if (use.end, years) not in self._over:
            self._over[use.end, years] = self._delivered(use.end, years)
        share, at_end = self._over[use.end, years]
        claims = _column(_falls_short(band, self._market.warranted) for band in years)
        repack = of["cost.reuse" if use.same_again else "cost.repack"]
        net: Floats = price * share - self._costs - repack - claims * of["cost.warranty_claim"] + at_end
        return net

    def _delivered(self, end: float, years: tuple[Band, ...]) -> tuple[Floats, Floats]:
        """Energy still delivered by what the new product delivers, discounts taken; recycling at the end."""
        drawn = self._drawn("years", years)
        discount, one_sum, middle_sum = self._market.over(drawn)
        fall = np.maximum(self._health - end, 0.0) / np.maximum(drawn, _INSTANT)
        delivered = self._health * one_sum - fall * middle_sum
        share = np.maximum(delivered, 0.0) / self._market.new * self._usable
        return share, discount * self._at_end


def _valued(one: ValueInputs, use: Use) -> bool:
    return use.id in one.uses and one.health is not None and use.id in one.years


def _falls_short(years: Band, wanted: float) -> float:
    """The probability that a life ends before `wanted` years, on the straight lines of its band."""
    if wanted <= years.low:
        return 0.0
    if wanted >= years.high:
        return 1.0
    half = 0.5 - _TAIL
    if wanted < years.value:
        return _TAIL + half * (wanted - years.low) / (years.value - years.low)
    return 0.5 + half * (wanted - years.value) / (years.high - years.value)


def _told(
    one: ValueInputs,
    parameters: ValueParameters,
    pays: Amount,
    valued: Amount,
    uses: Mapping[Use, Amount],
    best: Use | None,
    worth: Floats,
) -> ResidualValue:
    """The outcome for one battery."""
    reasons = tuple(_reasons(one, uses))
    if _masses(one) is None:
        return ResidualValue(None, None, None, {}, None, (), reasons, parameters.digest)
    ranked = sorted(uses.items(), key=lambda pair: (-pair[1].middle, pair[0].id))
    return ResidualValue(
        value=valued if one.safety else pays,
        after_inspection=valued if one.safety is None and best is not None else None,
        recycling=pays,
        uses={use.id: amount for use, amount in ranked},
        best=best.id if best is not None and valued.middle > pays.middle else None,
        contributions=_contributions(worth, one.rated_kwh),
        reasons=reasons,
        parameters=parameters.digest,
    )


def _reasons(one: ValueInputs, valued: Mapping[Use, Amount]) -> Iterator[str]:
    if _masses(one) is None:
        yield "neither a composition nor a chemistry known here is declared, so materials have no value"
    elif one.chemistry == "Li-ion NMC" and one.grade is None and not one.masses:
        yield f"the grade of the cathode is not declared; metals are counted as of {_USUAL_GRADE}"
    if one.safety is False:
        yield "a gate of second life failed, so only recycling is valued"
    elif one.safety is None:
        yield "a gate of second life is open: until it is answered, the value is that of recycling"
    if one.health is None:
        yield "health is not determinable, so no use is valued"
    elif not one.uses:
        yield "it is fit for none of the uses"
    else:
        for use in USES:
            if use.id in one.uses and use not in valued:
                yield f"{use.title}: its remaining years are not known, so it is not valued"


def _amounts(worth: Floats, sizes: Sequence[float]) -> list[Amount]:
    """Ends and middle of the values at the points, by battery, for the whole of it."""
    ordered = np.sort(worth[:, :POINTS], axis=1)
    ends = ordered[:, [POINTS // 10, POINTS // 2, POINTS - 1 - POINTS // 10]].tolist()
    return [
        Amount(_cents(low * size), _cents(middle * size), _cents(high * size))
        for (low, middle, high), size in zip(ends, sizes, strict=True)
    ]


def _cents(value: float) -> Decimal:
    return Decimal(round(value * 100)).scaleb(-2)


def _contributions(worth: Floats, size: float) -> tuple[Contribution, ...]:
    lows, highs = worth[POINTS + 1 :: 2], worth[POINTS + 2 :: 2]
    moves = np.abs(highs - lows)
    most = np.argsort(-moves, kind="stable")[:3]
    return tuple(
        Contribution(_DIMENSIONS[at], _cents(float(lows[at]) * size), _cents(float(highs[at]) * size))
        for at in most.tolist()
        if moves[at] > 0
    )
