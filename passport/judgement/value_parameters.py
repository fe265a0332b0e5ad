"""The parameters of residual value: prices, payables, costs and rates, each dated, sourced and bounded.

They come from one file. Nothing is fetched when a battery is judged, and a file with a missing, misspelt,
undated or absurd entry is refused by the entry's name: no value is worth more than the prices behind it.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson

from passport.errors import ParametersRefused

METALS: Final = ("nickel", "cobalt", "manganese", "lithium", "copper", "aluminium", "steel")

_KEYS: Final = ("value", "low", "high", "unit", "as_of", "source")
_TOP: Final = ("title", "as_of", "currency")
_SHARE: Final = ("1", 0.0, 1.0)
_COST: Final = ("EUR/kWh", 0.0, 500.0)
_METAL: Final = ("USD/kg", 0.0, 1000.0)

# Name of an entry: its unit, and the bounds within which a figure is believed.
ENTRIES: Final[Mapping[str, tuple[str, float, float]]] = MappingProxyType(
    {
        "rate.usd": ("EUR/USD", 0.2, 5.0),
        "rate.discount": ("1/a", 0.0, 0.5),
        "rate.used_discount": _SHARE,
        "price.new.stationary": ("EUR/kWh", 1.0, 2000.0),
        "price.new.lfp": ("EUR/kWh", 1.0, 2000.0),
        "price.new.nickel": ("EUR/kWh", 1.0, 2000.0),
        "price.metal.nickel": _METAL,
        "price.metal.cobalt": _METAL,
        "price.metal.manganese": _METAL,
        "price.metal.lithium_carbonate": _METAL,
        "price.metal.copper": _METAL,
        "price.metal.aluminium": _METAL,
        "price.metal.steel": _METAL,
        **{f"payable.{metal}": _SHARE for metal in METALS},
        "yield.mechanical": _SHARE,
        "cost.process": _COST,
        "cost.test": _COST,
        "cost.test_with_history": _COST,
        "cost.repack": _COST,
        "cost.reuse": _COST,
        "cost.logistics": _COST,
        "cost.warranty": _COST,
        "cost.warranty_claim": _COST,
        "factor.damaged_transport": ("1", 1.0, 20.0),
        "new.years": ("a", 1.0, 20.0),
        "new.end": ("1", 0.3, 1.0),
        "warranty.years": ("a", 0.0, 20.0),
    }
)


@dataclass(frozen=True)
class Parameter:
    """One figure with its band.

    Attributes:
        value: the middle: half of all outcomes lie below.
        low, high: nine outcomes in ten lie between.
        unit: of all three.
        as_of: day of the figure.
        source: who says so.
    """

    value: float
    low: float
    high: float
    unit: str
    as_of: date
    source: str


@dataclass(frozen=True)
class ValueParameters:
    """A checked file.

    Attributes:
        title: what its author calls it.
        as_of: day for which it was put together.
        entries: by name, every one of `ENTRIES`.
        digest: SHA-256 over the entries in canonical form, 64 hex digits; the same figures have the same.
    """

    title: str
    as_of: date
    entries: Mapping[str, Parameter]
    digest: str

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON: what is printed with every value."""
        return {
            "title": self.title,
            "as_of": self.as_of.isoformat(),
            "digest": self.digest,
            "entries": {
                name: {
                    "value": _text(one.value),
                    "low": _text(one.low),
                    "high": _text(one.high),
                    "unit": one.unit,
                    "as_of": one.as_of.isoformat(),
                    "source": one.source,
                }
                for name, one in self.entries.items()
            },
        }


def read_parameters(path: Path | None = None) -> ValueParameters:
    """The parameters of a file; the packaged defaults without one.

    Raises:
        ParametersRefused: names every entry that is missing, misspelt, undated, or not to be believed.
    """
    if path is None:
        text = resources.files("passport.judgement").joinpath("value.toml").read_text("utf-8")
        return parse_parameters(text, "value.toml")
    try:
        return parse_parameters(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ParametersRefused([f"{path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise ParametersRefused([f"{path}: expected UTF-8 text"]) from error


# A fleet is assessed at one file: its text is looked at each time, and read once.
@lru_cache(maxsize=8)
def parse_parameters(text: str, name: str) -> ValueParameters:
    """The parameters that a TOML text states; `name` is what messages call it.

    Raises:
        ParametersRefused: as `read_parameters`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParametersRefused([f"{name}: expected TOML, came: {error}"]) from None
    faults: list[str] = []
    top = {key: document.pop(key, None) for key in _TOP}
    if not isinstance(top["title"], str) or not top["title"].strip():
        faults.append(f"{name}: title: expected a text")
    if type(top["as_of"]) is not date:
        faults.append(f"{name}: as_of: expected a day, as in 2026-11-01")
    if top["currency"] != "EUR":
        faults.append(f"{name}: currency: expected EUR; other currencies are converted by rate entries")
    found = dict(_leaves(document, ""))
    faults += [f"{name}: {unknown}: no such entry" for unknown in sorted(set(found) - set(ENTRIES))]
    entries: dict[str, Parameter] = {}
    for entry in ENTRIES:
        if entry not in found:
            faults.append(f"{name}: {entry}: missing")
            continue
        read = _entry(f"{name}: {entry}", entry, found[entry])
        if isinstance(read, Parameter):
            entries[entry] = read
        else:
            faults += read
    if faults:
        raise ParametersRefused(faults)
    return ValueParameters(top["title"], top["as_of"], MappingProxyType(entries), _digest(entries))


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Tables that hold no further table, and whatever is no table, by dotted name."""
    for key, inner in table.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict) and inner and all(isinstance(one, dict) for one in inner.values()):
            yield from _leaves(inner, f"{name}.")
        else:
            yield name, inner


def _entry(place: str, name: str, entry: Any) -> Parameter | list[str]:
    if not isinstance(entry, dict):
        return [f"{place}: expected a table with {', '.join(_KEYS)}"]
    faults = [f"{place}: unknown key {key!r}" for key in sorted(set(entry) - set(_KEYS))]
    faults += [f"{place}: {key} is missing" for key in _KEYS if key not in entry]
    if faults:
        return faults
    unit, lowest, highest = ENTRIES[name]
    if entry["unit"] != unit:
        faults.append(f"{place}: unit: expected {unit!r}, came {entry['unit']!r}")
    if type(entry["as_of"]) is not date:
        faults.append(f"{place}: as_of: expected a day: a price without its day says nothing")
    if not isinstance(entry["source"], str) or not entry["source"].strip():
        faults.append(f"{place}: source: expected who says so")
    figures = [entry[key] for key in ("low", "value", "high")]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in figures):
        return [*faults, f"{place}: low, value and high: expected numbers"]
    low, value, high = (float(one) for one in figures)
    if not lowest <= low <= value <= high <= highest:
        faults.append(
            f"{place}: expected {lowest:g} <= low <= value <= high <= {highest:g},"
            f" came {low:g}, {value:g}, {high:g}"
        )
    return faults or Parameter(value, low, high, unit, entry["as_of"], entry["source"])


def _digest(entries: Mapping[str, Parameter]) -> str:
    rows = [
        [name, _text(one.low), _text(one.value), _text(one.high), one.unit, one.as_of.isoformat(), one.source]
        for name, one in sorted(entries.items())
    ]
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()


def _text(value: float) -> str:
    """The shortest decimal text that means this figure."""
    return format(value, ".15g")
