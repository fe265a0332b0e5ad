"""`cellpass bench`: speed as ratios, each to a yardstick measured in the same run."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from schemas.measure import Ratio

USUAL: Final = ("page", "bulk", "decode", "mqtt", "state", "assess", "trust", "search", "import", "pdf")
NAMES: Final = (*USUAL, "million", "accuracy")
_FACTS: Final = {"category": "stationary", "chemistry": "LFP", "rated_capacity": "102"}


@click.command(
    "bench",
    short_help="Measure, and print each figure beside its yardstick and bar.",
    epilog="Example: cellpass bench state",
)
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each ratio.")
@click.option(
    "--write",
    type=click.Path(file_okay=False, path_type=Path),
    help="With accuracy: also write the page and its drawings into this folder of docs.",
)
@click.option("--scale", type=click.FloatRange(0.05, 4), default=1.0, help="Of the simulated fleets' sizes.")
@click.pass_obj
def command(house: Any, names: tuple[str, ...], *, as_json: bool, write: Path | None, scale: float) -> None:
    """Measure on a data folder of its own and print each figure beside its yardstick and its bar.

    NAMES: page, bulk (rows and chunks), decode (CAN and serial lines), mqtt, state, assess, trust (issue,
    read, verify), search, import and pdf; none means all of these. Two are asked for by name, as they take
    minutes: million (search among a million batteries) and accuracy (every estimator on simulated packs and
    on published cells, CELLPASS_TEST_DATA, beside its goal). A figure below its bar is printed as such; it is
    not an error. Of several rounds the middle one is shown, in brackets the lowest and highest ratio.
    """
    from passport.bench.load import ToolMissing

    if write is not None and "accuracy" not in names:
        raise click.UsageError("--write is for accuracy: cellpass bench accuracy --write docs")
    if "accuracy" in names:
        _accuracy(as_json=as_json, write=write, scale=scale)
        names = tuple(name for name in names if name != "accuracy")
        if not names:
            return
    with tempfile.TemporaryDirectory(prefix="cellpass-bench-") as folder:
        own = house.beside(Path(folder) / "data")
        try:
            for name, measure in _benches(own, Path(folder)).items():
                if name not in (names or USUAL):
                    continue
                try:
                    for ratio in measure():
                        _show(ratio, as_json=as_json)
                except ToolMissing as error:
                    click.echo(f"{name}: not measured: {error}", err=True)
        finally:
            own.close()


def _benches(house: Any, folder: Path) -> dict[str, Callable[[], Iterator[Ratio]]]:
    from schemas.terms import Audience, RecordKind

    with house.writing() as connection:
        battery = house.batteries.create(connection, _FACTS, at=house.now())
    house.issuer.issue(battery, RecordKind.PASSPORT, now=house.now(), incomplete="benchmark")

    def page() -> Iterator[Ratio]:
        from passport.bench import page
        from passport.ledger import batteries

        with house.reading() as connection:
            passport_id = batteries.get(connection, battery).passport_id
        return page.run(house, passport_id)

    def bulk() -> Iterator[Ratio]:
        bench: Iterator[Ratio] = house.bench_intake(battery, folder)
        return bench

    def decode() -> Iterator[Ratio]:
        bench: Iterator[Ratio] = house.bench_decode()
        return bench

    def messages() -> Iterator[Ratio]:
        bench: Iterator[Ratio] = house.bench_mqtt(battery, folder)
        return bench

    def state() -> Iterator[Ratio]:
        from passport.bench import state

        return state.run()

    def judging() -> Iterator[Ratio]:
        from passport.bench import judging

        return judging.run(house, battery)

    def trust() -> Iterator[Ratio]:
        from passport.bench import trust

        return trust.run(house, folder)

    def searching() -> Iterator[Ratio]:
        from passport.bench import search

        return search.run(house, folder / "search")

    def million() -> Iterator[Ratio]:
        from passport.bench import search

        return search.among_a_million(house, folder / "million")

    def paper() -> Iterator[Ratio]:
        from passport.bench import paper
        from passport.ledger import batteries
        from passport.web.documents import pdf_context

        with house.reading() as connection:
            found = batteries.get(connection, battery)
            content = pdf_context(connection, found, Audience.PUBLIC, public_url=house.settings.public_url)
        return paper.run(content)

    def importing() -> Iterator[Ratio]:
        from passport.bench import importing

        own = house.beside(folder / "import")
        try:
            yield from importing.run(own)
        finally:
            own.close()

    return {
        "page": page,
        "bulk": bulk,
        "decode": decode,
        "mqtt": messages,
        "state": state,
        "assess": judging,
        "trust": trust,
        "search": searching,
        "import": importing,
        "pdf": paper,
        "million": million,
    }


def _accuracy(*, as_json: bool, write: Path | None, scale: float) -> None:
    from passport.bench import accuracy, report

    found = accuracy.run(lambda text: click.echo(text, err=True), scale=scale)
    for outcome in found.outcomes:
        goal = outcome.of
        if as_json:
            wire = {
                "goal": goal.number,
                "what": goal.what,
                "target": goal.target,
                "unit": goal.unit,
                "ours": outcome.ours,
                "met": outcome.met,
                "batteries": outcome.batteries,
                "note": outcome.note,
            }
            click.echo(json.dumps(wire, ensure_ascii=False))
            continue
        verdict = {True: "met", False: "MISSED", None: "not measured"}[outcome.met]
        ours = "" if outcome.ours is None else f"{outcome.ours:.4g}"
        click.echo(f"{goal.number:<10} {goal.what:<74} {goal.target:<18} {ours:>9} {goal.unit:<15} {verdict}")
        if outcome.note:
            click.echo(f"{'':<10} {outcome.note}")
    if write is not None:
        for path in report.write(found, write):
            click.echo(f"wrote {path}", err=True)


def _show(ratio: Ratio, *, as_json: bool) -> None:
    bar = "" if ratio.bar is None else f"{'<=' if ratio.at_most else '>='} {ratio.bar:g}"
    verdict = "" if ratio.reached is None else "reached" if ratio.reached else "MISSED"
    if as_json:
        click.echo(
            json.dumps(
                {
                    "name": ratio.name,
                    "ratio": round(ratio.ratio, 4),
                    "spread": [round(one, 4) for one in ratio.spread] if ratio.spread else None,
                    "bar": bar or None,
                    "reached": ratio.reached,
                    "ours": ratio.ours,
                    "yardstick": ratio.yardstick,
                    "unit": ratio.unit,
                    "against": ratio.against,
                    "note": ratio.note,
                }
            )
        )
        return
    beside = f" : {_short(ratio.yardstick)}" if ratio.yardstick is not None else ""
    rounds = f" ({ratio.spread[0]:.3g} to {ratio.spread[1]:.3g})" if ratio.spread else ""
    figures = f"{_short(ratio.ours)}{beside} {ratio.unit}{rounds}"
    click.echo(f"{ratio.name:<38} {_short(ratio.ratio):>9}  {bar:<8} {verdict:<8} {figures}")
    click.echo(f"{'':<38} against {ratio.against}{'; ' + ratio.note if ratio.note else ''}")


def _short(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.3g}"
