"""The page of `cellpass bench accuracy --write`: goals, findings, tables, drawings, and what made it.

The page names the digests of its inputs, so that a test can tell whether it still speaks of today's data and
simulation without measuring for minutes.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

from passport.bench import ageing, brisk, datasets, fleet, plots
from passport.bench.accuracy import GOALS, Outcome, Report, Section

PAGE: Final = "accuracy.md"
FOLDER: Final = "accuracy"  # of drawings, beside the page
_ABOUT: Final = (
    "Made by `cellpass bench accuracy --write docs`; not edited by hand. Simulated packs age by half-cells "
    "whose windows shift (loss of lithium and of active material), with growing resistance, cells that "
    "differ, and a BMS that measures with a gain error, an offset, noise and rounding and counts its state "
    "of charge in a circle. None of that is known to the estimators. Published cells are read from beside "
    "the project. Everything learned is learned from other batteries than those it is tried on."
)
_TRUTH: Final = (ageing, fleet, brisk, datasets)


def simulation_digest() -> str:
    """16 hex digits over the modules that make the truth."""
    whole = hashlib.sha256()
    for module in _TRUTH:
        assert module.__file__ is not None
        whole.update(Path(module.__file__).read_bytes())
    return whole.hexdigest()[:16]


def estimators_digest() -> str:
    """16 hex digits over the estimators as they were measured."""
    folder = Path(__file__).parents[1] / "estimates"
    return datasets.digest(sorted(folder.glob("*.py")))


def write(report: Report, docs: Path) -> list[Path]:
    """The page and its drawings, written into the folder of docs; what was written."""
    drawings = {f"{slug(one.title)}.svg": plots.svg(one.plot) for one in report.sections if one.plot}
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("*.svg")) - {folder / name for name in drawings}:
        stale.unlink()
    written = []
    for name, text in drawings.items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    page = docs / PAGE
    page.write_text(to_markdown(report), encoding="utf-8")
    return [page, *written]


def to_markdown(report: Report) -> str:
    """The page."""
    out = [
        "# Accuracy, beside its goals",
        "",
        _ABOUT,
        "",
        "| goal | what | target | ours | met | batteries | note |",
        "|---|---|---|---|---|---|---|",
        *(goal_row(one) for one in report.outcomes),
        "",
        "Goals 11 to 13 are laws of scoring and value; their tests hold them, not this page.",
        "",
    ]
    for section in report.sections:
        out += _section(section)
    out += [
        "## Made from",
        "",
        "| input | digest |",
        "|---|---|",
        f"| simulation | `{simulation_digest()}` |",
        f"| estimators | `{estimators_digest()}` |",
        *(f"| {name} | `{digest}` |" for name, digest in sorted(report.inputs.items())),
        "",
    ]
    return "\n".join(out)


def goal_row(outcome: Outcome) -> str:
    """One line of the table of goals."""
    goal = outcome.of
    met = {True: "yes", False: "**no**", None: "not measured"}[outcome.met]
    ours = "" if outcome.ours is None else _ours(outcome.ours, goal.unit)
    count = str(outcome.batteries) if outcome.batteries else ""
    target = f"{goal.target} {goal.unit}".strip() if not goal.target.endswith("%") else goal.target
    return f"| {goal.number} | {goal.what} | {target} | {ours} | {met} | {count} | {outcome.note} |"


def _ours(value: float, unit: str) -> str:
    if abs(value) >= 100 or value == int(value):
        text = f"{value:.0f}"
    else:
        text = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"
    return f"{text} {unit}".strip()


def _section(section: Section) -> list[str]:
    out = [f"## {section.title}", "", " ".join(section.sentences), ""]
    if section.plot is not None:
        out += [f"![{section.plot.title}: {section.plot.finding}]({FOLDER}/{slug(section.title)}.svg)", ""]
        out += [section.plot.finding, ""]
    if section.rows:
        out += ["| " + " | ".join(section.head) + " |", "|" + "---|" * len(section.head)]
        out += ["| " + " | ".join(row) + " |" for row in section.rows]
        out.append("")
    return out


def slug(title: str) -> str:
    """A title as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def digests_of(page: str) -> dict[str, str]:
    """Inputs and digests that a page names."""
    return dict(re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", page, re.MULTILINE))


def goals_of(page: str) -> list[tuple[str, str]]:
    """Number and words of each goal on a page, in its order."""
    known = {goal.number for goal in GOALS}
    lines = re.findall(r"^\| ([^|]+) \| ([^|]+) \| .+$", page, re.MULTILINE)
    return [(number, what) for number, what in lines if number in known]
