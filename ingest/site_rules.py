"""Doubts about several sources of one site: who is heard twice, who is a sum, who lies in series or parallel.

A `SiteMemory` is told what the sources say, and when; `site_findings` compares the units that were heard of
late. A unit is a part of a source that shows a voltage and a current. What calls for commissioning freezes a
binding: the part stands in `SiteMemory.aside` until it is commissioned, and its rows go to no battery.

Values of different sources are never of one moment. A condition therefore has to hold for minutes, and only
with currents that are large enough to tell units apart.

Source: field reports of banks (docs/decisions/0231).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from itertools import combinations
from typing import Final

from ingest.plausibility import SEVERITIES, Check, Finding, Severity
from ingest.remembering import parent
from schemas.reading import Reading

# So many units are compared; a site that has more is read by several gateways.
MOST_UNITS: Final = 200
# In series are two to four units; more of them are a string with a master.
_MOST_IN_SERIES: Final = 4
_SERIES_CANDIDATES: Final = 12
# What was heard longer ago says nothing about now.
FRESH_S: Final = 120.0
_SAMPLES: Final = 30
_LEAST_SAMPLES: Final = 8
_OVER_S: Final = 600.0
# Currents that tell units apart, in ampere.
_FLOWS: Final = Decimal(1)

Place = tuple[str, str | None]  # source and component


@unique
class Role(StrEnum):
    """What a source is on its bus."""

    BATTERY = "battery"
    METER = "meter"  # an inverter or a meter of the bus: voltage and current of all of it


DUPLICATE_SERIAL: Final = Check(
    "duplicate_serial",
    1,
    Severity.COMMISSION,
    "one serial number at two places: one device that is heard twice",
)
SAME_ADDRESS: Final = Check(
    "same_address", 1, Severity.WARN, "two sources ask under one bus address of one line"
)
IN_SERIES: Final = Check(
    "independent_in_series",
    6,
    Severity.WARN,
    "units with a BMS each carry one current and add up to the voltage of the bus: independent batteries in"
    " series have no common protection; they stay two batteries",
    300,
)
UNPLANNED_PARALLEL: Final = Check(
    "unplanned_parallel",
    7,
    Severity.COMMISSION,
    "units at one voltage add up to the current of the bus, and not all of them are bound to a battery",
    300,
)
AGGREGATE: Final = Check(
    "aggregate_as_battery",
    8,
    Severity.COMMISSION,
    "a battery is the sum of others that are bound as well: a bank is no battery beside its batteries",
    120,
)
MIXED: Final = Check(
    "mixed_bank",
    18,
    Severity.WARN,
    "different capacities or chemistries in parallel: allowed, written down, and never averaged plainly",
    600,
)
CHECKS: Final = (DUPLICATE_SERIAL, SAME_ADDRESS, IN_SERIES, UNPLANNED_PARALLEL, AGGREGATE, MIXED)


@dataclass(frozen=True)
class Described:
    """What the site's plan says of a source.

    Attributes:
        role: battery or meter.
        line: the line it is on, such as `serial:/dev/ttyUSB0`; None when it has one of its own.
        bus_address: its number there; None where it has none.
        bus: name of the common DC bus; None when nobody said.
        bindings: component (None: the whole) to battery.
    """

    role: Role = Role.BATTERY
    line: str | None = None
    bus_address: int | None = None
    bus: str | None = None
    bindings: Mapping[str | None, str] = field(default_factory=dict)


@dataclass
class Unit:
    """A part of a source that shows a voltage.

    Attributes:
        at: when it last spoke.
        numbers: last numbers of quantities without a position.
        texts: last texts.
        samples: the last voltages and currents.
    """

    at: datetime
    numbers: dict[str, Decimal] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    samples: deque[tuple[datetime, Decimal, Decimal]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    @property
    def voltage(self) -> Decimal:
        """Its last voltage; 0 before the first."""
        return self.numbers.get("voltage", Decimal(0))

    @property
    def current(self) -> Decimal:
        """Its last current; 0 before the first."""
        return self.numbers.get("current", Decimal(0))

    @property
    def capacity(self) -> Decimal | None:
        """What it holds when full, as learned, else as configured."""
        return self.numbers.get("full_charge_capacity") or self.numbers.get("nameplate_capacity")


@dataclass
class _Told:
    since: datetime
    last: datetime
    sentence: str
    raised: bool = False


_Sight = tuple[Check, tuple[Place, ...], str]


@dataclass
class SiteMemory:
    """What the sources of one site said of late.

    Attributes:
        described: the plan, by source.
        units: what was heard, by source and component.
        aside: parts whose binding is frozen, with the code of the check that says why.
        told: what holds, since when, and whether its hold time has passed.
    """

    described: dict[str, Described] = field(default_factory=dict)
    units: dict[Place, Unit] = field(default_factory=dict)
    aside: dict[Place, str] = field(default_factory=dict)
    told: dict[tuple[str, tuple[Place, ...]], _Told] = field(default_factory=dict)
    _serials: dict[str, list[Place]] = field(default_factory=dict)

    def describe(self, source: str, described: Described) -> None:
        """What the plan says of a source; said again when its bindings change."""
        self.described[source] = described

    def note(self, source: str, readings: Iterable[Reading], at: datetime) -> None:
        """What a source said in one batch; values that no sum may use are passed over."""
        spoke: set[str | None] = set()
        for reading in readings:
            if reading.value is None or _unusable(reading):
                continue
            unit = self.units.get((source, reading.component))
            if unit is None:
                if len(self.units) >= MOST_UNITS:
                    continue
                unit = self.units[source, reading.component] = Unit(at)
            unit.at = max(at, unit.at)
            spoke.add(reading.component)
            if isinstance(reading.value, Decimal) and reading.index is None:
                unit.numbers[reading.quantity] = reading.value
            elif isinstance(reading.value, str):
                unit.texts[reading.quantity] = reading.value
                if reading.quantity == "serial_number" and reading.value.strip("0 "):
                    places = self._serials.setdefault(reading.value, [])
                    if (source, reading.component) not in places:
                        places.append((source, reading.component))
        for component in spoke:
            unit = self.units[source, component]
            if "voltage" in unit.numbers and "current" in unit.numbers:
                unit.samples.append((at, unit.voltage, unit.current))

    def commissioned(self, source: str, component: str | None) -> None:
        """Somebody said what the part is: it is no longer kept aside, and its serial number is read anew."""
        self.aside.pop((source, component), None)
        for places in self._serials.values():
            if (source, component) in places:
                places.remove((source, component))

    def kept_aside(self, source: str, component: str | None) -> str | None:
        """The code that keeps a part, or one around it, aside; None when nothing does."""
        at = component
        while at is not None:
            if (source, at) in self.aside:
                return self.aside[source, at]
            at = parent(at)
        return self.aside.get((source, None))

    def bound(self, place: Place) -> str | None:
        """The battery that a part is bound to by itself; None when it is not."""
        source, component = place
        described = self.described.get(source)
        return described.bindings.get(component) if described else None

    def role(self, source: str) -> Role:
        """What the source is; a battery when nobody said."""
        return self.described[source].role if source in self.described else Role.BATTERY

    def bus(self, place: Place) -> str | None:
        """The DC bus that the source was said to be on."""
        return self.described[place[0]].bus if place[0] in self.described else None

    def serials(self) -> Iterator[tuple[str, Sequence[Place]]]:
        """Serial numbers with the places where they were heard, in the order of hearing."""
        yield from self._serials.items()


def _unusable(reading: Reading) -> bool:
    return any(SEVERITIES.get(code) is not Severity.WARN for code in reading.doubts if code in SEVERITIES)


def site_findings(memory: SiteMemory, now: datetime) -> list[Finding]:
    """What began or ended since this was last asked. Ask once in a polling round.

    A part whose binding is frozen by a finding stands in `memory.aside` afterwards.
    """
    fresh = {
        place: unit
        for place, unit in memory.units.items()
        if (now - unit.at).total_seconds() <= FRESH_S and unit.samples
    }
    batteries = {place: unit for place, unit in fresh.items() if memory.role(place[0]) is Role.BATTERY}
    meters = {place: unit for place, unit in fresh.items() if memory.role(place[0]) is Role.METER}
    sights = [
        *_duplicates(memory),
        *_addresses(memory),
        *_series(memory, batteries, meters),
        *_parallel(memory, batteries, meters),
        *_aggregates(memory, batteries),
        *_mixed(memory, batteries),
    ]
    return [*_raise(memory, sights, now), *_end(memory, now)]


def _raise(memory: SiteMemory, sights: Iterable[_Sight], now: datetime) -> Iterator[Finding]:
    for check, places, sentence in sights:
        key = (check.code, places)
        told = memory.told.get(key)
        if told is None or (now - told.last).total_seconds() > max(check.hold_s, _OVER_S):
            told = memory.told[key] = _Told(now, now, sentence)
        told.last = now
        if told.raised or (now - told.since).total_seconds() < check.hold_s:
            continue
        told.raised, told.sentence = True, sentence
        if check.severity is Severity.COMMISSION and (frozen := _frozen(memory, check, places)) is not None:
            memory.aside[frozen] = check.code
            told.sentence += f"; the binding of {_name(frozen)} is frozen until it is commissioned anew"
        yield Finding(check, places[0][1], told.sentence, now, source=places[0][0], parts=places)


def _frozen(memory: SiteMemory, check: Check, places: tuple[Place, ...]) -> Place | None:
    """Whose binding is frozen; None where no battery could get what is another's."""
    if check is AGGREGATE:
        return places[0]
    if check is DUPLICATE_SERIAL:
        owners = {owner for place in places if (owner := memory.bound(place)) is not None}
        return places[-1] if len(owners) > 1 else None
    return None


def _end(memory: SiteMemory, now: datetime) -> Iterator[Finding]:
    checks = {check.code: check for check in CHECKS}
    for (code, places), told in list(memory.told.items()):
        if (now - told.last).total_seconds() <= max(_OVER_S, checks[code].hold_s):
            continue
        del memory.told[code, places]
        if told.raised:
            yield Finding(
                checks[code], places[0][1], told.sentence, now, places[0][0], ended=True, parts=places
            )


def _name(place: Place) -> str:
    return f"{place[0]} {place[1]}" if place[1] else place[0]


def _names(places: Iterable[Place]) -> str:
    return ", ".join(_name(place) for place in places)


# ------------------------------------------------------------------------------------ heard twice (rule 1)


def _duplicates(memory: SiteMemory) -> Iterator[_Sight]:
    for serial, heard in memory.serials():
        # A bank's master may repeat the number of its own module; parts inside one another are one road.
        places = [place for place in heard if not any(_inside(place, other) for other in heard)]
        if len(places) > 1:
            yield (
                DUPLICATE_SERIAL,
                tuple(places),
                f"serial number {serial} at {_names(places)}: {DUPLICATE_SERIAL.reason}",
            )


def _inside(place: Place, other: Place) -> bool:
    if place == other or place[0] != other[0] or place[1] is None:
        return False
    return other[1] is None or place[1].startswith(other[1] + "/")


def _addresses(memory: SiteMemory) -> Iterator[_Sight]:
    seen: dict[tuple[str, int | None], str] = {}
    for source, described in memory.described.items():
        if described.line is None:
            continue
        first = seen.setdefault((described.line, described.bus_address), source)
        if first != source:
            number = "no address" if described.bus_address is None else f"address {described.bus_address}"
            yield (
                SAME_ADDRESS,
                ((first, None), (source, None)),
                f"{first} and {source} have {number} of {described.line}: {SAME_ADDRESS.reason}",
            )


# --------------------------------------------------------------------- series and parallel (rules 6 to 8, 18)


def _near(value: Decimal, other: Decimal, share: str, slack: str = "0") -> bool:
    return abs(value - other) <= abs(other) * Decimal(share) + Decimal(slack)


def _tops(units: Mapping[Place, Unit]) -> dict[Place, Unit]:
    """Units with no unit of their own source around them: there is no master above them."""
    return {place: unit for place, unit in units.items() if not any(_inside(place, other) for other in units)}


def _same_bus(memory: SiteMemory, *places: Place) -> bool:
    return len({bus for place in places if (bus := memory.bus(place)) is not None}) <= 1


def _alike(one: Unit, other: Unit) -> bool:
    """Currents of one sign and size over all samples, and their changes go together."""
    pairs = list(zip(reversed(one.samples), reversed(other.samples), strict=False))
    if len(pairs) < _LEAST_SAMPLES:
        return False
    mine, theirs = [a[2] for a, _ in pairs], [b[2] for _, b in pairs]
    if not all(_near(a, b, "0.05", "0.5") for a, b in zip(mine, theirs, strict=True)):
        return False
    if max(map(abs, mine)) < _FLOWS:
        return False
    return _correlation(mine, theirs) >= 0.95


def _correlation(one: Sequence[Decimal], other: Sequence[Decimal]) -> float:
    """Pearson's; 1 for two that do not move at all, as equal ones were asked for before."""
    a, b = [float(value) for value in one], [float(value) for value in other]
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    both = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
    steady = max(max(a) - min(a), max(b) - min(b)) < 0.5
    return 1.0 if steady else (both / spread if spread else 0.0)


def _series(
    memory: SiteMemory, batteries: Mapping[Place, Unit], meters: Mapping[Place, Unit]
) -> Iterator[_Sight]:
    flowing = {place: unit for place, unit in _tops(batteries).items() if abs(unit.current) >= _FLOWS}
    candidates = list(flowing.items())[:_SERIES_CANDIDATES]
    for meter, bus in meters.items():
        for count in range(2, _MOST_IN_SERIES + 1):
            for group in combinations(candidates, count):
                places = tuple(place for place, _ in group)
                units = [unit for _, unit in group]
                total = sum((unit.voltage for unit in units), Decimal(0))
                if not _near(total, bus.voltage, "0.02") or not _same_bus(memory, meter, *places):
                    continue
                if all(_alike(units[0], unit) for unit in units[1:]):
                    where = f"{_names(places)} at {_name(meter)} ({total} V of {bus.voltage} V)"
                    yield IN_SERIES, places, f"{where}: {IN_SERIES.reason}"


def _parallel(
    memory: SiteMemory, batteries: Mapping[Place, Unit], meters: Mapping[Place, Unit]
) -> Iterator[_Sight]:
    tops = _tops(batteries)
    for meter, bus in meters.items():
        group = {
            place: unit
            for place, unit in tops.items()
            if bus.voltage and _near(unit.voltage, bus.voltage, "0.01") and _same_bus(memory, meter, place)
        }
        bound = [place for place in group if _covered(memory, place)]
        loose = [place for place in group if place not in bound]
        total = sum((unit.current for unit in group.values()), Decimal(0))
        if not bound or not loose or abs(bus.current) < _FLOWS:
            continue
        told = sum((group[place].current for place in bound), Decimal(0))
        # Without the unbound ones something is missing; with them nothing is.
        if _near(total, bus.current, "0.05", "0.5") and not _near(told, bus.current, "0.05", "0.5"):
            yield (
                UNPLANNED_PARALLEL,
                tuple(loose),
                f"{_names(loose)} beside {_names(bound)} at {_name(meter)}: {UNPLANNED_PARALLEL.reason}",
            )


def _covered(memory: SiteMemory, place: Place) -> bool:
    """Whether the part, one around it, or every battery inside it is bound."""
    source, component = place
    described = memory.described.get(source)
    if described is None:
        return False
    return any(
        path is None or component is None or (component + "/").startswith(path + "/")
        for path in described.bindings
    )


def _aggregates(memory: SiteMemory, batteries: Mapping[Place, Unit]) -> Iterator[_Sight]:
    tops = _tops(batteries)
    for place, unit in batteries.items():
        if memory.bound(place) is None or abs(unit.current) < _FLOWS:
            continue
        inside = {other: one for other, one in batteries.items() if _inside(other, place)}
        inside = _tops(inside)
        by_source: dict[str, dict[Place, Unit]] = {}
        for other, one in tops.items():
            if other[0] != place[0] and _same_bus(memory, place, other):
                by_source.setdefault(other[0], {})[other] = one
        everyone = {other: one for group in by_source.values() for other, one in group.items()}
        for group in (inside, *by_source.values(), everyone):
            if _is_sum(unit, group) and any(
                memory.bound(other) not in (None, memory.bound(place)) for other in group
            ):
                yield (
                    AGGREGATE,
                    (place, *group),
                    f"{_name(place)} ({unit.current} A) is the sum of {_names(group)}: {AGGREGATE.reason}",
                )
                break


def _is_sum(unit: Unit, group: Mapping[Place, Unit]) -> bool:
    """Two or more, at its voltage, with currents (and capacities, where all are known) that add up to its."""
    units = list(group.values())
    if len(units) < 2 or not all(_near(one.voltage, unit.voltage, "0.01") for one in units):
        return False
    if min(abs(one.current) for one in units) < Decimal("0.2"):
        return False
    if not _near(sum((one.current for one in units), Decimal(0)), unit.current, "0.03", "0.5"):
        return False
    capacities = [one.capacity for one in units]
    known = [value for value in capacities if value is not None]
    if unit.capacity is None or len(known) < len(units):
        return True
    return _near(sum(known, Decimal(0)), unit.capacity, "0.03")


def _mixed(memory: SiteMemory, batteries: Mapping[Place, Unit]) -> Iterator[_Sight]:
    groups: dict[tuple[str, str | None], dict[Place, Unit]] = {}
    tops = _tops(batteries)
    for place, unit in batteries.items():
        source, component = place
        if component is not None:
            groups.setdefault((source, parent(component)), {})[place] = unit
        if place in tops and (bus := memory.bus(place)) is not None:
            groups.setdefault(("", bus), {})[place] = unit
    for group in groups.values():
        units = list(group.values())
        if len(units) < 2 or not all(_near(one.voltage, units[0].voltage, "0.01") for one in units):
            continue
        capacities = [value for one in units if (value := one.capacity) is not None]
        chemistries = {text for one in units if (text := one.texts.get("chemistry"))}
        differ = len(capacities) == len(units) and max(capacities) > min(capacities) * Decimal("1.05")
        if differ or len(chemistries) > 1:
            what = f"{min(capacities)} to {max(capacities)} Ah" if differ else ", ".join(sorted(chemistries))
            yield MIXED, tuple(group), f"{_names(group)} ({what}): {MIXED.reason}"
