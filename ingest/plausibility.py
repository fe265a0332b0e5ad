"""Doubts about readings: rules that distrust a value and say why; they never drop or change one.

Each rule is an entry: code, number, severity, reason, hold time, and a condition over one reading and what is
remembered of its source. A protocol module adds doubts of its own where only it can know; `PROTOCOL_DOUBTS`
lists them too. Doubts about a source rather than a value (silence, damage in bursts, too little watched time)
are findings, and those about several sources are in `ingest.site_rules`. All of them are in
docs/plausibility.md, which is made from these tables.

Source: ranges and sentinels as field reports give them (docs/decisions/0014, 0230).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from ingest import rules_of_time, rules_of_value
from ingest.remembering import Check, Finding, Known, Memory, Severity, parent
from ingest.rules_of_value import Rule
from schemas.reading import QUANTITIES, Reading, altered

__all__ = [
    "ASIDE",
    "PROTOCOL_DOUBTS",
    "RULES",
    "SEVERITIES",
    "SOURCE_CHECKS",
    "Check",
    "Finding",
    "Memory",
    "Rule",
    "Severity",
    "doubt",
    "findings",
]

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted((*rules_of_value.RULES, *rules_of_time.RULES), key=lambda rule: rule.number)
)

# A part with one of these is kept aside from every battery until somebody says what it is.
ASIDE: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.code: check
        for check in (
            Check(
                "slot_shift",
                9,
                Severity.COMMISSION,
                "another serial number answers here than was commissioned: its binding is frozen",
            ),
            Check(
                "firmware_differs",
                14,
                Severity.COMMISSION,
                "the device runs another release than the description was written for",
            ),
        )
    }
)

PART_SILENT: Final = Check(
    "part_silent",
    2,
    Severity.WARN,
    "a part was silent for more than three of its periods while others spoke",
    30,
)
STALE: Final = Check(
    "stale", 17, Severity.WARN, "the source was silent for more than three of its periods", 30
)
DAMAGED: Final = Check(
    "damaged_frame",
    15,
    Severity.REJECT,
    "checksum, length or a fixed delimiter is wrong: nothing in the frame is believed, however plausible",
)
BURSTS: Final = Check(
    "checksum_bursts",
    1,
    Severity.WARN,
    "a fifth and more of the frames are damaged, five at least: two devices answer at once, or a bad cable",
    60,
)
COVERAGE: Final = Check(
    "coverage_low",
    20,
    Severity.WARN,
    "less than nine tenths of the time were watched: no statement on time spent somewhere may leave that out",
    86_400,
)
SOURCE_CHECKS: Final = (BURSTS, PART_SILENT, DAMAGED, STALE, COVERAGE)
# A doubt that was not raised for so long is over.
OVER_S: Final = 600.0
_LEAST_SHARE: Final = Decimal("0.9")
_LEAST_DAMAGED: Final = 5


# Doubts that protocol modules add themselves, because only they see the bytes.
PROTOCOL_DOUBTS: Final[Mapping[str, tuple[Severity, str]]] = MappingProxyType(
    {
        "not_fitted": (Severity.QUARANTINE, "no voltage at this position: not fitted, or its wire is broken"),
        "repeats_nominal": (
            Severity.WARN,
            "the learned capacity repeats the nominal one: nothing was learned",
        ),
        "saturated": (Severity.QUARANTINE, "the field is full of ones: the true value is larger, or missing"),
        "lowest_of_scale": (Severity.QUARANTINE, "the field is nought: the true value is lower, or missing"),
        "not_valid": (Severity.QUARANTINE, "the device itself says that it does not hold"),
        "word_order": (
            Severity.WARN,
            "words in another order than documented: so it fits the cells",
        ),
        "contradicts_cells": (Severity.QUARANTINE, "fits the cells in no order of its bytes"),
        "past_event": (Severity.QUARANTINE, "an entry of the device's log, not its present state"),
        "place_unproven": (Severity.QUARANTINE, "where this lies in the frame is suspected, not known"),
        "scale_unproven": (Severity.QUARANTINE, "public sources disagree on the scale of this value"),
        "no_such_day": (Severity.WARN, "a date that the calendar does not have"),
        "unreadable_text": (Severity.WARN, "the text holds characters that cannot be printed"),
        "boards_number": (Severity.WARN, "the number of the electronics, not of the battery"),
        "role_unproven": (
            Severity.QUARANTINE,
            "the maker's own program takes this sensor for one at a switch, not at a cell",
        ),
        "meaning_from_name": (
            Severity.QUARANTINE,
            "no map says what this signal is; its name was taken for what it says",
        ),
        "sign_unproven": (Severity.WARN, "devices of this kind disagree whether charging is positive"),
        "meaning_unproven": (Severity.WARN, "devices of this kind disagree what this figure stands for"),
        "no_checksum": (Severity.QUARANTINE, "recorded without its frame, so that no checksum proves it"),
        "sensor_may_be_absent": (
            Severity.QUARANTINE,
            "nought degrees at a place where most boards have no sensor",
        ),
        "last_entries_only": (
            Severity.QUARANTINE,
            "counted in the last entries of a log, not over the life of the board",
        ),
        "unfilled": (Severity.QUARANTINE, "nought stands where no nought can be: the point is not filled"),
        "no_battery": (
            Severity.QUARANTINE,
            "nothing stands in the whole model: there is no battery behind it",
        ),
        "messages_lost": (
            Severity.WARN,
            "messages before this one are missing, perhaps a birth that gave its alias to another metric",
        ),
        "masters_answer": (Severity.WARN, "inside a bank the master answers this for every module"),
    }
)

SEVERITIES: Final[Mapping[str, Severity]] = MappingProxyType(
    {code: severity for code, (severity, _) in PROTOCOL_DOUBTS.items()}
    | {code: check.severity for code, check in ASIDE.items()}
    | {rule.code: rule.severity for rule in RULES}
)

_CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {code: Check(code, 12, severity, reason) for code, (severity, reason) in PROTOCOL_DOUBTS.items()}
    | dict(ASIDE)
    | {rule.code: rule for rule in RULES}
)


def _by_quantity(rules: Iterable[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    rules = tuple(rules)
    return {name: tuple(rule for rule in rules if name in rule.quantities) for name in QUANTITIES}


_BY_QUANTITY: Final = _by_quantity(RULES)


def doubt(
    readings: Sequence[Reading],
    memory: Memory,
    rules: Iterable[Rule] = RULES,
    *,
    at: datetime | None = None,
) -> list[Reading]:
    """The same readings in the same order, with the codes of the rules that distrust them added.

    Args:
        readings: a batch of one source: a frame of a recording, or a polling cycle.
        memory: holds what the source said before and takes in the new batch first, so that rules may compare
            frames; use one for each source and ask in order of arrival.
        rules: those to ask; all of them when not given.
        at: when the batch came, aware; where it is None, the latest time that a reading carries. Without any
            time a hold time never passes.
    """
    if at is None:
        at = max((one.measured_at for one in readings if one.measured_at is not None), default=None)
    memory.note_all(readings, at)
    by_quantity = _BY_QUANTITY if rules is RULES else _by_quantity(rules)
    parts = {reading.component for reading in readings}
    known = {part: memory.about(part, at) for part in parts}
    aside = {part: memory.kept_aside(part) for part in parts}
    out = []
    for reading in readings:
        part = reading.component
        out.append(_doubted(reading, known[part], by_quantity[reading.quantity], aside[part]))
    return out


def _doubted(reading: Reading, known: Known, rules: tuple[Rule, ...], aside: str | None) -> Reading:
    codes: list[str] = []
    if aside is not None and aside not in reading.doubts:
        codes.append(aside)
    if isinstance(reading.value, (Decimal, str)):
        for rule in rules:
            if rule.code in reading.doubts or rule.code in codes:
                continue
            holds = rule.doubts(reading, known)
            if rule.hold_s:
                holds = known.memory.lasts(rule, reading, known.at, holds=holds)
            if holds:
                codes.append(rule.code)
    if not codes and not reading.doubts:
        return reading
    doubted = altered(reading, doubts=(*reading.doubts, *codes)) if codes else reading
    for code in doubted.doubts:
        if (check := _CHECKS.get(code)) is not None:
            known.memory.tell(check, reading.component, known.at, lambda: _sentence(check, reading, known))
    return doubted


def _sentence(check: Check, reading: Reading, known: Known) -> str:
    if check.code == "slot_shift":
        return _shifted(reading.component, known.memory)
    value = format(reading.value, "f") if isinstance(reading.value, Decimal) else str(reading.value)
    unit = "" if reading.unit == "1" else f" {reading.unit}"
    place = f" {reading.index}" if reading.index is not None else ""
    kind = f" of {reading.kind}" if reading.kind else ""
    return f"{reading.quantity}{place}{kind} {value}{unit}: {check.reason}"


def _shifted(component: str | None, memory: Memory) -> str:
    at = component
    while at is not None and at not in memory.aside:
        if (beside := memory.shifted_beside(at)) is not None:
            return (
                f"{beside} says another serial number than before, and {at} never said its own:"
                " it may have moved too; its binding is frozen until somebody commissions it anew"
            )
        at = parent(at)
    before, now = memory.serial(at), memory.about(at).part.texts.get("serial_number")
    where = at or "the device"
    sentence = f"{where} had the serial number {before} and now says {now}"
    if now is not None and (old := memory.who_had(now, at)) is not None:
        sentence += f", which was {old}: the parts changed places"
    return f"{sentence}; its binding is frozen until somebody commissions it anew"


def findings(memory: Memory, now: datetime) -> list[Finding]:
    """What began or ended since this was last asked: doubts of readings, silence, bursts, coverage.

    Ask once in a polling cycle, whether or not anything was heard in it.
    """
    _silence(memory, now)
    _bursts(memory, now)
    share = memory.coverage(now)
    if share is not None and share[0].total_seconds() >= COVERAGE.hold_s and share[1] < _LEAST_SHARE:
        memory.tell(COVERAGE, None, now, lambda: f"{int(share[1] * 100)} % of {share[0]}: {COVERAGE.reason}")
    memory.end(now, OVER_S)
    return memory.news()


def _silence(memory: Memory, now: datetime) -> None:
    silent = {name: part.silent_for(now) for name, part in memory.parts.items()}
    if silent and all(seconds is not None for seconds in silent.values()):
        last = memory.last_at
        memory.tell(STALE, None, now, lambda: f"nothing since {last}: {STALE.reason}")
        return
    for name, seconds in silent.items():
        if seconds is not None and name is not None:
            said = f"{name} said nothing for {int(seconds)} s: {PART_SILENT.reason}"
            memory.tell(PART_SILENT, name, now, lambda said=said: said)  # type: ignore[misc]


def _bursts(memory: Memory, now: datetime) -> None:
    window = timedelta(seconds=BURSTS.hold_s)
    recent = [sound for at, sound in memory.frames if timedelta(0) <= now - at <= window]
    damaged = recent.count(False)
    if damaged >= _LEAST_DAMAGED and damaged * 5 >= len(recent):
        memory.tell(BURSTS, None, now, lambda: f"{damaged} of {len(recent)} frames: {BURSTS.reason}")
    if damaged:
        memory.tell(DAMAGED, None, now, lambda: f"{damaged} in the last minute: {DAMAGED.reason}")
