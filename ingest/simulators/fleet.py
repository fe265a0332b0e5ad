"""The demonstration's fleet: two dozen packs that never were, with the facts their makers would declare.

Makers, models and figures are invented; the makers are called Example, item numbers have GS1's prefix for
examples (952), addresses are those reserved for documentation. What no act yet allows to be said is not said:
no carbon footprint class, no recycled shares, no due diligence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from ingest.simulators.declared import nested
from ingest.simulators.pack import PackSpec
from ingest.simulators.years import Trouble
from schemas.gs1 import gtin_check_digit
from schemas.identifier import identifier_path, new_serial
from schemas.terms import Category

FIRST_OWED: Final = date(2027, 2, 18)  # Art. 77(1): from this day on a passport is owed
HISTORY_DAYS: Final = 365
STEP_S: Final = 600
_DOCUMENTS: Final = "https://docs.example.com"


@dataclass(frozen=True)
class Maker:
    """A company that does not exist.

    Attributes:
        id: short name for keys and logs.
        name: as declared.
        plant: facility identifier.
    """

    id: str
    name: str
    plant: str


_TRACTION: Final = Maker("example-traction", "Example Traction Batteries (simulated)", "EXAMPLE-PLANT-1")
_RIDES: Final = Maker("example-rides", "Example Ride Cells (simulated)", "EXAMPLE-PLANT-2")
_HOMES: Final = Maker("example-homes", "Example Home Storage (simulated)", "EXAMPLE-PLANT-3")
_WORKS: Final = Maker("example-works", "Example Works Power (simulated)", "EXAMPLE-PLANT-4")


@dataclass(frozen=True)
class Model:
    """A product that does not exist.

    Attributes:
        maker: who declares it.
        category: of the law.
        duty: key of `years.DUTIES`.
        name: model identifier.
        item: number of the product within the example prefix.
        chemistry: key of `pack.CHEMISTRIES`.
        cells: in series.
        capacity_ah: rated.
        wh_per_kg: of the whole pack.
        limits_c: charging and discharging current over rated capacity.
        cooling_s: time constant of cooling.
        cycles: expected lifetime in cycles.
        years: expected lifetime in calendar years.
        warranty_months: commercial warranty.
    """

    maker: Maker
    category: Category
    duty: str
    name: str
    item: int
    chemistry: str
    cells: int
    capacity_ah: float
    wh_per_kg: int
    limits_c: tuple[float, float]
    cooling_s: float
    cycles: int
    years: int
    warranty_months: int

    @property
    def gtin(self) -> str:
        """Fourteen digits with the example prefix and a right check digit."""
        digits = f"0952{self.item:09d}"
        return digits + str(gtin_check_digit(digits))


_ev = partial(Model, _TRACTION, Category.EV, "ev")
_lmt = partial(Model, _RIDES, Category.LMT, "lmt")
_home = partial(Model, _HOMES, Category.STATIONARY, "stationary")
_works = partial(Model, _WORKS, Category.INDUSTRIAL)
_CAR: Final = _ev("EX-T55", 1101, "NMC", 96, 156.0, 160, (1.5, 3.0), 14_400, 1500, 15, 96)
_VAN: Final = _ev("EX-V60", 1102, "LFP", 112, 165.0, 135, (1.2, 2.5), 18_000, 3000, 15, 96)
_BIKE: Final = _lmt("EX-R500", 2201, "NMC", 10, 14.0, 145, (0.5, 2.0), 5_400, 700, 8, 24)
_MOPED: Final = _lmt("EX-R2000", 2202, "LMO", 14, 40.0, 120, (0.5, 2.0), 7_200, 800, 8, 36)
_HOME: Final = _home("EX-H5", 3301, "LFP", 16, 102.0, 115, (0.5, 1.0), 10_800, 6000, 15, 120)
_RACK: Final = _home("EX-H24", 3302, "LFP", 15, 50.0, 100, (0.5, 1.0), 9_000, 6000, 15, 120)
_TRUCK: Final = _works("forklift", "EX-W80", 4401, "LFP", 24, 500.0, 105, (0.5, 1.0), 21_600, 4000, 12, 60)
_STANDBY: Final = _works("standby", "EX-U60", 4402, "LTO", 26, 60.0, 60, (2.0, 4.0), 7_200, 12_000, 20, 60)


@dataclass(frozen=True)
class DemoPack:
    """One pack of the demonstration.

    Attributes:
        model: what it is one of.
        serial: 16 characters, random-looking, the same for the same seed.
        placed_on: day of placing on the market.
        facts: declared facts by attribute id, as typed words for `schemas.validation.facts_from_text`.
        nested: declared nested values by attribute id, as JSON would hold them.
        spec: how it behaves; None for a new one, of which nothing was ever heard.
        story: one sentence on its year, for people who look for something to see.
    """

    model: Model
    serial: str
    placed_on: date
    facts: Mapping[str, str]
    nested: Mapping[str, Any]
    spec: PackSpec | None
    story: str

    @property
    def category(self) -> Category:
        """Of the law."""
        return self.model.category

    @property
    def identifier_path(self) -> str:
        """`/01/{gtin}/21/{serial}`."""
        return identifier_path(self.model.gtin, self.serial)


@dataclass(frozen=True)
class _Plan:
    """One row of the fleet: model, where it stands, what it went through before its year, what goes wrong."""

    model: Model
    story: str
    climate: str = "temperate"
    health: float = 0.985
    full_cycles: int = 60
    troubles: tuple[Trouble, ...] = ()
    new: bool = False


_PLANS: Final = (
    _Plan(_CAR, "daily commutes, charged at home"),
    _Plan(_CAR, "cold winters", "nordic", 0.97, 95),
    _Plan(_CAR, "warm summers", "mediterranean", 0.965, 120),
    _Plan(_CAR, "three hard years in a hot climate: worn", "hot", 0.76, 910),
    _Plan(_VAN, "deliveries", "temperate", 0.98, 210),
    _Plan(_VAN, "three weeks without telemetry", "temperate", 0.975, 180, (Trouble.TELEMETRY_GAP,)),
    _Plan(_BIKE, "ridden to work"),
    _Plan(_BIKE, "ridden in the south", "mediterranean", 0.955, 150),
    _Plan(_BIKE, "left standing empty for days", "indoors", 0.93, 160, (Trouble.DEEP_DISCHARGE,)),
    _Plan(
        _BIKE,
        "its BMS was exchanged and counts from nought",
        "temperate",
        0.95,
        140,
        (Trouble.COUNTER_RESET,),
    ),
    _Plan(_MOPED, "shared moped in a hot city", "hot", 0.88, 390),
    _Plan(_HOME, "a house with a roof", "indoors", 0.99, 110),
    _Plan(_HOME, "a house in the south", "mediterranean", 0.98, 190),
    _Plan(_HOME, "discharged far below its limit", "indoors", 0.97, 230, (Trouble.DEEP_DISCHARGE,)),
    _Plan(_RACK, "one of a rack", "indoors", 0.985, 160),
    _Plan(
        _RACK, "one of a rack, three weeks without telemetry", "indoors", 0.98, 170, (Trouble.TELEMETRY_GAP,)
    ),
    _Plan(_TRUCK, "two shifts a day", "indoors", 0.975, 320),
    _Plan(_TRUCK, "two shifts in a cold store", "nordic", 0.96, 410),
    _Plan(_STANDBY, "kept full, tested every month", "indoors", 0.995, 8),
    _Plan(
        _STANDBY,
        "kept full in a hot cabinet; its BMS was exchanged",
        "hot",
        0.96,
        14,
        (Trouble.COUNTER_RESET,),
    ),
    _Plan(_CAR, "new", new=True),
    _Plan(_VAN, "new", new=True),
    _Plan(_BIKE, "new", new=True),
    _Plan(_MOPED, "new", new=True),
    _Plan(_HOME, "new", new=True),
    _Plan(_RACK, "new", new=True),
    _Plan(_TRUCK, "new", new=True),
)


def history(today: date) -> tuple[datetime, datetime]:
    """Begin and end of the simulated year: the 365 days before `today`, in UTC."""
    end = datetime(today.year, today.month, today.day, tzinfo=UTC)
    return end - timedelta(days=HISTORY_DAYS), end


def fleet(seed: int, today: date) -> Sequence[DemoPack]:
    """The packs, aged ones first; the same for the same seed and day.

    Aged ones were placed on the market before passports are owed and at least 50 days before their year
    begins; new ones on or after that day, about now where now is later.
    """
    random = np.random.default_rng(seed)
    packs = []
    for number, plan in enumerate(_PLANS):
        serial = new_serial(random.bytes(10))
        days = int(random.integers(50, 160)) + plan.full_cycles
        if plan.new:
            placed_on = max(FIRST_OWED, today - timedelta(days=30)) + timedelta(days=number % 7)
        else:
            last = min(today - timedelta(days=HISTORY_DAYS), FIRST_OWED - timedelta(days=1))
            # Nobody drives a battery through more than one and a half cycles a day.
            placed_on = last - timedelta(days=days)
        spec = None if plan.new else _spec(plan, seed * 1000 + number)
        facts = _facts(plan, serial, placed_on, number)
        packs.append(
            DemoPack(plan.model, serial, placed_on, facts, _nested(plan.model, facts), spec, plan.story)
        )
    return packs


# Models of the large fleet, how many of ten each, and health after its first life from worst to best.
_RETIRED: Final = (
    (_HOME, 3, 0.74, 0.95),
    (_RACK, 2, 0.72, 0.95),
    (_CAR, 2, 0.70, 0.92),
    (_VAN, 1, 0.74, 0.95),
    (_MOPED, 1, 0.66, 0.92),
    (_TRUCK, 1, 0.70, 0.92),
)
BENCH_DAYS: Final = 3
BENCH_STEP_S: Final = 60


def on_the_bench(today: date) -> tuple[datetime, datetime]:
    """Begin and end of the days on the test bench: those before `today`, in UTC."""
    end = datetime(today.year, today.month, today.day, tzinfo=UTC)
    return end - timedelta(days=BENCH_DAYS), end


def retired(seed: int, today: date, count: int) -> Iterator[DemoPack]:
    """So many packs after their first life, each about to spend some days on a test bench.

    The same for the same seed and day. What they went through before is told by health alone, as the counter
    of full cycles begins on the bench.
    """
    random = np.random.default_rng([seed, 2])
    kinds = [kind for kind in _RETIRED for _ in range(kind[1])]
    for number in range(count):
        model, _, worst, best = kinds[number % len(kinds)]
        health = round(worst + (best - worst) * float(random.beta(2.0, 1.6)), 4)
        # A pack that lost more was cycled more.
        cycles = int(model.cycles * min(1.0, (1.0 - health) / 0.3) * float(random.uniform(0.4, 0.7)))
        plan = _Plan(model, "after its first life, on a test bench", "indoors", health, cycles)
        serial = new_serial(random.bytes(10))
        placed_on = today - timedelta(days=200 + int(cycles * float(random.uniform(1.0, 1.4))))
        placed_on = min(placed_on, FIRST_OWED - timedelta(days=1))
        facts = _facts(plan, serial, placed_on, number)
        spec = replace(_spec(plan, seed * 100_000 + number), duty="bench")
        yield DemoPack(model, serial, placed_on, facts, _nested(model, facts), spec, plan.story)


def _spec(plan: _Plan, seed: int) -> PackSpec:
    model = plan.model
    return PackSpec(
        model.chemistry,
        model.cells,
        model.capacity_ah,
        seed=seed,
        duty=model.duty,
        climate=plan.climate,
        health=plan.health,
        full_cycles=plan.full_cycles,
        charge_limit_c=model.limits_c[0],
        discharge_limit_c=model.limits_c[1],
        # Cells of a worn pack have drifted further apart.
        capacity_spread=0.004 + 0.02 * (1.0 - plan.health),
        time_constant_s=model.cooling_s,
        troubles=tuple(trouble.value for trouble in plan.troubles),
    )


# What the chemistries are called in declared data, and how to put their fires out.
_CHEMISTRY: Final = MappingProxyType(
    {
        "LFP": ("Li-ion LFP", "lithium iron phosphate, graphite"),
        "NMC": ("Li-ion NMC", "lithium nickel manganese cobalt oxide, graphite"),
        "LMO": ("Li-ion LMO", "lithium manganese oxide, graphite"),
        "LTO": ("other", "lithium nickel manganese cobalt oxide, lithium titanate"),
    }
)


def _number(value: float, digits: int = 0) -> str:
    """The value as decimal text with at most so many digits behind the point."""
    text = format(Decimal(str(round(value, digits))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _facts(plan: _Plan, serial: str, placed_on: date, number: int) -> Mapping[str, str]:
    model = plan.model
    new = PackSpec(model.chemistry, model.cells, model.capacity_ah)
    nominal_v = new.cell.nominal_v * model.cells
    energy_kwh = nominal_v * model.capacity_ah / 1000.0
    chemistry, chemistry_name = _CHEMISTRY[model.chemistry]
    made = placed_on - timedelta(days=40)
    documents = f"{_DOCUMENTS}/{model.name.lower()}"
    facts = {
        # Who and what
        "model_identifier": model.name,
        "serial_number": serial,
        "batch_number": f"EX{made.year % 100:02d}{made.month:02d}-{number % 5 + 1}",
        "operator_name": model.maker.name,
        "operator_identifier": f"EXAMPLE-{model.maker.id.upper()}",
        "operator_role": "manufacturer",
        "manufacturer_name": model.maker.name,
        "manufacturer_identifier": f"EXAMPLE-{model.maker.id.upper()}",
        "manufacturer_web": f"https://{model.maker.id}.example.com/",
        "manufacturer_email": f"info@{model.maker.id}.example.com",
        "facility_identifier": model.maker.plant,
        "manufacturing_date": f"{made.year:04d}-{made.month:02d}",
        "placed_on_market_date": placed_on.isoformat(),
        "battery_category": model.category.value,
        "battery_status": "original",
        "battery_mass": _number(energy_kwh * 1000.0 / model.wh_per_kg, 1),
        "warranty_period": str(model.warranty_months),
        # Chemistry and safety
        "battery_chemistry": chemistry,
        "battery_chemistry_name": chemistry_name,
        "extinguishing_agent": "Water, in large amounts; Keep cooling after the flames are out",
        "hazardous_substance_impacts": "Leaking electrolyte irritates skin, eyes and airways",
        # Documents; the addresses are reserved for examples and lead nowhere
        "separate_collection_symbol": f"{documents}/collection-symbol",
        "eu_declaration_of_conformity": f"{documents}/declaration",
        "test_reports": f"{documents}/tests",
        "dismantling_manuals": f"{documents}/dismantling",
        "safety_measures": f"{documents}/safety",
        "waste_prevention_info": f"{_DOCUMENTS}/waste/prevention",
        "separate_collection_info": f"{_DOCUMENTS}/waste/collection",
        "collection_and_treatment_info": f"{_DOCUMENTS}/waste/treatment",
        "waste_safety_instructions": f"{_DOCUMENTS}/waste/safety",
        # Performance
        "rated_capacity": _number(model.capacity_ah, 1),
        "minimum_voltage": _number(new.minimum_v, 2),
        "nominal_voltage": _number(nominal_v, 2),
        "maximum_voltage": _number(new.maximum_v, 2),
        "maximum_permitted_power": _number(nominal_v * model.capacity_ah * model.limits_c[1]),
        "power_energy_ratio": _number(model.limits_c[1], 1),
        "initial_round_trip_efficiency": _number(97.0 - 20.0 * new.cell.resistance_ohm_ah),
        "round_trip_efficiency_50_cycle_life": _number(95.0 - 24.0 * new.cell.resistance_ohm_ah),
        "internal_resistance_cell": _number(new.cell_resistance_ohm, 6),
        "internal_resistance_pack": _number(new.cell_resistance_ohm * model.cells * 1.08, 5),
        "expected_lifetime_cycles": str(model.cycles),
        "expected_lifetime_years": str(model.years),
        "cycle_life_reference_test": "Example test bench, method in the test reports",
        "c_rate_cycle_life_test": "0.5",
        "cycle_test_depth_of_discharge": "80",
        "idle_temperature_min": "-20",
        "idle_temperature_max": "45",
        "idle_temperature_reference_test": "Example test bench, method in the test reports",
        "renewable_content_share": "0",
    }
    facts |= _by_category(model, placed_on, energy_kwh, new=plan.new)
    return MappingProxyType(facts)


def _nested(model: Model, facts: Mapping[str, str]) -> Mapping[str, Any]:
    return nested(
        maker_name=model.maker.name,
        maker_id=model.maker.id,
        model=model.name,
        chemistry=model.chemistry,
        mass_kg=Decimal(facts["battery_mass"]),
        cells=model.cells,
        nominal_w=Decimal(facts["maximum_permitted_power"]),
        documents=f"{_DOCUMENTS}/{model.name.lower()}",
    )


def _by_category(model: Model, placed_on: date, energy_kwh: float, *, new: bool) -> dict[str, str]:
    """Facts that only some categories have."""
    service = {} if new else {"putting_into_service_date": (placed_on + timedelta(days=20)).isoformat()}
    if model.category is Category.EV:
        return {
            "certified_usable_energy": _number(0.94 * energy_kwh, 1),
            "capacity_threshold_exhaustion": "70",
        }
    if model.category is Category.LMT:
        return {"initial_self_discharge_rate": "2.5", **service}
    if model.category is Category.STATIONARY:
        return {"industrial_subtype": "stationary", "initial_self_discharge_rate": "2", **service}
    return {"industrial_subtype": "other"}
