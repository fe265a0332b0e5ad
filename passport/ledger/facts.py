"""Declared facts as they are stored: layer over layer, from the model to the single battery.

A fact is a value on the wire, or `{"absent": "not_applicable"}` where somebody said that there is nothing to
state. Beside the facts stand circumstances: whether a named condition of the law holds. Every layer is one
revision of one subject; what a nearer layer says counts, and nothing is ever overwritten.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import orjson

from passport.errors import FactRefused
from schemas import plausibility
from schemas.conditions import CONDITIONS
from schemas.registry import REGISTRY
from schemas.terms import Absent
from schemas.values import from_utc_text, plain

NOT_APPLICABLE: Final[Mapping[str, str]] = {"absent": Absent.NOT_APPLICABLE.value}

Circumstances = Mapping[str, bool]


@dataclass(frozen=True)
class Layer:
    """The newest revision of one subject's facts.

    Attributes:
        at: when it was declared.
        wired: attribute id to value on the wire, or to `NOT_APPLICABLE`.
        circumstances: name of a condition to whether it holds; one that is not named is not known.
    """

    at: datetime
    wired: Mapping[str, Any]
    circumstances: Circumstances


@dataclass(frozen=True)
class Declared:
    """All that is declared of a battery, its model and its batch.

    Attributes:
        layers: the farthest first: model, batch, battery; a battery without a model has one.
    """

    layers: tuple[Layer, ...]

    @property
    def at(self) -> datetime:
        """When the newest of the layers was declared."""
        return max(layer.at for layer in self.layers)

    @cached_property
    def wired(self) -> Mapping[str, Any]:
        """Attribute id to what counts of it: a value on the wire, or `NOT_APPLICABLE`."""
        if len(self.layers) == 1:
            return self.layers[0].wired
        return {name: wire for layer in self.layers for name, wire in layer.wired.items()}

    @cached_property
    def circumstances(self) -> Circumstances:
        """Condition to whether somebody said that it holds."""
        return {name: holds for layer in self.layers for name, holds in layer.circumstances.items()}

    def values(self) -> dict[str, Any]:
        """The facts as Python values; absences and facts that the registry dropped are left out."""
        return {
            name: REGISTRY[name].value.from_wire(wire)
            for name, wire in self.wired.items()
            if name in REGISTRY and not is_absent(wire)
        }


def is_absent(wire: Any) -> bool:
    """Whether a stored fact says that the attribute does not apply."""
    return isinstance(wire, Mapping) and "absent" in wire


def layer(at: str, facts: bytes, circumstances: str | None) -> Layer:
    """A stored revision, read."""
    return Layer(from_utc_text(at), orjson.loads(facts), orjson.loads(circumstances) if circumstances else {})


def without(layer: Layer, attributes: Collection[str]) -> Layer:
    """The layer, silent about these attributes."""
    return replace(layer, wired={name: said for name, said in layer.wired.items() if name not in attributes})


def wire(values: Mapping[str, Any]) -> dict[str, Any]:
    """Validated Python values as they are stored; None withdraws a fact and stays None.

    Raises:
        FactRefused: a name is no attribute of the registry, or an absence other than "not applicable".
    """
    if unknown := sorted(set(values) - set(REGISTRY)):
        raise FactRefused(f"not an attribute: {', '.join(unknown)}; `cellpass explain` lists them")
    return {name: _one(name, value) for name, value in values.items()}


def _one(name: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Absent):
        if value is not Absent.NOT_APPLICABLE:
            raise FactRefused(
                f"{name}: nobody declares {value.value!r}; leave it out, or say that it does not apply"
            )
        return dict(NOT_APPLICABLE)
    return plain(REGISTRY[name].value.to_wire(value))


def merged(
    before: Layer | None, values: Mapping[str, Any], circumstances: Mapping[str, bool | None]
) -> tuple[dict[str, Any], dict[str, bool]]:
    """Facts and circumstances after a declaration: what it names is added or replaced, None withdraws.

    Raises:
        FactRefused: an attribute or a condition is not known.
    """
    if strange := sorted(set(circumstances) - set(CONDITIONS)):
        raise FactRefused(f"not a condition: {', '.join(strange)}; known are {', '.join(CONDITIONS)}")
    facts = {**(before.wired if before else {}), **wire(values)}
    holds = {**(before.circumstances if before else {}), **circumstances}
    return _without_none(facts), _without_none(holds)


def check_counters(before: Layer, after: Mapping[str, Any]) -> None:
    """Nothing, when no counter falls from one declaration to the next.

    Raises:
        FactRefused: one does; withdrawing it first is the way to correct it.
    """
    stated = (
        {name: wire for name, wire in one.items() if not is_absent(wire)} for one in (before.wired, after)
    )
    fallen = plausibility.counters(*stated)
    if fallen:
        raise FactRefused("; ".join(f"{remark.ids[0]}: {remark.sentence}" for remark in fallen))


def _without_none(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if value is not None}


def stored(facts: Mapping[str, Any], circumstances: Circumstances) -> tuple[bytes, str | None]:
    """What the columns hold."""
    said = orjson.dumps(circumstances, option=orjson.OPT_SORT_KEYS).decode() if circumstances else None
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), said
