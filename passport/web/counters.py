"""A few counters of this process, told at /metrics; plain integers, added under the interpreter's lock."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

_HELP: Final = {
    "pages_stored": "Public pages answered from stored bytes",
    "pages_unchanged": "Public pages answered with 304",
    "pages_rendered": "Public pages rendered",
    "resolved": "Identifiers resolved",
    "resolved_in_vain": "Identifiers that named nothing",
    "telemetry_accepted": "Batches of telemetry accepted",
    "telemetry_refused": "Batches of telemetry refused",
}
_counts: Final[Counter[str]] = Counter()


def add(name: str) -> None:
    """One more of what `_HELP` names."""
    _counts[name] += 1


def text(gauges: Mapping[str, tuple[str, int]]) -> str:
    """All counters in the text format of Prometheus.

    Args:
        gauges: what is as it is now: by name, what it means and how much it is.
    """
    lines = []
    for name, (words, value) in gauges.items():
        full = f"cellpass_{name}"
        lines += [f"# HELP {full} {words}.", f"# TYPE {full} gauge", f"{full} {value}"]
    for name, words in _HELP.items():
        full = f"cellpass_{name}_total"
        lines += [f"# HELP {full} {words}.", f"# TYPE {full} counter", f"{full} {_counts[name]}"]
    return "\n".join(lines) + "\n"
