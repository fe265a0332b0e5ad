"""What `cellpass ingest` did, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ingest.commands.words import plural
from ingest.gateway import Heard
from ingest.journal import Receipt
from ingest.plausibility import ASIDE, PROTOCOL_DOUBTS, RULES, SEVERITIES, Finding, Severity
from ingest.protocol import Protocol as DeviceProtocol
from schemas.reading import Reading

_REASONS: Final = (
    {code: reason for code, (_, reason) in PROTOCOL_DOUBTS.items()}
    | {check.code: check.reason for check in ASIDE.values()}
    | {rule.code: rule.reason for rule in RULES}
)
# Values with one of these are not shown among the cells and sensors; the other doubts are told, and used.
_UNUSABLE: Final = {code for code, severity in SEVERITIES.items() if severity is not Severity.WARN}
# Findings that people are shown; programs get all of them.
_SHOWN: Final = 10


@dataclass(frozen=True)
class Bound:
    """A wish come true.

    Attributes:
        component: path; None for the whole device.
        battery: id.
        created: True when this run made it.
    """

    component: str | None
    battery: str
    created: bool


@dataclass(frozen=True)
class Report:
    """What a run came to.

    Attributes:
        source: id under which it is journalled.
        epoch: run or digest.
        protocol: that decoded it.
        bound: which part is which battery.
        heard: everything else.
        public_url: where pages are.
        unit: what a row was: "frame", "polling cycle" or "message".
        told: True when doubts were told on standard error while it ran.
    """

    source: str
    epoch: str
    protocol: DeviceProtocol
    bound: tuple[Bound, ...]
    heard: Heard
    public_url: str
    unit: str
    told: bool = False

    def url(self, battery: str) -> str:
        """The battery's address, which leads to its page."""
        return f"{self.public_url}/i/{battery}"

    def _where(self, bound: Bound) -> str:
        """The page, or what makes one: a battery that was just made has no passport yet."""
        if bound.created:
            return f'no passport yet: cellpass issue {bound.battery} --kind all --incomplete "REASON"'
        return self.url(bound.battery)

    def to_wire(self) -> dict[str, Any]:
        """For programs."""
        heard = self.heard
        return {
            "source": self.source,
            "epoch": self.epoch,
            "protocol": self.protocol.name,
            "certainty": self.protocol.certainty.value,
            "frames": {"read": heard.read, "empty": heard.empty, "refused": dict(heard.refused)},
            "cycles": heard.cycles,
            "silent": heard.silent,
            "repeated": heard.repeated,
            "first_at": iso(heard.first_at),
            "last_at": iso(heard.last_at),
            "doubts": dict(heard.doubts),
            "findings": [
                {
                    "rule": finding.check.number,
                    "code": finding.check.code,
                    "severity": finding.check.severity.value,
                    "component": finding.component,
                    "sentence": finding.sentence,
                    "at": iso(finding.at),
                    "ended": finding.ended,
                }
                for finding in heard.findings
            ],
            "unbound": dict(heard.unbound),
            "batteries": [
                {
                    "battery": bound.battery,
                    "component": bound.component,
                    "created": bound.created,
                    "url": self.url(bound.battery),
                    "rows": heard.rows[bound.battery],
                    "conditions": dict(heard.conditions.get(bound.battery, {})),
                    "receipt": _receipt(heard.receipts.get(bound.battery)),
                    "readings": [r.to_wire() for r in heard.last.get(bound.battery, {}).values()],
                }
                for bound in self.bound
            ],
        }

    def to_text(self) -> str:
        """For people."""
        heard = self.heard
        refused = ", ".join(f"{count} {fault}" for fault, count in heard.refused.items())
        lines = [
            f"{self.protocol.title}, {self.protocol.certainty.value}: "
            f"{plural(heard.read, 'answer')} read"
            + (f", {heard.refused.total()} refused ({refused})" if refused else "")
        ]
        if heard.repeated:
            lines.append(f"{plural(heard.repeated, 'message')} came again and were not counted twice.")
        if heard.silent:
            lines.append(f"No answer in {heard.silent} of {heard.cycles} cycles; those are gaps.")
        for bound in self.bound:
            made = ", made just now" if bound.created else ""
            lines += [
                "",
                f"{bound.component or 'whole device'} -> battery {bound.battery}{made}",
                f"  {self._where(bound)}",
            ]
            lines += [f"  {line}" for line in _latest(heard.last.get(bound.battery, {}))]
            for condition, rows in sorted(heard.conditions.get(bound.battery, {}).items()):
                lines.append(f"  {condition}, reported in {plural(rows, 'row')}")
            lines.append(f"  {_stored(heard.receipts.get(bound.battery), self.unit)}")
        if heard.unbound:
            loose = ", ".join(
                f"{part} ({plural(count, 'reading')})" for part, count in sorted(heard.unbound.items())
            )
            lines += ["", f"Bound to no battery and not stored: {loose}"]
        lines += self._doubts()
        lines += [f"Refused: {sentence}" for sentence in heard.samples_of_refusal]
        return "\n".join(lines)

    def _doubts(self) -> list[str]:
        """Each doubt once: with its count and where it was first seen, or each time where a part is aside."""
        heard = self.heard
        if self.told:
            return [
                f"Doubt {code}, {plural(count, 'time')}, as told when it began"
                for code, count in sorted(heard.doubts.items())
            ]
        first: dict[str, Finding] = {}
        for finding in heard.findings:
            if not finding.ended:
                first.setdefault(finding.check.code, finding)
        lines = []
        for code, count in sorted(heard.doubts.items()):
            if code in ASIDE and code in first:
                continue
            why = _REASONS.get(code, "see the protocol module")
            if code in first:
                part = f"{first[code].component} " if first[code].component else ""
                why = f"{part}{first[code].sentence}"
            lines.append(f"Doubt {code}, {plural(count, 'time')}: {why}")
        beside = [
            one for one in heard.findings if one.check.code not in heard.doubts or one.check.code in ASIDE
        ]
        return lines + [f"{'Over' if one.ended else 'Doubted'}: {one.detail}" for one in beside[:_SHOWN]]


def iso(at: datetime | None) -> str | None:
    """The time as JSON has it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _receipt(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "contiguous": receipt.contiguous,
        "digest": receipt.digest,
    }


def _stored(receipt: Receipt | None, unit: str) -> str:
    if receipt is None:
        return "nothing stored: this part said nothing"
    known = f", {receipt.duplicates} known already" if receipt.duplicates else ""
    return f"stored {plural(receipt.accepted, 'row')} (one per {unit}){known}; receipt {receipt.digest[:16]}"


def _latest(readings: Mapping[tuple[str, int | None, str | None], Reading]) -> list[str]:
    """The newest values in a few lines."""

    def values(quantity: str) -> list[Reading]:
        return [
            r
            for (name, _, part), r in readings.items()
            if name == quantity and part is None and r.value is not None
        ]

    lines = []
    first = []
    for quantity in ("voltage", "current", "state_of_charge", "cycle_count"):
        for reading in values(quantity):
            unit = "" if reading.unit == "1" else f" {reading.unit}"
            first.append(f"{quantity.replace('_', ' ')} {reading.value}{unit}")
    if first:
        lines.append("   ".join(first))
    for quantity, noun in (("cell_voltage", "cells"), ("cell_temperature", "sensors")):
        found = [reading for reading in values(quantity) if not _UNUSABLE.intersection(reading.doubts)]
        if found:
            numbers = sorted(found, key=lambda reading: reading.value)  # type: ignore[arg-type, return-value]
            unit = "°C" if found[0].unit == "degC" else found[0].unit
            lines.append(f"{len(found)} {noun}, {numbers[0].value} to {numbers[-1].value} {unit}")
    return lines
