"""Rules between values that are each acceptable: what cannot be, and what can be but deserves a look.

A rule has a name, the attributes that it compares, and a judgement that gives a sentence or None. It speaks
only when all of its attributes are stated. What cannot be is an error and is refused; what is odd is a
warning and refuses nothing. Numbers may come as Python values or as text on the wire, so that declared facts
and stored ones are judged alike.

Bounds of oddity are our reading, from data sheets of packs on sale; no text of law fixes them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from schemas.registry import REGISTRY

Judgement = Callable[..., str | None]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: stable, unique.
        ids: what it compares; a complaint is filed under each.
        judge: takes the values in the order of `ids`, gives what is wrong as a sentence, or None.
        odd: True where the values are possible all the same.
    """

    name: str
    ids: tuple[str, ...]
    judge: Judgement
    odd: bool = False


@dataclass(frozen=True)
class Remark:
    """What one rule found.

    Attributes:
        rule: name of the rule.
        ids: the attributes that it compared.
        sentence: what was expected, and what came.
        odd: True for a warning.
    """

    rule: str
    ids: tuple[str, ...]
    sentence: str
    odd: bool


def remarks(facts: Mapping[str, Any], *, today: date | None = None) -> tuple[Remark, ...]:
    """Everything that the rules find, errors and warnings, in the order of the rules.

    Args:
        facts: attribute id to value, without absences.
        today: dates after it are refused where they tell the past; None asks nothing of the kind.
    """
    found = [
        Remark(rule.name, rule.ids, sentence, rule.odd)
        for rule in RULES
        if all(name in facts for name in rule.ids)
        and (sentence := rule.judge(*(facts[name] for name in rule.ids))) is not None
    ]
    return (*found, *_unusual(facts), *(_future(facts, today) if today is not None else ()))


def counters(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Remark, ...]:
    """Errors for counters that a later declaration lets fall; one that was withdrawn may start anew.

    Args:
        before: what stood declared, attribute id to value.
        after: what is to stand.
    """
    return tuple(
        Remark(
            "counter_never_falls",
            (name,),
            f"expected at least {_d(before[name])}, as declared before, got {_d(after[name])}: a counter"
            " never falls; withdraw the earlier value first if it was wrong",
            odd=False,
        )
        for name in COUNTERS
        if name in before and name in after and _d(after[name]) < _d(before[name])
    )


COUNTERS: Final = (
    "full_cycles",
    "energy_throughput",
    "capacity_throughput",
    "time_above_temperature",
    "time_below_temperature",
    "charging_time_above_temperature",
    "charging_time_below_temperature",
    "deep_discharge_count",
    "overcharge_count",
)


def _d(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _near(one: Decimal, other: Decimal, tolerance: Decimal) -> bool:
    return abs(one - other) <= tolerance


def _short(number: Decimal) -> str:
    """At most three decimals, and no more digits than are needed."""
    return f"{round(number, 3).normalize():f}"


# ------------------------------------------------------------------------------------------------ orders


def _below(low: str, high: str) -> Judgement:
    def judge(one: Any, other: Any) -> str | None:
        return None if _d(one) < _d(other) else f"expected {low} below {high}"

    return judge


def _rising(low: str, high: str) -> Rule:
    return Rule(f"{low}_below_{high}", (low, high), _below(low, high))


def _month(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        year, month = value.split("-")[:2]
        return int(year), int(month)
    return value.year, value.month


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _not_before_month(made: str, later: str) -> Rule:
    def judge(month: Any, day: Any) -> str | None:
        return None if _month(month) <= _month(day) else f"expected {later} not before the month of {made}"

    return Rule(f"{made}_before_{later}", (made, later), judge)


def _not_before(earlier: str, later: str) -> Rule:
    def judge(one: Any, other: Any) -> str | None:
        if _day(one) <= _day(other):
            return None
        return f"expected {later} not before {earlier}, got {_day(other)} and {_day(one)}"

    return Rule(f"{earlier}_before_{later}", (earlier, later), judge)


# Days that tell the past. A passport may be prepared before its battery is made and placed on the market, but
# seldom a year before.
_PAST: Final = ("putting_into_service_date", "passport_ceased_at")
_MAY_LIE_AHEAD: Final = ("manufacturing_date", "placed_on_market_date")


def _future(facts: Mapping[str, Any], today: date) -> Iterator[Remark]:
    for name in (*_PAST, *_MAY_LIE_AHEAD):
        if name not in facts:
            continue
        if name in _PAST and _day(facts[name]) > today:
            sentence = f"expected {name} not after today, {today.isoformat()}; got {facts[name]}"
            yield Remark("not_in_the_future", (name,), sentence, odd=False)
        elif name in _MAY_LIE_AHEAD and _month(facts[name]) > (today.year + 1, today.month):
            sentence = f"{name} lies more than a year ahead: {facts[name]}, and today is {today.isoformat()}"
            yield Remark("lies_ahead", (name,), sentence, odd=True)


def _unusual(facts: Mapping[str, Any]) -> Iterator[Remark]:
    """What the rows themselves call unusual."""
    for name in _USUALLY:
        if name not in facts:
            continue
        value, number = REGISTRY[name].value, _d(facts[name])
        if value.usually_at_least is not None and number < value.usually_at_least:
            words = f"rarely below {value.usually_at_least}"
        elif value.usually_at_most is not None and number > value.usually_at_most:
            words = f"rarely above {value.usually_at_most}"
        else:
            continue
        unit = f" {value.unit.value}" if value.unit else ""
        yield Remark("unusual", (name,), f"{name} is {words}{unit}, got {number}{unit}", odd=True)


_USUALLY: Final = tuple(
    name
    for name, row in REGISTRY.items()
    if row.value.usually_at_least is not None or row.value.usually_at_most is not None
)

# --------------------------------------------------------------------------------------------------- sums


def _parts_of(metal: str) -> tuple[Rule, Rule]:
    share = f"recycled_{metal}_share"
    pre, post = f"pre_consumer_{share}", f"post_consumer_{share}"

    def within(one: Any, other: Any) -> str | None:
        return (
            None if _d(one) + _d(other) <= 100 else f"expected {pre} and {post} to stay within 100 % together"
        )

    def adds_up(whole: Any, one: Any, other: Any) -> str | None:
        return (
            None if _d(whole) == _d(one) + _d(other) else f"expected {share} to be the sum of its two parts"
        )

    return (
        Rule(f"recycled_{metal}_within_100", (pre, post), within),
        Rule(f"recycled_{metal}_adds_up", (share, pre, post), adds_up),
    )


_STAGES: Final = ("cf_total", "cf_raw_material", "cf_production", "cf_distribution", "cf_end_of_life")


def _stages(total: Any, *stages: Any) -> str | None:
    added = sum((_d(stage) for stage in stages), Decimal(0))
    if _near(added, _d(total), abs(_d(total)) / 100):
        return None
    return f"expected the four stages to sum to cf_total within 1 %, got {added} and {_d(total)}"


def _absolute(absolute: Any, total: Any, energy: Any) -> str | None:
    product = _d(total) * _d(energy)
    if _near(_d(absolute), product, abs(product) / 100):
        return None
    return f"expected cf_absolute to be cf_total times cf_total_service_energy, {_short(product)} kg CO2e"


def _added(entries: Sequence[Mapping[str, Any]], member: str) -> Decimal:
    return sum((_d(entry[member]) for entry in entries if entry.get(member) is not None), Decimal(0))


def _shares(name: str, member: str, *, odd: bool = False) -> Rule:
    def judge(entries: Any) -> str | None:
        added = _added(entries, member)
        if added <= 100:
            return None
        return f"expected the shares of {name} to stay within 100 % together, got {added}"

    return Rule(f"{name}_within_100", (name,), judge, odd)


def _shares_of_a_component(entries: Any) -> str | None:
    """Whether a share is of the battery or of its component is not said; of a component it is at most 100."""
    for component in dict.fromkeys(entry.get("component") for entry in entries):
        added = _added([entry for entry in entries if entry.get("component") == component], "share")
        if added > 100:
            return f"expected the shares of {component} to stay within 100 % together, got {added}"
    return None


def _masses(entries: Any, mass: Any) -> str | None:
    added = _added(entries, "mass")
    if added <= _d(mass):
        return None
    return (
        f"expected the masses of material_composition to stay within battery_mass, {_d(mass)} kg;"
        f" got {added} kg"
    )


def _once(name: str, member: str) -> Rule:
    def judge(entries: Any) -> str | None:
        words = [entry.get(member) for entry in entries]
        twice = sorted({str(word) for word in words if words.count(word) > 1})
        return f"expected each {member} once in {name}, got {', '.join(twice)} twice" if twice else None

    return Rule(f"{name}_once", (name,), judge)


# ------------------------------------------------------------------------------------ the kind of battery


def _subtype(category: Any, subtype: Any) -> str | None:
    industrial = category in ("industrial", "stationary")
    if industrial and (subtype == "stationary") <= (category == "stationary"):
        return None
    return (
        "expected industrial_subtype with industrial batteries alone, and `stationary` with stationary ones"
    )


def _symbols(chemistry: Any, symbols: Any) -> str | None:
    wanted = {"Pb": "Pb", "Ni-Cd": "Cd"}.get(str(chemistry))
    if wanted is None or wanted in symbols:
        return None
    return f"a {chemistry} battery usually carries the symbol {wanted}; cadmium_lead_symbols does not name it"


# Volts of one cell at its nominal point, by chemistry, from data sheets.
_CELL_VOLTS: Final[Mapping[str, tuple[Decimal, Decimal]]] = MappingProxyType(
    {
        "Li-ion LFP": (Decimal("3.0"), Decimal("3.4")),
        "Li-ion LCO": (Decimal("3.5"), Decimal("3.9")),
        "Li-ion LMO": (Decimal("3.5"), Decimal("4.0")),
        "Li-ion NCA": (Decimal("3.5"), Decimal("3.8")),
        "Li-ion NMC": (Decimal("3.5"), Decimal("3.9")),
        "Na-ion": (Decimal("2.5"), Decimal("3.5")),
        "Ni-Cd": (Decimal("1.1"), Decimal("1.4")),
        "Ni-MH": (Decimal("1.1"), Decimal("1.4")),
        "Pb": (Decimal("1.9"), Decimal("2.3")),
    }
)
_ANY_CELL: Final = (Decimal("0.5"), Decimal(6))


def _cell_voltage(layout: Any, nominal: Any) -> str | None:
    in_series = layout.get("in_series")
    if not in_series:
        return None
    cell = _d(nominal) / _d(in_series)
    if _ANY_CELL[0] <= cell <= _ANY_CELL[1]:
        return None
    return (
        f"expected {_ANY_CELL[0]} to {_ANY_CELL[1]} V for one of {in_series} cells in series, got"
        f" {_short(cell)} V by nominal_voltage"
    )


def _cell_of_its_chemistry(layout: Any, nominal: Any, chemistry: Any) -> str | None:
    in_series, usual = layout.get("in_series"), _CELL_VOLTS.get(str(chemistry))
    if not in_series or usual is None:
        return None
    cell = _d(nominal) / _d(in_series)
    if usual[0] <= cell <= usual[1] or not _ANY_CELL[0] <= cell <= _ANY_CELL[1]:
        return None
    return (
        f"a cell of {chemistry} has {usual[0]} to {usual[1]} V; {in_series} in series make"
        f" {_short(cell)} V each"
    )


def _modules(layout: Any) -> str | None:
    cells, modules = layout.get("cells"), layout.get("modules")
    if cells is None or modules is None or modules <= cells:
        return None
    return f"expected no more modules than cells, got {modules} and {cells}"


# ------------------------------------------------------------------------------------------ energy and power


def _nominal_kwh(capacity: Any, voltage: Any) -> Decimal:
    return _d(capacity) * _d(voltage) / 1000


def _energy(energy: Any, capacity: Any, voltage: Any) -> str | None:
    nominal = _nominal_kwh(capacity, voltage)
    if nominal / 10 <= _d(energy) <= nominal * 2:
        return None
    return (
        f"expected certified_usable_energy near rated_capacity times nominal_voltage, {_short(nominal)} kWh"
    )


def _energy_is_usual(energy: Any, capacity: Any, voltage: Any) -> str | None:
    nominal = _nominal_kwh(capacity, voltage)
    if (
        nominal / 2 <= _d(energy) <= nominal * Decimal("1.05")
        or not nominal / 10 <= _d(energy) <= nominal * 2
    ):
        return None
    return (
        "certified_usable_energy is rarely below half of rated_capacity times nominal_voltage, or above it;"
        f" that is {_short(nominal)} kWh"
    )


def _density(capacity: Any, voltage: Any, mass: Any) -> str | None:
    density = _nominal_kwh(capacity, voltage) * 1000 / _d(mass)
    if density <= 1000:
        return None
    return (
        f"expected at most 1000 Wh/kg, got {_short(density)}: compare the units of battery_mass and"
        " rated_capacity"
    )


def _density_is_usual(capacity: Any, voltage: Any, mass: Any) -> str | None:
    density = _nominal_kwh(capacity, voltage) * 1000 / _d(mass)
    if 15 <= density <= 350 or density > 1000:
        return None
    return f"packs hold 15 to 350 Wh/kg; battery_mass and the energy make {_short(density)}"


def _power_points(points: Any) -> str | None:
    keys = [
        tuple(str(point.get(member)) for member in ("state_of_charge", "duration_s", "temperature"))
        for point in points
    ]
    twice = sorted({key[0] for key in keys if keys.count(key) > 1})
    if not twice:
        return None
    return f"expected each point of original_power_capability once, got {', '.join(twice)} % twice"


def _power_at_80_and_20(points: Any) -> str | None:
    stated = {_d(point["state_of_charge"]) for point in points}
    missing = [f"{share} %" for share in (80, 20) if Decimal(share) not in stated]
    if not missing:
        return None
    return f"Annex IV B(4) asks for the power at 80 % and at 20 %; {' and '.join(missing)} is not stated"


def _power_falls(points: Any) -> str | None:
    """Less charge, less power: under like conditions."""
    for point in points:
        for other in points:
            like = all(point.get(member) == other.get(member) for member in ("duration_s", "temperature"))
            emptier = _d(point["state_of_charge"]) < _d(other["state_of_charge"])
            if like and emptier and _d(point["power"]) > _d(other["power"]):
                return (
                    f"power is rarely higher at {_d(point['state_of_charge'])} % than at"
                    f" {_d(other['state_of_charge'])} % state of charge, got {_d(point['power'])} and"
                    f" {_d(other['power'])} W"
                )
    return None


def _permitted(points: Any, permitted: Any) -> str | None:
    highest = max((_d(point["power"]) for point in points), default=Decimal(0))
    if highest <= _d(permitted):
        return None
    return f"original_power_capability reaches {highest} W, above maximum_permitted_power, {_d(permitted)} W"


def _limits(limits: Any, permitted: Any) -> str | None:
    highest = max(_d(value) for value in limits.values())
    if highest <= _d(permitted):
        return None
    return f"power_limits reach {highest} W, above maximum_permitted_power, {_d(permitted)} W"


def _ratio(ratio: Any, permitted: Any, capacity: Any, voltage: Any) -> str | None:
    energy = _nominal_kwh(capacity, voltage) * 1000
    found = _d(permitted) / energy
    if _d(ratio) == 0 or found / 4 <= _d(ratio) <= found * 4:
        return None
    return (
        f"maximum_permitted_power over rated energy is {_short(found)} W/Wh, far from power_energy_ratio,"
        f" {_d(ratio)} W/Wh"
    )


# ------------------------------------------------------------------------------------------- what was derived

_POINT: Final = Decimal(1)


def _faded(fade: Any, now: Any, rated: Any) -> str | None:
    computed = (1 - _d(now) / _d(rated)) * 100
    if _near(_d(fade), computed, _POINT):
        return None
    return f"expected capacity_fade to be (1 - capacity now / rated_capacity) * 100, {_short(computed)} %"


def _increased(increase: Any, now: Any, first: Any) -> str | None:
    computed = (_d(now) / _d(first) - 1) * 100
    if _near(_d(increase), computed, max(_POINT, abs(computed) / 50)):
        return None
    return (
        "expected internal_resistance_increase_pack to be (resistance now / initial - 1) * 100,"
        f" {_short(computed)} %"
    )


def _efficiency_faded(fade: Any, now: Any, first: Any) -> str | None:
    if _d(first) == 0:
        return None
    computed = (1 - _d(now) / _d(first)) * 100
    if _near(_d(fade), computed, Decimal("0.5")):
        return None
    return (
        "expected round_trip_efficiency_fade relative to the initial efficiency, not in points:"
        f" {_short(computed)} %"
    )


def _certified(state: Any, remaining: Any, certified: Any) -> str | None:
    computed = _d(remaining) / _d(certified) * 100
    if _near(_d(state), computed, _POINT):
        return None
    return f"expected state_of_certified_energy to be remaining over certified energy, {_short(computed)} %"


def _half_life(half: Any, first: Any) -> str | None:
    if _d(half) <= _d(first):
        return None
    return "round trip efficiency rarely rises over the cycle life; it is higher at half of it than at first"


def _remaining(now: Any, rated: Any) -> str | None:
    share = _d(now) / _d(rated) * 100
    if share <= 110:
        return None
    return f"remaining_capacity is rarely above rated_capacity; it is {_short(share)} % of it"


def _warranty(months: Any, years: Any) -> str | None:
    if _d(months) <= _d(years) * 12:
        return None
    return "the warranty is longer than the expected life in years"


def _milliohms(resistance: Any) -> str | None:
    if _d(resistance) < 1:
        return None
    return f"cells have milliohms; {_d(resistance)} ohm looks like another unit"


def _pack_resistance(pack: Any, cell: Any, layout: Any) -> str | None:
    series, parallel = layout.get("in_series"), layout.get("in_parallel", 1)
    if not series:
        return None
    cells = _d(cell) * series / parallel
    if _d(pack) >= cells / 2:
        return None
    return f"the pack's internal resistance is below that of its cells, {_short(cells)} ohm by the layout"


def _bounds(bounds: Any, low: Any, high: Any) -> str | None:
    if _d(bounds["lower"]) <= _d(low) and _d(bounds["upper"]) >= _d(high):
        return None
    return "extreme_temperature_bounds usually lie outside of the idle temperature range"


def _rules() -> Iterator[Rule]:
    yield _rising("minimum_voltage", "nominal_voltage")
    yield _rising("nominal_voltage", "maximum_voltage")
    yield _rising("minimum_voltage", "maximum_voltage")
    yield _rising("idle_temperature_min", "idle_temperature_max")
    for metal in ("cobalt", "lithium", "nickel", "lead"):
        yield from _parts_of(metal)
    yield Rule("stages_sum_to_total", _STAGES, _stages)
    yield Rule("footprint_of_the_whole", ("cf_absolute", "cf_total", "cf_total_service_energy"), _absolute)
    yield _not_before_month("manufacturing_date", "placed_on_market_date")
    yield _not_before_month("manufacturing_date", "putting_into_service_date")
    yield _not_before("placed_on_market_date", "putting_into_service_date")
    yield _not_before("putting_into_service_date", "passport_ceased_at")
    yield _not_before_month("manufacturing_date", "passport_ceased_at")
    yield Rule("subtype_of_industrial", ("battery_category", "industrial_subtype"), _subtype)
    yield Rule("material_composition_within_100", ("material_composition",), _shares_of_a_component)
    yield _shares("critical_raw_materials", "share")
    # Of what a concentration is the share, the battery or a part of it, is not said.
    yield _shares("hazardous_substances", "concentration", odd=True)
    yield _shares("restricted_metals_content", "share")
    yield _once("restricted_metals_content", "metal")
    yield Rule("masses_within_battery", ("material_composition", "battery_mass"), _masses)
    yield Rule("no_more_modules_than_cells", ("dismantling_cell_layout",), _modules)
    yield Rule("cell_voltage", ("dismantling_cell_layout", "nominal_voltage"), _cell_voltage)
    yield Rule("usable_energy", ("certified_usable_energy", "rated_capacity", "nominal_voltage"), _energy)
    yield Rule("energy_density", ("rated_capacity", "nominal_voltage", "battery_mass"), _density)
    yield Rule("power_points_once", ("original_power_capability",), _power_points)
    yield Rule("capacity_fade", ("capacity_fade", "rated_capacity_redetermined", "rated_capacity"), _faded)
    yield Rule(
        "resistance_increase",
        (
            "internal_resistance_increase_pack",
            "internal_resistance_current",
            "internal_resistance_pack",
        ),
        _increased,
    )
    yield Rule(
        "efficiency_fade",
        ("round_trip_efficiency_fade", "round_trip_efficiency_current", "initial_round_trip_efficiency"),
        _efficiency_faded,
    )
    yield Rule(
        "certified_energy",
        ("state_of_certified_energy", "remaining_energy", "certified_usable_energy"),
        _certified,
    )
    # What follows is odd, not wrong.
    for name, ids, judge in _ODD:
        yield Rule(name, ids, judge, odd=True)


_ODD: Final[tuple[tuple[str, tuple[str, ...], Judgement], ...]] = (
    (
        "cell_of_its_chemistry",
        ("dismantling_cell_layout", "nominal_voltage", "battery_chemistry"),
        _cell_of_its_chemistry,
    ),
    ("symbol_of_the_chemistry", ("battery_chemistry", "cadmium_lead_symbols"), _symbols),
    (
        "usual_usable_energy",
        ("certified_usable_energy", "rated_capacity", "nominal_voltage"),
        _energy_is_usual,
    ),
    ("usual_energy_density", ("rated_capacity", "nominal_voltage", "battery_mass"), _density_is_usual),
    ("power_at_80_and_20", ("original_power_capability",), _power_at_80_and_20),
    ("power_falls_with_charge", ("original_power_capability",), _power_falls),
    ("power_is_permitted", ("original_power_capability", "maximum_permitted_power"), _permitted),
    ("limits_are_permitted", ("power_limits", "maximum_permitted_power"), _limits),
    (
        "power_per_energy",
        ("power_energy_ratio", "maximum_permitted_power", "rated_capacity", "nominal_voltage"),
        _ratio,
    ),
    (
        "efficiency_at_half_life",
        ("round_trip_efficiency_50_cycle_life", "initial_round_trip_efficiency"),
        _half_life,
    ),
    ("remaining_capacity", ("remaining_capacity", "rated_capacity"), _remaining),
    ("warranty_within_life", ("warranty_period", "expected_lifetime_years"), _warranty),
    ("cells_have_milliohms", ("internal_resistance_cell",), _milliohms),
    (
        "resistance_of_the_pack",
        ("internal_resistance_pack", "internal_resistance_cell", "dismantling_cell_layout"),
        _pack_resistance,
    ),
    (
        "extreme_is_outside_idle",
        ("extreme_temperature_bounds", "idle_temperature_min", "idle_temperature_max"),
        _bounds,
    ),
)

RULES: Final[tuple[Rule, ...]] = tuple(_rules())
