"""A battery seen over time: what its signed versions say one after the other, as sentences, drawings, tables.

Made from stored versions as one audience may see them, never from live state. Every figure has a sentence of
finding, a drawing where there is something to draw, and a table with what is drawn. What no version says is
said to be unknown; nothing is drawn for it, and nothing is nought for want of data.

A point lies on the day that its value is true of, else on the day of issue. A value that a later version
repeats word for word is one point. The condition record states capacity without a band and the assessment
with one: where both tell the same figure, that with the band is shown.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Final

from passport.documents import drawing
from passport.documents.values import SOURCES, day_text, interval, number_text, quantity
from schemas.registry import REGISTRY
from schemas.terms import RecordKind, Source, Unit

MOST_VERSIONS: Final = 24
"""Versions of a kind that are read for one view; of more, the first, the last and evenly some between."""

NOTHING: Final = "No record of this battery's condition was issued yet, so nothing is seen over time."
_CAPACITY: Final = "remaining_capacity"
_ASSESSED: Final = "second_life_assessment"
_RESISTANCES: Final = ("internal_resistance_current", "ohmic_resistance")
_BANDS: Final = "operating_environment_records"
_EVENTS: Final = "negative_events"
_COUNTS: Final = ("deep_discharge_count", "overcharge_count")
_ISSUED: Final = " (day of issue)"


@dataclass(frozen=True)
class Stage:
    """One stored version as its reader may see it.

    Attributes:
        values: attribute id to stated value on the wire.
    """

    kind: RecordKind
    version: int
    issued_at: datetime
    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Figure:
    """One thing seen over time, ready to print.

    Attributes:
        anchor: id on the page.
        finding: what it says, a sentence.
        svg: the drawing; empty where there is nothing to draw.
        notes: further sentences: changes of method, doubts.
        head, rows: the table; no rows where there are none.
    """

    anchor: str
    title: str
    finding: str
    svg: str = ""
    notes: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def spread(count: int, most: int = MOST_VERSIONS) -> list[int]:
    """Which of `count` versions are read: all, or the first, the last and evenly some between.

    >>> spread(3), spread(9, 4)
    ([0, 1, 2], [0, 3, 5, 8])
    """
    if count <= most:
        return list(range(count))
    return [(2 * n * (count - 1) + most - 1) // (2 * (most - 1)) for n in range(most)]


def figures(stages: Sequence[Stage], unread: int = 0) -> tuple[Figure, ...]:
    """What the versions say over time; nothing where there is no version.

    Args:
        stages: in any order.
        unread: how many further versions there are, which `spread` left out.
    """
    if not stages:
        return ()
    ordered = sorted(stages, key=lambda one: (one.issued_at, one.kind.value, one.version))
    return (
        _capacity(ordered),
        _health(ordered),
        _resistance(ordered),
        _temperature(ordered),
        _events(ordered),
        _watched(ordered),
        _sources(ordered, unread),
    )


# ---------------------------------------------------------------------------------------- what is said


@dataclass(frozen=True)
class _Said:
    """A figure in one version."""

    day: date
    dated: bool
    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None
    method: str = ""
    evidence: str = ""
    calibrated: bool = False

    @property
    def when(self) -> str:
        return day_text(self.day) + ("" if self.dated else _ISSUED)

    def words(self, unit: Unit) -> str:
        told = quantity(_text(self.value), unit)
        if self.low is None or self.high is None:
            return told
        return f"{told} ({interval(_text(self.low), _text(self.high), None)})"


def _decimal(text: object) -> Decimal | None:
    """A number of the wire; None for whatever else a stranger may have signed."""
    if not isinstance(text, str | int) or isinstance(text, bool):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # What cannot be drawn is no figure.
    return number if number.is_finite() and abs(number) < Decimal("1e12") else None


def _text(number: Decimal) -> str:
    return format(number, "f")


def _at(text: object) -> datetime | None:
    """A moment of the wire; None for whatever else."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _day(text: object) -> date | None:
    at = _at(text)
    return at.date() if at is not None else None


def _said(wire: object, issued: datetime) -> _Said | None:
    """A figure as it is signed: a stated value, or an estimate with its band inside an assessment."""
    if not isinstance(wire, Mapping) or (value := _decimal(wire.get("value"))) is None:
        return None
    low, high = _decimal(wire.get("low")), _decimal(wire.get("high"))
    if low is None or high is None or not low <= value <= high:
        low = high = None
    day = _day(wire.get("as_of"))
    return _Said(
        day or issued.date(),
        day is not None,
        value,
        low,
        high,
        str(wire.get("method") or ""),
        str(wire.get("evidence_class") or ""),
        wire.get("calibrated") is True,
    )


def _assessed(stage: Stage) -> Mapping[str, Any]:
    value = stage.values.get(_ASSESSED, {}).get("value")
    return value if isinstance(value, Mapping) else {}


def _once(said: Sequence[_Said]) -> list[_Said]:
    """In order of days; what is said again is there once, with its band where one of them has it."""
    kept: dict[tuple[Any, ...], _Said] = {}
    for one in said:
        key = (one.day if one.dated else None, one.value.normalize(), one.method)
        if key not in kept or (kept[key].low is None and one.low is not None):
            kept[key] = one if key not in kept else _dated_as(one, kept[key])
    return sorted(kept.values(), key=lambda one: one.day)


def _dated_as(one: _Said, before: _Said) -> _Said:
    return _Said(
        before.day, before.dated, one.value, one.low, one.high, one.method, one.evidence, one.calibrated
    )


def _track(name: str, said: Sequence[_Said]) -> drawing.Track:
    return drawing.Track(
        name,
        tuple(
            drawing.Point(
                one.day,
                float(one.value),
                None if one.low is None else float(one.low),
                None if one.high is None else float(one.high),
            )
            for one in said
        ),
    )


def _course(what: str, said: Sequence[_Said], unit: Unit) -> str:
    """A sentence on the first and last of figures."""
    first, last = said[0], said[-1]
    if len(said) == 1:
        if last.low is None or last.high is None:
            return f"{what} was {last.words(unit)} on {last.when}; there is no other figure yet."
        band = f"{number_text(_text(last.low))} and {quantity(_text(last.high), unit)}"
        told = quantity(_text(last.value), unit)
        return f"{what} was {told} on {last.when}, between {band} nine times in ten."
    apart = last.value - first.value
    course = f"{what} went from {first.words(unit)} on {first.when} to {last.words(unit)} on {last.when}"
    if apart == 0:
        return f"{course}: no difference."
    points = f"{number_text(_text(abs(apart)))} points" if unit is Unit.PERCENT else ""
    much = (points or quantity(_text(abs(apart)), unit)) + (" more" if apart > 0 else " less")
    if first.low is None or first.high is None or last.low is None or last.high is None:
        return f"{course}: {much}."
    if first.low <= last.high and last.low <= first.high:
        return f"{course}: {much}, but the bands overlap, so it may be no change."
    return f"{course}: {much}, beyond what the bands explain."


def _changes(said: Sequence[_Said]) -> tuple[tuple[date, ...], tuple[str, ...]]:
    """Where another method or class of evidence spoke, for the drawing and in words."""
    days, words = [], []
    for before, after in pairwise(said):
        # A condition record does not name the class: that is no change.
        same_class = before.evidence == after.evidence or not (before.evidence and after.evidence)
        if before.method != after.method or not same_class:
            days.append(after.day)
            words.append(
                f"{len(days)}: from {after.when} on by {_how(after) or 'an unnamed method'},"
                f" before by {_how(before) or 'an unnamed method'}."
            )
    return tuple(days), tuple(words)


def _how(one: _Said) -> str:
    return f"{one.method}, class {one.evidence}" if one.method and one.evidence else one.method


# ---------------------------------------------------------------------------------------- figures


def _capacity(stages: Sequence[Stage]) -> Figure:
    title = "Capacity over time"
    found = [
        one
        for stage in stages
        for wire in (_assessed(stage).get("capacity"), stage.values.get(_CAPACITY))
        if (one := _said(wire, stage.issued_at)) is not None
    ]
    said = _once(found)
    if not said:
        return Figure("capacity", title, "No version states a capacity.")
    days, notes = _changes(said)
    finding = _course("Capacity", said, Unit.AMPERE_HOUR)
    return Figure(
        "capacity",
        title,
        finding,
        drawing.over_days("capacity", title, finding, "Ah", [_track("Capacity", said)], days),
        notes,
        ("As of", "Capacity (Ah)", "Nine times in ten", "Class", "Calibrated", "Method"),
        tuple(_row(one) for one in said),
    )


def _row(one: _Said) -> tuple[str, ...]:
    band = "not stated"
    calibrated = "not stated"
    if one.low is not None and one.high is not None:
        band = interval(_text(one.low), _text(one.high), None)
        calibrated = "yes" if one.calibrated else "no"
    return one.when, number_text(_text(one.value)), band, one.evidence or "not stated", calibrated, one.method


def _health(stages: Sequence[Stage]) -> Figure:
    title = "Health beside the BMS's own figure"
    ours, theirs = [], []
    for stage in stages:
        assessed = _assessed(stage)
        if (one := _said(assessed.get("health"), stage.issued_at)) is not None:
            ours.append(one)
        if (value := _decimal(assessed.get("bms_reported_health"))) is not None:
            theirs.append(_Said(stage.issued_at.date(), False, value))
    ours, theirs = _once(ours), _steps(theirs)
    if not ours and not theirs:
        return Figure("health", title, "No version states a health, neither ours nor the BMS's.")
    sentences = []
    if ours:
        sentences.append(_course("Our health", ours, Unit.PERCENT))
    else:
        sentences.append("No version states a health of ours.")
    if theirs:
        told = quantity(_text(theirs[-1].value), Unit.PERCENT)
        if ours:
            apart = _text(abs(theirs[-1].value - ours[-1].value))
            sentences.append(f"The BMS last said {told}, {number_text(apart)} points apart from ours.")
        else:
            sentences.append(f"The BMS last said {told}.")
    else:
        sentences.append("The BMS's own figure is in no version.")
    finding = " ".join(sentences)
    days, notes = _changes(ours)
    tracks = [_track(name, said) for name, said in (("Ours", ours), ("The BMS's", theirs)) if said]
    rows = [("ours", *_row(one)[:3], one.method) for one in ours]
    rows += [("the BMS's", one.when, number_text(_text(one.value)), "not stated", "") for one in theirs]
    return Figure(
        "health",
        title,
        finding,
        drawing.over_days("health", title, finding, "%", tracks, days),
        notes,
        ("Whose", "As of", "Health (%)", "Nine times in ten", "Method"),
        tuple(rows),
    )


def _steps(said: Sequence[_Said]) -> list[_Said]:
    """Without those between two that say the same."""
    last = len(said) - 1
    return [
        one
        for number, one in enumerate(said)
        if number in (0, last) or not said[number - 1].value == one.value == said[number + 1].value
    ]


def _resistance(stages: Sequence[Stage]) -> Figure:
    title = "Resistance over time"
    found = {
        name: _once(
            [one for stage in stages if (one := _said(stage.values.get(name), stage.issued_at)) is not None]
        )
        for name in _RESISTANCES
    }
    told = [(name, REGISTRY[name].title, said) for name, said in found.items() if said]
    if not told:
        return Figure("resistance", title, "No version states a resistance.")
    finding = " ".join(_course(words, said, Unit.OHM) for _, words, said in told)
    short = {"internal_resistance_current": "Internal", "ohmic_resistance": "Ohmic"}
    return Figure(
        "resistance",
        title,
        finding,
        drawing.over_days(
            "resistance", title, finding, "Ω", [_track(short[name], said) for name, _, said in told]
        ),
        (),
        ("What", "As of", "Resistance (Ω)", "Method"),
        tuple(
            (words, one.when, number_text(_text(one.value)), one.method)
            for _, words, said in told
            for one in said
        ),
    )


def _newest(stages: Sequence[Stage], name: str) -> tuple[Stage, list[Mapping[str, Any]]] | None:
    """The newest version whose value of that name is a list."""
    for stage in reversed(stages):
        value = stage.values.get(name, {}).get("value")
        if isinstance(value, list):
            return stage, [one for one in value if isinstance(one, Mapping)]
    return None


def _temperature(stages: Sequence[Stage]) -> Figure:
    title = "Time by temperature"
    spent: dict[tuple[Decimal, Decimal], Decimal] = {}
    newest = _newest(stages, _BANDS)
    for one in newest[1] if newest is not None else ():
        low, high, time = (
            _decimal(one.get(name)) for name in ("temperature_from", "temperature_to", "time_s")
        )
        if low is not None and high is not None and time is not None and time > 0:
            spent[low, high] = spent.get((low, high), Decimal(0)) + time
    if newest is None or not spent:
        return Figure("temperatures", title, "No version states how long the battery was how warm.")
    whole = sum(spent.values(), Decimal(0))
    rows = [
        (interval(_text(low), _text(high), Unit.CELSIUS), time, _share(time, whole))
        for (low, high), time in sorted(spent.items())
    ]
    band, _, share = max(rows, key=lambda row: row[1])
    finding = (
        f"Of {_hours(whole)} of recorded time, the longest part, {share}, "
        f"was spent at {band} of the hottest sensor."
    )
    return Figure(
        "temperatures",
        title,
        finding,
        drawing.bars(
            "temperatures", title, finding, [(name, float(time), told) for name, time, told in rows]
        ),
        (),
        ("Temperature", "Time", "Share"),
        tuple((name, _hours(time), told) for name, time, told in rows),
    )


def _share(part: Decimal, whole: Decimal) -> str:
    share = (100 * part / whole).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return quantity(_text(share) if share or not part else "<0.1", Unit.PERCENT)


def _hours(seconds: Decimal) -> str:
    if seconds < 3600:
        return f"{number_text(_text((seconds / 60).quantize(Decimal(1), ROUND_HALF_EVEN)))} min"
    return f"{number_text(_text((seconds / 3600).quantize(Decimal(1), ROUND_HALF_EVEN)))} h"


def _events(stages: Sequence[Stage]) -> Figure:
    title = "Events"
    newest = _newest(stages, _EVENTS)
    counts = [
        f"{REGISTRY[name].title}: {number_text(_text(value))}, as of {day_text(day)}."
        for name in _COUNTS
        if (told := _last_number(stages, name)) is not None
        for value, day in (told,)
    ]
    if newest is None:
        return Figure("events", title, "No version lists events.", notes=tuple(counts))
    events = [one for one in newest[1] if isinstance(one.get("type"), str)]
    if not events:
        return Figure(
            "events",
            title,
            "The newest list of events is empty: the main kinds were watched for and none was seen.",
            notes=tuple(counts),
        )
    kinds = Counter(one["type"].replace("_", " ") for one in events)
    ranked = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    many = f"{len(events)} events" if len(events) > 1 else "1 event"
    finding = (
        f"The newest version lists {many} of {len(ranked)} kind{'s' if len(ranked) > 1 else ''}; "
        f"the most frequent is {ranked[0][0]} ({ranked[0][1]})."
    )
    return Figure(
        "events",
        title,
        finding,
        drawing.bars("events", title, finding, [(name, float(n), str(n)) for name, n in ranked]),
        (*counts, "Only the newest events are listed one by one; the counts are of the whole record."),
        ("Event", "Began", "Lasted", "Worst"),
        tuple(
            (
                one["type"].replace("_", " "),
                _moment(one.get("at")),
                quantity(_text(held), Unit.SECOND)
                if (held := _decimal(one.get("duration_s"))) is not None
                else "not stated",
                str(one.get("severity") or "not stated"),
            )
            for one in events
        ),
    )


def _moment(text: object) -> str:
    at = _at(text)
    return at.strftime("%Y-%m-%d %H:%M") if at is not None else "not stated"


def _last_number(stages: Sequence[Stage], name: str) -> tuple[Decimal, date] | None:
    for stage in reversed(stages):
        wire = stage.values.get(name, {})
        if (value := _decimal(wire.get("value"))) is not None:
            return value, _day(wire.get("as_of")) or stage.issued_at.date()
    return None


def _watched(stages: Sequence[Stage]) -> Figure:
    """How much of the time between two versions had temperature and charge read, by their sums."""
    title = "How much was watched"
    sums: dict[datetime, Decimal] = {}
    for stage in stages:
        wire = stage.values.get(_BANDS, {})
        bands, at = wire.get("value"), _at(wire.get("as_of"))
        if not isinstance(bands, list) or at is None:
            continue
        times = [_decimal(one.get("time_s")) for one in bands if isinstance(one, Mapping)]
        sums[at] = sum((one for one in times if one is not None), Decimal(0))
    spans = list(_spans(sorted(sums.items())))
    unknown = "No two versions tell how much of the time between them was watched."
    told = [(begin, end, spent, span) for begin, end, spent, span in spans if span is not None]
    if not told:
        return Figure("watched", title, unknown)
    whole = sum((span for *_, span in told), Decimal(0))
    seen = sum((spent for _, _, spent, _ in told), Decimal(0))
    finding = (
        f"Between {day_text(told[0][0])} and {day_text(told[-1][1])}, {_share(seen, whole)} of the time "
        "had temperature and charge read; of the rest nothing here speaks."
    )
    points = tuple(drawing.Point(end.date(), float(100 * spent / span)) for _, end, spent, span in told)
    return Figure(
        "watched",
        title,
        finding,
        drawing.over_days("watched", title, finding, "%", [drawing.Track("Watched", points)], holds=[0]),
        tuple(
            f"From {day_text(begin)} to {day_text(end)} the sum fell: it was worked out anew."
            for begin, end, _, span in spans
            if span is None
        ),
        ("From", "To", "Watched", "Share"),
        tuple(
            (day_text(begin), day_text(end), _hours(spent), _share(spent, span))
            for begin, end, spent, span in told
        ),
    )


def _spans(
    sums: Sequence[tuple[datetime, Decimal]],
) -> Iterator[tuple[datetime, datetime, Decimal, Decimal | None]]:
    """Begin, end, watched time and length of each span; no length where the sum fell or grew too much."""
    for (begin, before), (end, after) in pairwise(sums):
        length = Decimal((end - begin) // timedelta(seconds=1))
        if length > 0:
            spent = after - before
            yield begin, end, spent, length if 0 <= spent <= length else None


def _sources(stages: Sequence[Stage], unread: int) -> Figure:
    title = "Sources and doubts"
    newest = {stage.kind: stage for stage in stages}
    rows = []
    sources: Counter[str] = Counter()
    for kind in (RecordKind.CONDITION, RecordKind.ASSESSMENT):
        for name, wire in newest[kind].values.items() if kind in newest else ():
            if "value" in wire and name in REGISTRY:
                source = _source(wire.get("source"))
                sources[source] += 1
                as_of = day_text(str(wire["as_of"])) if "as_of" in wire else "not stated"
                rows.append((REGISTRY[name].title, source, as_of, str(wire.get("method") or "none")))
    doubts: tuple[str, ...] = (
        _doubts(newest[RecordKind.ASSESSMENT]) if RecordKind.ASSESSMENT in newest else ()
    )
    notes = doubts
    if unread:
        notes += (f"{len(stages)} of {len(stages) + unread} versions were read, evenly from first to last.",)
    if not rows:
        return Figure("sources", title, "The newest versions state no value.", notes=notes)
    ranked = sorted(sources.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = ", ".join(f"{count} {source}" for source, count in ranked)
    stand = {0: "no doubt is", 1: "one doubt is"}.get(len(doubts), f"{len(doubts)} doubts are")
    finding = f"Of the {len(rows)} values in the newest versions, by source: {parts}; {stand} stated."
    return Figure(
        "sources",
        title,
        finding,
        drawing.bars("sources", title, finding, [(name, float(count), str(count)) for name, count in ranked]),
        notes,
        ("Value", "Source", "As of", "Method"),
        tuple(rows),
    )


def _source(text: object) -> str:
    try:
        return SOURCES[Source(str(text))]
    except ValueError:
        return "source not stated"


def _doubts(stage: Stage) -> tuple[str, ...]:
    """What the newest assessment doubts, in its own sentences."""
    assessed = _assessed(stage)
    findings = assessed.get("findings")
    told = [
        str(one["sentence"])
        for one in (findings if isinstance(findings, list) else [])
        if isinstance(one, Mapping) and isinstance(one.get("sentence"), str)
    ]
    capacity = assessed.get("capacity")
    remarks = capacity.get("remarks") if isinstance(capacity, Mapping) else None
    told += [one for one in (remarks if isinstance(remarks, list) else []) if isinstance(one, str)]
    return tuple(dict.fromkeys(told))
