"""`cellpass life`: what happens to a battery between its first passport and the end of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def _when(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    """A day, taken as its beginning in UTC, or a time with its zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no day and no time; write 2026-11-20") from error
    if moment.tzinfo is None:
        if len(text) > 10:
            raise click.BadParameter(f"{text!r} has no zone; write 2026-11-20T12:00:00Z")
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _percent(_context: click.Context, parameter: click.Parameter, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise click.BadParameter(f"{text!r} is no number of per cent") from error
    if not number.is_finite() or not 0 <= number <= 1000 or len(text) > 12:
        raise click.BadParameter(f"{parameter.name}: expected per cent, got {text!r}")
    return number


@click.group(
    "life",
    short_help="Tell what happened to a battery: new life, repair, waste, end.",
    epilog='Example: cellpass life repurpose --from A --from B --as "category=stationary,rated_capacity=80"',
)
def command() -> None:
    """Tell what happened to a battery; what follows from it for its passport is done at once (Art. 77)."""


# ----------------------------------------------------------------------------------------- a new life

_NEW_LIFE: Final = (
    click.option("--from", "originals", multiple=True, metavar="BATTERY", help="An original kept here."),
    click.option(
        "--from-record",
        "records",
        type=_FILE,
        multiple=True,
        help="Newest record or bundle of an original that another service keeps.",
    ),
    click.option(
        "--from-passport",
        "addresses",
        multiple=True,
        metavar="URL",
        help="Passport of an original elsewhere of which no record is at hand.",
    ),
    click.option(
        "--keys", type=_FILE, multiple=True, help="Keys that you trust, to check --from-record with."
    ),
    click.option("--as", "words", metavar="FACT=VALUE,...", help="Declared facts of the new battery."),
    click.option("--into", type=_FILE, help="The same as a JSON file: attribute to value."),
    click.option(
        "--inherit", is_flag=True, help="What the originals' model says holds for the new battery too."
    ),
    click.option(
        "--identifier", metavar="PATH", help="Its identifier, /01/GTIN/21/SERIAL; else one of GS1's examples."
    ),
    click.option(
        "--operator", help="Who places it on the market; default: who answers for the first original."
    ),
    click.option("--on", "at", callback=_when, metavar="DAY", help="When; default now."),
    click.option(
        "--further-part", is_flag=True, help="A further part of an original that goes on elsewhere."
    ),
    click.option("--from-waste", is_flag=True, help="The originals elsewhere were waste: a preparation."),
    click.option("--incomplete", metavar="REASON", help="Issue although something owed is missing."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object."),
    click.pass_obj,
)


def _new_life(function: Any) -> Any:
    for decorate in reversed(_NEW_LIFE):
        function = decorate(function)
    return function


@command.command(
    "repurpose",
    epilog='Example: cellpass life repurpose --from A --from B --as "category=stationary,chemistry=LFP"',
)
@_new_life
def repurpose(house: Any, **options: Any) -> None:
    """Make one battery of others for another use: repurposing, or its preparation where they were waste."""
    _begin(house, "repurposed", None, **options)


@command.command("reuse", epilog="Example: cellpass life reuse --from A --inherit")
@_new_life
def reuse(house: Any, **options: Any) -> None:
    """Prepare waste batteries for re-use: a new passport, linked to the old."""
    _begin(house, "re-used", None, **options)


@command.command(
    "remanufacture",
    epilog="Example: cellpass life remanufacture --from A --inherit --capacity 94.5 --spread 1.8"
    ' --method "discharge at C/3, 25 °C"',
)
@click.option(
    "--capacity", required=True, callback=_percent, help="Restored, in % of the original rated capacity."
)
@click.option(
    "--spread", required=True, callback=_percent, help="Largest difference between two cells' health, in %."
)
@click.option("--method", required=True, help="How both were found.")
@_new_life
def remanufacture(house: Any, *, capacity: Any, spread: Any, method: str, **options: Any) -> None:
    """Restore batteries to at least 90 % of their rated capacity, cells within 3 % (Art. 3(1)(32))."""
    from passport.life.acts import Evidence

    _begin(house, "remanufactured", Evidence(capacity, spread, method), **options)


def _begin(
    house: Any,
    end: str,
    evidence: Any,
    *,
    originals: tuple[str, ...],
    records: tuple[Path, ...],
    addresses: tuple[str, ...],
    keys: tuple[Path, ...],
    words: str | None,
    into: Path | None,
    inherit: bool,
    identifier: str | None,
    operator: str | None,
    at: datetime | None,
    further_part: bool,
    from_waste: bool,
    incomplete: str | None,
    as_json: bool,
) -> None:
    from passport.ledger import batteries
    from passport.life import acts
    from schemas.terms import BatteryStatus, Category

    if incomplete is not None and not incomplete.strip():
        raise click.UsageError("--incomplete needs a reason in words")
    facts = declared(words, into)
    now = house.now()
    with house.reading() as connection:
        found = [batteries.find(connection, text, house.settings.public_url) for text in originals]
    category = facts.pop("battery_category", None) or (found[0].category if inherit and found else None)
    if category is None:
        raise click.UsageError(f"say what it is: --as category={'|'.join(Category)}")
    told = acts.new_life(
        house.issuer,
        [one.id for one in found],
        acts.NewBattery(
            identifier or _example_identifier(house), Category(category), facts, operator, inherit=inherit
        ),
        BatteryStatus(end),
        at=at or now,
        now=now,
        foreign=[
            *(_foreign(path, keys, now) for path in records),
            *(acts.Foreign(address) for address in addresses),
        ],
        evidence=evidence,
        further=further_part,
        from_waste=from_waste,
        incomplete=incomplete,
    )
    say(house, told, as_json=as_json)


def declared(words: str | None, into: Path | None) -> dict[str, Any]:
    """Declared facts as `FACT=VALUE,...`, from a JSON file, or from both: the command line counts."""
    return declared_pairs([part for part in (words or "").split(",") if part.strip()], into)


def declared_pairs(words: Sequence[str], into: Path | None) -> dict[str, Any]:
    """The same from single words."""
    from passport.errors import FactRefused
    from schemas.strict_json import StrictJsonError, loads
    from schemas.validation import FactsInvalid, facts_from_text, load_facts

    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, mark, _ in pairs if not mark]:
        raise click.UsageError(f"expected FACT=VALUE, got {wrong[0]!r}")
    try:
        facts: dict[str, Any] = {}
        if into is not None:
            content = loads(into.read_bytes())
            if not isinstance(content, dict):
                raise click.UsageError(f"{into}: expected a JSON object of attribute to value")
            facts = dict(load_facts(content))
        return facts | facts_from_text({name.strip(): value.strip() for name, _, value in pairs})
    except StrictJsonError as error:
        raise FactRefused(f"{into}: {error}") from error
    except FactsInvalid as error:
        raise FactRefused(str(error)) from error


def _example_identifier(house: Any) -> str:
    """A random serial under the prefix that GS1 keeps for examples."""
    from passport.ledger.trial import EXAMPLE_GTIN
    from schemas.identifier import identifier_path, new_serial

    click.echo(
        "No --identifier was given: it gets one of GS1's examples, which no battery on sale has.", err=True
    )
    return identifier_path(EXAMPLE_GTIN, new_serial(house.issuer.random_bytes(10)))


def _foreign(path: Path, keys: tuple[Path, ...], now: datetime) -> Any:
    """An original of another service, from its record; checked where keys were given."""
    import orjson

    from passport.errors import InputRefused
    from passport.life.acts import Foreign
    from passport.signing.document import read_document
    from passport.signing.keyset import read_keys
    from passport.signing.sign import parse_jws
    from passport.signing.verify import verify_record

    data = path.read_bytes()
    document = read_document(data)
    if keys:
        trusted = [key for file in keys for key in read_keys(file.read_bytes())]
        verify_record(data, jwks=trusted, now=now)
    else:
        click.echo(f"{path}: linked unchecked; give the keys that you trust with --keys.", err=True)
    try:
        claims = orjson.loads(parse_jws(document.jwt).payload)
        address = claims["credentialSubject"]["passport_id"]["value"]
        url = claims["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputRefused(f"{path} is no passport record that names its passport") from error
    return Foreign(str(address), document.jwt, str(url))


@command.command("goes-on", epilog="Example: cellpass life goes-on A --in B")
@click.argument("battery")
@click.option("--in", "successor", required=True, metavar="BATTERY", help="What it goes on as.")
@click.option("--on", "at", callback=_when, metavar="DAY", help="When; default now.")
@click.option("--further-part", is_flag=True, help="A further part of it; another one goes on elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def goes_on(house: Any, *, battery: str, successor: str, at: Any, further_part: bool, as_json: bool) -> None:
    """Confirm what another operator made of BATTERY: its own passport leads on from now."""
    from passport.ledger import batteries
    from passport.life import acts

    now = house.now()
    with house.reading() as connection:
        one, other = (
            batteries.find(connection, text, house.settings.public_url).id for text in (battery, successor)
        )
    told = acts.goes_on(house.issuer, one, other, at=at or now, now=now, further=further_part)
    say(house, told, as_json=as_json)


# ------------------------------------------------------------------------------------ acts on one battery


def _act(name: str, act: str, sentence: str) -> None:
    """One command for one act without further words."""

    def tell(house: Any, battery: str, at: Any, by: str | None, note: str | None, *, as_json: bool) -> None:
        from passport.lifecycle.status import ActName

        detail = {"note": note.strip()} if note and note.strip() else {}
        _tell(house, battery, ActName(act), at=at, by=by, detail=detail, as_json=as_json)

    tell.__doc__ = sentence
    decorated: Any = tell
    for decorate in reversed(
        (
            click.argument("battery"),
            click.option("--on", "at", callback=_when, metavar="DAY", help="When; default now."),
            click.option("--by", help="Who did it, in words; default: who answers for the battery."),
            click.option("--evidence", "note", help="Document or reason, in words; stands in the history."),
            click.option("--json", "as_json", is_flag=True, help="One JSON object."),
            click.pass_obj,
        )
    ):
        decorated = decorate(decorated)
    command.command(name, epilog=f"Example: cellpass life {name} /01/09520123456788/21/ABC --on 2026-11-20")(
        decorated
    )


_act("waste", "waste", "BATTERY became waste; its passport stays (Art. 77(7)).")
_act("received", "received", "A recycler or waste operator received BATTERY; it is waste.")
_act("recycled", "recycled", "BATTERY was recycled: its passport ceases, its model's data stay (Art. 77(8)).")
_act("suspend", "suspension", "Take BATTERY's passport out of force until it is resumed.")
_act("resume", "resumption", "Put BATTERY's suspended passport into force again.")
_act("delete", "deletion", "Mark BATTERY's ended passport for deletion; nothing is deleted by it.")


@command.command(
    "repair",
    epilog="Example: cellpass life repair A --part 'BMS board' --removed SN-1 --installed SN-2",
)
@click.argument("battery")
@click.option("--part", required=True, help="What was repaired or exchanged.")
@click.option("--part-number", help="Its part number.")
@click.option("--removed", help="Serial number of the part taken out.")
@click.option("--installed", help="Serial number of the part put in.")
@click.option("--on", "at", callback=_when, metavar="DAY", help="When; default now.")
@click.option("--by", help="Who did it, in words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def repair(
    house: Any,
    *,
    battery: str,
    part: str,
    part_number: str | None,
    removed: str | None,
    installed: str | None,
    at: Any,
    by: str | None,
    as_json: bool,
) -> None:
    """BATTERY was repaired: passport and status stay, the repair stands in its history."""
    from passport.ledger import batteries
    from passport.life import acts

    now = house.now()
    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    told = acts.record_repair(
        house.issuer,
        found.id,
        part=part,
        part_number=part_number,
        removed_serial=removed,
        installed_serial=installed,
        at=at or now,
        now=now,
        by=by,
    )
    say(house, told, as_json=as_json)


def _tell(house: Any, battery: str, act: Any, *, at: Any, by: str | None, detail: Any, as_json: bool) -> None:
    from passport.ledger import batteries
    from passport.life import acts

    now = house.now()
    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    told = acts.tell(house.issuer, found.id, act, at=at or now, now=now, by=by, detail=detail)
    say(house, told, as_json=as_json)


@command.command("acts", epilog="Example: cellpass life acts /01/09520123456788/21/ABC")
@click.argument("battery", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per act.")
@click.pass_obj
def acts_(house: Any, *, battery: str | None, as_json: bool) -> None:
    """List what may happen, from where, and by whom; of BATTERY, what may happen now and why not the rest."""
    import orjson

    from passport.ledger import batteries, life
    from passport.lifecycle.status import ACTS, obstacle

    standing = None
    if battery is not None:
        with house.reading() as connection:
            found = batteries.find(connection, battery, house.settings.public_url)
            standing = life.standing_of(connection, found)
        if not as_json:
            click.echo(f"{found.identifier}  {standing}")
    for act in ACTS.values():
        why = obstacle(act, standing) if standing is not None else None
        starts = [status.value if status else "unstated" for status in act.battery]
        told: dict[str, Any] = {
            "act": act.name.value,
            "from": starts,
            "from_passport": [status.value for status in act.passport],
            "who": act.who.value,
            "effect": act.effect,
            "law": [str(citation) for citation in act.law],
            "command": act.command,
        }
        if standing is not None:
            told |= {"possible": why is None, "why_not": why and _bare(why)}
        if as_json:
            click.echo(orjson.dumps(told))
            continue
        mark = "" if standing is None else "yes  " if why is None else "no   "
        rest = f"by {act.who.value}; {act.effect} ({', '.join(told['law'])})"
        sentence = told["why_not"] if why else f"from {', '.join(starts)}; {rest}"
        click.echo(f"{mark}{act.title:29}{sentence}")


def _bare(why: str) -> str:
    """A refusal without the act that it names first and the others that it names last."""
    return why.partition("; possible now")[0].partition("; nothing can")[0].partition(": ")[2]


def say(house: Any, told: Any, *, as_json: bool) -> None:
    """What came of an act: the battery, its versions, and what was left to others."""
    import orjson

    from passport.life.acts import describe

    said = describe(told)
    if as_json:
        click.echo(orjson.dumps(said))
        return
    click.echo(f"{told.battery.identifier}  {house.settings.public_url}/p/{told.battery.passport_id}")
    for one in said["versions"]:
        if "version" in one:
            click.echo(f"  {one['battery']}  {one['kind']} {one['version']} issued")
        else:
            sentence = one["refused"].partition("\n")[0]
            click.echo(f"  {one['battery']}  {one['kind']} not issued: {sentence}", err=True)
    for address in said["left_as_they_are"]:
        click.echo(f"  {address} is another's: linked from here, left as it is", err=True)
