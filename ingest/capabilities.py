"""Which protocol says what: read from the field tables themselves, for `docs/capabilities.md`.

`python -m ingest.capabilities` prints that page. A quantity that a module reads by hand is listed in its
`ALSO`, `ALSO_DERIVED` or `ALSO_CONFIGURED`; a test reads every capture and fails on one that is in neither.
"""

import dataclasses
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.protocol import Field, Protocol, discover, files
from schemas.terms import Origin

# Columns of the page: what a passport and its condition need.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "cell V": ("cell_voltage",),
    "cell T": ("cell_temperature",),
    "V, A": ("voltage", "current"),
    "SoC": ("state_of_charge",),
    "BMS health": ("bms_reported_health",),
    "cycles": ("cycle_count",),
    "learned Ah": ("full_charge_capacity",),
    "nameplate Ah": ("nameplate_capacity",),
    "Ah over life": ("charge_in", "charge_out", "charge_throughput"),
    "Wh over life": ("energy_in", "energy_out"),
    "event counts": ("event_count",),
    "alarms": ("alarm", "warning", "protection"),
    "serial": ("serial_number",),
    "made on": ("manufacture_date",),
}
_DEEPEST: Final = 6
_BY_HAND: Final = {
    "ALSO": Origin.NATIVE,
    "ALSO_DERIVED": Origin.DERIVED,
    "ALSO_CONFIGURED": Origin.CONFIGURED,
}
_MARKS: Final = {
    Origin.DERIVED: "derived",
    Origin.CONFIGURED: "configured",
    Origin.PLACEHOLDER: "placeholder",
}

# ruff: noqa: E501  # a page has long lines
_HEAD: Final = """\
# What each protocol says

Generated from the field tables (`python -m ingest.capabilities > docs/capabilities.md`).

- `yes`: the device sends it; `derived`: it follows from two other fields; `configured`: a person typed it in; empty: not there. That a protocol can say something does not mean that every firmware does.
- "Proven": recordings of devices were decoded to values known from elsewhere. "Unproven": no recording exists, so a first real device has to be checked by hand.
- Any other device is read by a file of the user's, with the capabilities that the file gives it.
"""


def fields(protocol: Protocol) -> dict[str, frozenset[Origin]]:
    """Every quantity of a protocol with the origins that its tables state; those read by hand are native."""
    module = importlib.import_module(type(protocol).__module__)
    found: dict[str, set[Origin]] = {}
    for field in _walk([vars(module), protocol], 0, set()):
        found.setdefault(field.quantity, set()).add(field.origin)
    for name, origin in _BY_HAND.items():
        for quantity in getattr(module, name, ()):
            found.setdefault(quantity, set()).add(origin)
    return {quantity: frozenset(origins) for quantity, origins in found.items()}


def _walk(value: Any, depth: int, seen: set[int]) -> Iterator[Field]:
    """Field tables wherever a module keeps them: in tuples, mappings, rows of its own."""
    if isinstance(value, Field):
        yield value
        return
    if depth > _DEEPEST or id(value) in seen or isinstance(value, str | bytes | int | type):
        return
    seen.add(id(value))
    inside: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inside = value.values()
    elif isinstance(value, tuple | list | frozenset | set):
        inside = value
    elif isinstance(value, Protocol):
        inside = [
            getattr(value, name) for name in ("messages", "registers", "blocks") if hasattr(value, name)
        ]
    elif dataclasses.is_dataclass(value):
        inside = [getattr(value, one.name) for one in dataclasses.fields(value)]
    for one in inside:
        yield from _walk(one, depth + 1, seen)


def _cell(said: Mapping[str, frozenset[Origin]], quantities: tuple[str, ...]) -> str:
    origins = {origin for quantity in quantities for origin in said.get(quantity, ())}
    if Origin.NATIVE in origins:
        return "yes"
    return next((word for origin, word in _MARKS.items() if origin in origins), "")


def markdown() -> str:
    """The page."""
    lines = [_HEAD, f"| protocol | certainty | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, protocol in discover().items():
        said = fields(protocol)
        cells = " | ".join(_cell(said, quantities) for quantities in COLUMNS.values())
        sure = "proven" if protocol.certainty.name == "PROVEN" else "unproven"
        lines.append(f"| [`{name}`](protocols/{name}.md) {protocol.title} | {sure} | {cells} |")
    lines += ["", f"Read by a file of the user's: {', '.join(f'`{name}:FILE`' for name in files())}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(), end="")
