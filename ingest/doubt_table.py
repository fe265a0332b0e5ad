"""The page of all doubts: `python -m ingest.doubt_table > docs/plausibility.md`.

The rules are the rows of `ingest.plausibility` and `ingest.site_rules`; a house test compares the page.
"""

from collections.abc import Iterator
from typing import Final

from ingest.plausibility import ASIDE, RULES, SOURCE_CHECKS, Check, Severity
from ingest.site_rules import CHECKS as SITE_CHECKS

TITLES: Final = {
    0: "Origins: figures that are no measurement",
    1: "Duplicate node: two devices under one number, or one device heard twice",
    2: "Missing slave: fewer parts speak than are configured",
    3: "Cell count: configured against counted",
    4: "Sums: parts against the whole",
    5: "Order: lowest, mean, highest",
    6: "Independent batteries in series",
    7: "Unplanned parallel",
    8: "An aggregate taken for a battery, or a part for the aggregate",
    9: "Slot shift: another serial number without a commissioning record",
    10: "Counters that run backwards or jump, health that rises",
    11: "Charge and discharge counters against each other",
    12: "Sentinels and ranges",
    13: "Profile mismatch: the right number in the wrong scale, or another brand",
    14: "The description and the firmware differ",
    15: "Damaged frame",
    16: "Clocks",
    17: "Stale or frozen",
    18: "Mixed bank",
    19: "Settings that change",
    20: "Coverage: the share of time that was watched",
}

_MEANS: Final = {
    Severity.WARN: "told, and the value is used",
    Severity.QUARANTINE: "told, and the value stays out of sums, extremes, counters and time in a range",
    Severity.REJECT: "the frame is refused, and nothing in it is believed",
    Severity.COMMISSION: "the part's rows go to no battery until somebody commissions it anew",
}


_HEAD: Final = (
    "A doubt travels with the reading and never changes or drops it; only a damaged frame is refused. Each"
    " has a hold time: its condition lasts that long before it is told, so that one poll between two moments"
    " raises nothing. A hold time is measured in the times of the rows; a recording without times raises only"
    " what is told at once. A doubt that was not raised for ten minutes is over."
)
_AUDIT: Final = (
    "Whenever a doubt begins or ends for a part, `cellpass ingest` writes one entry into the audit: actor"
    " `device:SOURCE`, action `doubt` or `doubt ended`, and a line `rule NUMBER CODE PART: SENTENCE`."
    " `cellpass audit --battery BATTERY` shows them, `cellpass component tree` those that are not over."
)
_OF_PROTOCOLS: Final = (
    "Doubts that only a protocol module can have, because only it sees the bytes, are `PROTOCOL_DOUBTS` in"
    " `ingest/plausibility.py`; the page of each protocol says where it raises them."
)


def checks() -> Iterator[tuple[Check, str, str]]:
    """Every check with what it is told about and the quantities it looks at."""
    for rule in RULES:
        yield rule, "reading", ", ".join(f"`{name}`" for name in sorted(rule.quantities))
    for check in ASIDE.values():
        yield check, "every reading of the part", ""
    for check in SOURCE_CHECKS:
        yield check, "source", ""
    for check in SITE_CHECKS:
        yield check, "site", ""


def _told_about(about: str, quantities: str, many: int = 6) -> str:
    count = quantities.count("`") // 2
    if about != "reading":
        return about
    return quantities if count <= many else f"{count} quantities"


def _hold(check: Check) -> str:
    if not check.hold_s:
        return "at once"
    for seconds, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if check.hold_s >= seconds:
            return f"{check.hold_s / seconds:g} {unit}"
    return f"{check.hold_s:g} s"


def page() -> str:
    """The page as Markdown."""
    lines = [
        "# What is doubted, and what follows",
        "",
        "Made from the rules by `python -m ingest.doubt_table > docs/plausibility.md`; do not edit.",
        "",
        _HEAD,
        "",
        "| severity | what it does |",
        "|---|---|",
        *(f"| `{severity.value}` | {words} |" for severity, words in _MEANS.items()),
        "",
        _AUDIT,
        "",
        _OF_PROTOCOLS,
    ]
    for number, title in [*((n, t) for n, t in TITLES.items() if n), (0, TITLES[0])]:
        lines += ["", f"## {f'Rule {number}. ' if number else ''}{title}", ""]
        lines += ["| code | condition | hold time | severity | told about |", "|---|---|---|---|---|"]
        for check, about, quantities in checks():
            if check.number == number:
                lines.append(
                    f"| `{check.code}` | {check.reason} | {_hold(check)} | `{check.severity.value}` |"
                    f" {_told_about(about, quantities)} |"
                )
    lines += [
        "",
        "## Values that devices send where they have none",
        "",
        "| value | meaning | doubt |",
        "|---|---|---|",
        *(f"| {value} | {meaning} | {code} |" for value, meaning, code in SENTINELS),
        "",
    ]
    return "\n".join(lines)


SENTINELS: Final = (
    ("-40 °C exactly; 0x7FFF, 0x8000, -100 °C, 0 K", "sensor not fitted", "`no_sensor`"),
    ("0.0 °C exactly, all other sensors 15 degrees away", "input without a sensor", "`unused_sensor`"),
    ("0 mV at a cell within the cell count", "wire broken, or cell dead", "`cell_lost`"),
    ("0 mV at a cell beyond it", "position not fitted", "`not_fitted`, from the protocol"),
    (
        "5.000, 65.535, 65.534, 32.767, 1.281 V at a cell; outside 0 to 10 V",
        "no valid cell voltage",
        "`no_cell_voltage`",
    ),
    ("65 000 cycles and more", "corrupted counter", "`counter_corrupt`"),
    ("state of charge outside 0 to 100 %", "checksum skipped, or shifted field", "`charge_out_of_range`"),
    ("health 0, or above 110 %", "not measured, or shifted field", "`health_out_of_range`"),
    ("capacity 0", "nobody set it, or nothing was learned", "`capacity_zero`"),
    ("remaining charge 0 above 5 % state of charge", "the field is not kept", "`charge_nothing`"),
    (
        "0xFFFF, 0x7FFF, 0x8000 and their 24 and 32 bit kin, in any scale; -3000 and -1600 A",
        "no value; nothing above the offset",
        "`sentinel`, or `saturated` from the protocol",
    ),
    (
        "charge in whole ampere hours only, five different ones",
        "old firmware, or a reader that cuts off",
        "`whole_ampere_hours`",
    ),
    (
        "health 95, 99 or 100 % that does not move over 100 cycles; 99 or 100 % after 1000 cycles",
        "placeholder until proven otherwise",
        "`health_placeholder`",
    ),
)


if __name__ == "__main__":
    print(page(), end="")
