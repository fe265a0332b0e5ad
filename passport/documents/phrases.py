"""Nested values as phrases for people: which members stand where, in the order in which one would say them.

Each shape of `schemas.structures` has patterns. A pattern is said when all of its members are there and none
of them was said before; a member that no pattern names is said with its name, so that nothing is left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from babel import Locale

from schemas.structures import STRUCTURES, Form, Member, Structure
from schemas.values import Kind, ValueType

_PATTERNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "postal_address": ("{street}", "{postal_code} {town}", "{town}", "{country}"),
        "place": ("{plant}", "{town}", "{country}"),
        "contact": ("{name}", "{postal_address}", "{email}", "{telephone}", "{web}"),
        "authorisation": (
            "{operator}",
            "{identifier}",
            "{scope}",
            "{from} to {to}",
            "from {from}",
            "{document}",
        ),
        "registration_proof": (
            "registered as {registration_id}",
            "fetched {fetched_at}",
            "SHA-256 {sha256}",
            "{document}",
        ),
        "data_carrier": ("{kind}", "{place_on_battery}"),
        "ce_marking": ("notified body {notified_body}", "{year}"),
        "label_meaning": ("{label} ({language}): {text}",),
        "index": ("{name}: {value}", "scale {scale}"),
        "status_change": ("{status}", "{at}", "{operator}"),
        "repair": (
            "{at}: {part}",
            "part number {part_number}",
            "{removed_serial} taken out",
            "{installed_serial} put in",
            "by {operator}",
        ),
        "negative_event": ("{type}", "{at}", "for {duration_s}", "{severity}", "{source}"),
        "accident": ("{type}", "{on}", "{description}"),
        "critical_raw_material": ("{name}", "{share}", "CAS {cas_number}", "{list_version}"),
        "material_share": ("{component}: {name}", "CAS {cas_number}", "{mass}", "{share}"),
        "hazardous_substance": (
            "{name}",
            "{hazard_class}",
            "{concentration}",
            "in the {location}",
            "CAS {cas_number}",
            "{impact}",
        ),
        "substance_location": ("{name}", "in the {component}", "CAS {cas_number}"),
        "metal_content": ("{metal}: {share}",),
        "svhc_substance": ("{name}", "{share}", "CAS {cas_number}", "SCIP {scip_number}"),
        "dismantling_item": ("{description}", "{document}"),
        "cell_layout": (
            "{cells} cells",
            "{in_series} in series",
            "{in_parallel} in parallel",
            "{modules} modules",
            "{document}",
        ),
        "part_number": ("{component}: {part_number}",),
        "temperature_range": ("{lower} to {upper}",),
        "power_point": ("{power} at {state_of_charge} charge", "for {duration_s}", "at {temperature}"),
        "power_limits": ("charging {charge}", "discharging {discharge}"),
        "charge_record": ("{from} to {to}: {time_s}",),
        "environment_record": (
            "{temperature_from} to {temperature_to}",
            "{charge_from} to {charge_to} charge",
            "{time_s}",
        ),
        "further_use_evidence": ("test {test}", "contract {contract}", "{transport}"),
    }
)
# Flags that are said by a phrase of their own, and only when they hold.
_FLAGS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("material_share", "critical"): "critical raw material"}
)
# One entry, one line for each of its phrases: what stands on an envelope.
_STACKED: Final = frozenset({"postal_address", "contact"})
_NAMES: Final = re.compile(r"\{(\w+)\}")

Print = Callable[[ValueType[Any], Any], str]


def shape_of(value: ValueType[Any]) -> Structure | None:
    """The shape of a nested value that has patterns; None for any other value."""
    name = value.structure or ""
    return STRUCTURES[name] if name in _PATTERNS else None


def stacked(shape: Structure) -> bool:
    """Whether a single value of the shape takes a line for each phrase."""
    return shape.name in _STACKED


def phrases(shape: Structure, entry: Mapping[str, Any], show: Print) -> list[str]:
    """What is said of one nested value, phrase by phrase.

    Args:
        shape: its shape.
        entry: member to value on the wire; strangers among the members are said with their names.
        show: prints one flat member, with its unit.
    """
    said = {name: _member(shape, name, entry[name], show) for name in entry if entry[name] not in (None, "")}
    return [words for words in _said(shape, said, entry) if words]


def _said(shape: Structure, said: Mapping[str, str], entry: Mapping[str, Any]) -> Iterator[str]:
    left = dict(said)
    for pattern in _PATTERNS[shape.name]:
        names = _NAMES.findall(pattern)
        if all(name in left for name in names):
            yield pattern.format(**{name: left.pop(name) for name in names})
    for name, words in left.items():
        if (shape.name, name) in _FLAGS:
            yield _FLAGS[shape.name, name] if entry[name] is True else ""
        else:
            yield f"{name.replace('_', ' ')} {words}"


def _member(shape: Structure, name: str, wire: Any, show: Print) -> str:
    member = shape.by_name.get(name)
    if member is None or member.value is None:
        return str(wire)
    if member.value.kind is Kind.STRUCTURE and isinstance(wire, Mapping):
        return ", ".join(phrases(STRUCTURES[member.value.structure or ""], wire, show))
    if member.form is Form.COUNTRY:
        return country(str(wire))
    return show(member.value, wire)


@cache
def country(code: str, language: str = "en") -> str:
    """The country's name; a code that is none stays as it is.

    >>> country("DE"), country("Atlantis")
    ('Germany', 'Atlantis')
    """
    return str(Locale(language).territories.get(code, code))


def table(shape: Structure, entries: list[Mapping[str, Any]], show: Print) -> tuple[tuple[str, ...], ...]:
    """Flat entries as rows below their heads; empty where a member is nested or there are too many to fit."""
    used = [member for member in shape.fields if any(member.name in entry for entry in entries)]
    if not 2 <= len(used) <= _COLUMNS or any(not _flat(member) for member in used):
        return ()
    if any(set(entry) - set(shape.by_name) for entry in entries):
        return ()
    head = tuple(member.name.removesuffix("_s").replace("_", " ").replace("cas ", "CAS ") for member in used)
    rows = [
        tuple(
            _member(shape, member.name, entry[member.name], show) if member.name in entry else ""
            for member in used
        )
        for entry in entries
    ]
    return (head, *rows)


_COLUMNS: Final = 6


def _flat(member: Member) -> bool:
    return member.value is not None and member.value.kind is not Kind.STRUCTURE and not member.value.many
