"""`cellpass gaps`: what is owed, what is pending, what must stay empty; each with its article.

Of a battery, of all batteries, or without any: the rule table of a category and a day.
"""

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from passport.judgement.compliance import Finding, Tally
    from schemas.conditions import Circumstances
    from schemas.registry import Ruling
    from schemas.terms import Category

NOT_COMPLIANT: Final = 1
WIDTH: Final = 80
_HEADINGS: Final = {
    "must_stay_empty": "Stated, and must stay empty",
    "contradiction": "Said in two ways: correct one of them",
    "missing": "Owed, and missing",
    "conditional": "Owed if it applies: state it, or declare that it does not apply",
    "pending": "Pending: an act is awaited, nothing to do today",
}
_COLOURS: Final = {
    "must_stay_empty": "red",
    "contradiction": "red",
    "missing": "red",
    "conditional": "yellow",
    "pending": None,
}
_CATEGORIES: Final = ("ev", "lmt", "industrial", "stationary")


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no day; write 2027-02-18") from error


def _given(_context: click.Context, _parameter: click.Parameter, texts: Sequence[str]) -> dict[str, bool]:
    """`NAME` or `NAME=yes` or `NAME=no`, each once."""
    from schemas.conditions import CONDITIONS

    found: dict[str, bool] = {}
    for text in texts:
        name, _, answer = text.partition("=")
        if name not in CONDITIONS:
            raise click.BadParameter(f"{name!r} is no condition; known are {', '.join(CONDITIONS)}")
        if answer not in ("", "yes", "no"):
            raise click.BadParameter(f"{text!r}: write {name}=yes or {name}=no")
        found[name] = answer != "no"
    return found


@click.command(
    "gaps",
    short_help="Say what the records of BATTERY, or of each battery, still owe.",
    epilog="Example: cellpass gaps --category ev --date 2027-02-18",
)
@click.argument("battery", required=False)
@click.option("--date", "day", callback=_day, metavar="D", help="Judge as on this day instead of today.")
@click.option(
    "--category",
    type=click.Choice(_CATEGORIES),
    help="No battery: the rule table of that category, for one placed on the market on --date.",
)
@click.option(
    "--given",
    multiple=True,
    callback=_given,
    metavar="CONDITION[=no]",
    help="With --category: a condition that holds, or does not.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per battery, or for the table.")
@click.pass_obj
def command(
    house: Any,
    *,
    battery: str | None,
    day: date | None,
    category: str | None,
    given: dict[str, bool],
    as_json: bool,
) -> None:
    """What BATTERY's records still owe; without BATTERY, a line for each.

    A battery is judged by the day on which it was placed on the market, by its category, and by what is known
    of the conditions of the law. Exit status 1 when something keeps the gate of issuing shut.
    """
    if category is not None:
        if battery is not None:
            raise click.UsageError("name a BATTERY or a --category, not both")
        _rule_table(category, day or house.now().date(), given, as_json=as_json)
        return
    if given:
        raise click.UsageError("--given belongs to --category; of a battery, declare the circumstance")
    _batteries(house, battery, day, as_json=as_json)


# ------------------------------------------------------------------------------------------ of batteries


def _batteries(house: Any, battery: str | None, day: date | None, *, as_json: bool) -> None:
    from passport.ledger import batteries

    now = house.now()
    if day is not None:
        now = now.replace(year=day.year, month=day.month, day=day.day)
    shut = False
    with house.reading() as connection:
        found = (
            batteries.every(connection)
            if battery is None
            else [batteries.find(connection, battery, house.settings.public_url)]
        )
        for one in found:
            outcome, findings = _judge(house, connection, one, now)
            shut = shut or outcome["closes_gate"]
            if as_json:
                import orjson

                click.echo(orjson.dumps(outcome))
            elif battery is None:
                click.echo(_line(outcome))
            else:
                _told(outcome, findings)
        if not found and not as_json:
            click.echo(
                "There is no battery here yet; `cellpass gaps --category ev` prints what one would owe."
            )
    if shut:
        sys.exit(NOT_COMPLIANT)


def _judge(house: Any, connection: Any, battery: Any, now: Any) -> tuple[dict[str, Any], list["Finding"]]:
    from passport.issue import standing_of
    from passport.judgement import compliance
    from passport.judgement.advice import advice
    from schemas.terms import RecordKind

    findings: list[Finding] = []
    counts: Tally | None = None
    known: Circumstances = frozenset()
    placed_on: date | None = None
    for kind in (RecordKind.PASSPORT, RecordKind.CONDITION):
        standing = standing_of(connection, battery, kind, public_url=house.settings.public_url, now=now)
        known, placed_on = standing.circumstances, standing.placed_on
        ruled = compliance.rulings(battery.category, placed_on, now.date(), known)
        counted = compliance.tally(standing.record, ruled)
        counts = counted if counts is None else counts + counted
        findings += standing.findings
    assert counts is not None
    outcome = {
        "battery": battery.id,
        "identifier": battery.identifier,
        "category": battery.category.value,
        "placed_on": placed_on.isoformat() if placed_on else None,
        "judged_on": now.date().isoformat(),
        "voluntary": compliance.voluntary(placed_on, battery.category, known),
        "circumstances": dict(sorted(known)),
        "closes_gate": any(finding.closes_gate for finding in findings),
        "counts": {**vars(counts), "missing": counts.owed - counts.stated},
        "findings": [finding.to_wire() | advice(finding).to_wire() for finding in findings],
        "warnings": _warnings(connection, battery, now),
    }
    return outcome, findings


def _warnings(connection: Any, battery: Any, now: Any) -> list[dict[str, Any]]:
    """What is possible and odd among the declared values; it shuts nothing."""
    from passport.ledger import batteries
    from schemas.plausibility import remarks

    return [
        {"rule": remark.rule, "attributes": list(remark.ids), "sentence": remark.sentence}
        for remark in remarks(batteries.facts(connection, battery.id), today=now.date())
    ]


def _line(outcome: dict[str, Any]) -> str:
    verdicts = [finding["verdict"] for finding in outcome["findings"]]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict.replace('_', ' ')}"
        for verdict in _HEADINGS
        if verdict in verdicts
    )
    voluntary = "voluntary; " if outcome["voluntary"] else ""
    return f"{outcome['identifier']}  {outcome['category']}  {voluntary}{counts or 'nothing owed is missing'}"


def _told(outcome: dict[str, Any], findings: list["Finding"]) -> None:
    """Everything about one battery, 80 columns wide."""
    from passport.judgement.compliance import VOLUNTARY, Verdict
    from schemas.conditions import ABOVE_2_KWH
    from schemas.registry import PASSPORTS_START

    placed = outcome["placed_on"]
    click.secho(outcome["identifier"], bold=True)
    day = f"placed on the market on {placed}" if placed else "day of placing on the market not known"
    _say(f"{outcome['category']}, {day}, judged as on {outcome['judged_on']}")
    if not placed:
        _say("Without that day the duty is assumed.")
    if outcome["voluntary"]:
        early = placed is not None and date.fromisoformat(placed) < PASSPORTS_START
        why = VOLUNTARY if early else f"No passport is owed, because {ABOVE_2_KWH.otherwise} (Art. 77(1))."
        _say(f"Voluntary passport. {why}")
    counts = outcome["counts"]
    _say(
        f"Of {counts['owed']} values owed, {counts['stated']} are stated and {counts['missing']} missing."
        f" {counts['conditional']} more depend on a condition that is not known"
        f" ({counts['answered']} answered), {counts['pending']} wait for an act."
    )
    for verdict, heading in _HEADINGS.items():
        chosen = [finding for finding in findings if finding.verdict.value == verdict]
        if not chosen:
            continue
        click.echo()
        click.secho(f"{heading} ({len(chosen)})", bold=True, fg=_COLOURS[verdict])
        if verdict == Verdict.MISSING:
            _missing(chosen)
        else:
            _grouped(chosen)
    if outcome["warnings"]:
        click.echo()
        click.secho(f"Worth a look ({len(outcome['warnings'])})", bold=True, fg="yellow")
        for warning in outcome["warnings"]:
            sentence = warning["sentence"]
            _say(f"{sentence[0].upper()}{sentence[1:]} ({', '.join(warning['attributes'])})", indent=2)
    click.echo()
    _say(_closing(outcome, findings))


def _closing(outcome: dict[str, Any], findings: Iterable["Finding"]) -> str:
    shut = [finding for finding in findings if finding.closes_gate]
    if not shut:
        return f"Nothing owed is missing: `cellpass issue {outcome['identifier']}`."
    if all(finding.answerable for finding in shut):
        return (
            "The gate is shut. State what is missing, or answer for it in writing, and the record says so:"
            f' `cellpass issue {outcome["identifier"]} --incomplete "REASON"`.'
        )
    return "The gate is shut, and no reason opens it while a statement above stands that must not."


def _missing(findings: Sequence["Finding"]) -> None:
    """By whom to ask, as that is how the work is shared out; who holds a value is our reading."""
    from passport.judgement.advice import advice, heading
    from schemas.holders import Holder

    told = [(finding, advice(finding)) for finding in findings]
    for holder in (*Holder, None):
        of_holder = [(finding, one) for finding, one in told if one.holder is holder]
        if not of_holder:
            continue
        _say(f"{heading(holder)}:", indent=2)
        for finding, one in of_holder:
            from_bms = "; from the BMS" if one.bms and holder is not Holder.BMS else ""
            _columns(finding.title, f"{_law(finding)}{from_bms}", indent=4)


def _grouped(findings: Sequence["Finding"]) -> None:
    """Findings with the same sentence under it, once."""
    sentences: dict[str, list[Finding]] = {}
    for finding in findings:
        sentences.setdefault(finding.sentence, []).append(finding)
    for sentence, chosen in sentences.items():
        _say(f"{sentence[0].upper()}{sentence[1:]}:", indent=2)
        condition = chosen[0].condition
        if condition is not None and chosen[0].verdict.value == "conditional":
            _say(f"(circumstance {condition})", indent=2)
        for finding in chosen:
            _columns(finding.title, _law(finding), indent=4)


def _law(finding: "Finding") -> str:
    """The first place, and the Commission's points: `Annex XIII 1(m), point 35`."""
    from schemas.guidance import data_points
    from schemas.registry import REGISTRY

    row = REGISTRY.get(finding.attribute)
    places = row.law if row is not None and row.law else finding.citations
    return _place(str(places[0]) if places else "", data_points(finding.attribute))


def _place(place: str, points: Sequence[int]) -> str:
    numbers = ", ".join(str(point) for point in points)
    told = f"point {numbers}" if len(points) == 1 else f"points {numbers}"
    return ", ".join(part for part in (place, told if points else "") if part)


# ----------------------------------------------------------------------------------------- the rule table


def _rule_table(category: str, day: date, given: dict[str, bool], *, as_json: bool) -> None:
    """What a battery of the category owes that is placed on the market on the day, asked on that day."""
    from passport.judgement import compliance
    from schemas.circumstances import circumstances_of
    from schemas.terms import Category

    known = circumstances_of({}, given)
    ruled = compliance.rulings(Category(category), day, day, known)
    counts = _counts(ruled)
    points = _points(ruled)
    if as_json:
        import orjson

        from schemas.guidance import MANDATORY

        outcome = {
            "category": category,
            "placed_on": day.isoformat(),
            "judged_on": day.isoformat(),
            "circumstances": dict(sorted(known)),
            "voluntary": compliance.voluntary(day, Category(category), known),
            "counts": counts,
            "data_points": {
                "owed": sorted(points[0]),
                "owed_where_possible": sorted(points[1]),
                "commission_counts": MANDATORY.get(Category(category)),
            },
            "rows": list(_rows(ruled)),
        }
        click.echo(orjson.dumps(outcome))
        return
    _print_table(Category(category), day, known, ruled)


def _rows(ruled: Any) -> Iterator[dict[str, Any]]:
    from schemas.holders import HOLDERS
    from schemas.registry import REGISTRY

    for name, ruling in ruled.items():
        row = REGISTRY[name]
        yield {
            "attribute": name,
            "title": row.title,
            "chapter": row.group.value,
            "record": row.record.value,
            "obligation": ruling.obligation.value,
            "condition": ruling.condition.name if ruling.condition else None,
            "awaits": ruling.awaits.name if ruling.awaits else None,
            "decided_by": ruling.decided_by.name if ruling.decided_by else None,
            "may_be_stated": ruling.may_be_stated,
            "reason": ruling.reason,
            "article": str(ruling.article) if ruling.article else None,
            "citations": [citation.full for citation in ruling.citations],
            "data_points": list(ruling.data_points),
            "holder": HOLDERS[name].value,
        }


def _counts(ruled: Any) -> dict[str, int]:
    words = [_word(ruling) for ruling in ruled.values()]
    return {word: words.count(word) for word in _ANSWERS}


# What is asked, in the words of a column.
_ANSWERS: Final = {
    "owed": "owed",
    "conditional": "owed if",
    "pending": "pending",
    "must_stay_empty": "stays empty",
    "voluntary": "may",
    "not_applicable": "-",
}


def _word(ruling: "Ruling") -> str:
    word = ruling.obligation.value
    return "conditional" if word == "owed" and ruling.condition is not None else word


def _points(ruled: Any) -> tuple[frozenset[int], frozenset[int]]:
    """The Commission's points that are owed without condition, and those that are owed where possible."""
    from schemas.conditions import POSSIBLE
    from schemas.guidance import distinct

    plain = distinct(name for name, ruling in ruled.items() if _word(ruling) == "owed")
    possible = distinct(
        name
        for name, ruling in ruled.items()
        if _word(ruling) == "conditional" and ruling.condition is POSSIBLE
    )
    return plain, possible - plain


def _print_table(category: "Category", day: date, known: "Circumstances", ruled: Any) -> None:
    from passport.judgement import compliance
    from schemas.attribute import Chapter
    from schemas.conditions import CONDITIONS
    from schemas.registry import by_chapter

    click.secho(f"What a battery of category {category.value} owes", bold=True)
    _say(f"placed on the market on {day.isoformat()}, asked on that day")
    for name, holds in sorted(known):
        _say(f"known: {CONDITIONS[name].title if holds else CONDITIONS[name].otherwise}")
    if compliance.voluntary(day, category, known):
        _say("No passport is owed for it (Art. 77(1)); what is stated is voluntary.")
    notes: dict[str, int] = {}
    for chapter in Chapter:
        click.echo()
        click.secho(chapter.value.replace("_", " ").capitalize(), bold=True)
        for row in by_chapter(chapter):
            ruling = ruled[row.id]
            word = _ANSWERS[_word(ruling)]
            mark = f"{word} [{_note(notes, ruling)}]" if ruling.condition or ruling.awaits else word
            place = str(ruling.article) if ruling.article else "no text asks"
            _columns(row.title, _place(place, ruling.data_points), indent=2, middle=mark)
    if notes:
        click.echo()
        for sentence, number in notes.items():
            click.echo(
                textwrap.fill(sentence, WIDTH, initial_indent=f"[{number}] ", subsequent_indent="    ")
            )
    click.echo()
    counts = _counts(ruled)
    _say(
        f"{counts['owed']} values owed, {counts['conditional']} owed if their condition holds,"
        f" {counts['pending']} pending, {counts['must_stay_empty']} must stay empty, {counts['voluntary']}"
        f" may be stated, {counts['not_applicable']} do not apply."
    )
    _say(_commission(category, ruled))


def _note(notes: dict[str, int], ruling: "Ruling") -> int:
    if ruling.awaits is not None:
        sentence = ruling.reason
    else:
        sentence = f"where {ruling.condition.title}" if ruling.condition else ruling.reason
    return notes.setdefault(sentence, len(notes) + 1)


def _commission(category: "Category", ruled: Any) -> str:
    """How the table compares with the Commission's own count."""
    from schemas.guidance import MANDATORY

    plain, possible = _points(ruled)
    told = f"{len(plain)} of the Commission's data points are owed without condition"
    if possible:
        numbers = ", ".join(str(point) for point in sorted(possible))
        told += f", {len(plain | possible)} with those that the law asks where possible ({numbers})"
    count = MANDATORY.get(category)
    if count is None:
        return f"{told}; the guidance has no column for stationary storage."
    return f"{told}; the Commission counts {count} for 18 February 2027."


# --------------------------------------------------------------------------------------------- 80 columns


def _say(text: str, *, indent: int = 0) -> None:
    click.echo(textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent))


def _columns(title: str, law: str, *, indent: int, middle: str | None = None) -> None:
    """A title and its place in the law, each wrapped in its own column, with an answer between them."""
    middle_width = 0 if middle is None else 16
    left = 46 - indent - (11 if middle is not None else 0)
    right = WIDTH - indent - left - middle_width - 2
    lines = (
        textwrap.wrap(title, left) or [""],
        [middle or ""],
        textwrap.wrap(law, right) or [""],
    )
    for number in range(max(len(column) for column in lines)):
        cells = [column[number] if number < len(column) else "" for column in lines]
        between = f"{cells[1]:<{middle_width}}" if middle is not None else ""
        click.echo(f"{' ' * indent}{cells[0]:<{left}}  {between}{cells[2]}".rstrip())
