"""`cellpass state`: what the readings of a battery add up to."""

import textwrap
from decimal import Decimal
from typing import Any, Final

import click

from passport.commands.words import counted

_BAR: Final = 40
_CELLS: Final = frozenset({"cell_voltage", "cell_temperature", "cell_resistance"})
# Some devices speak of their cells in one frame out of many.
_LAST_ROWS: Final = 200
_LAST_SESSIONS: Final = 5
_WIDTH: Final = 79
_LEAST_CURRENT: Final = Decimal("0.001")  # a state counts in whole milliamperes
_NORMAL_90: Final = 1.645
_EXTREMES: Final = (
    ("voltage", -3, "V"),
    ("current", -3, "A"),
    ("cell_voltage", -3, "V"),
    ("temperature", -1, "°C"),
)


@click.command(
    "state",
    short_help="Tell the life of BATTERY so far, from its readings.",
    epilog="Example: cellpass state /01/09520123456788/21/ABC --json",
)
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(house: Any, battery: str, as_json: bool) -> None:
    """Throughput, cycles, extremes, residence and last readings of BATTERY (URL, identifier path or id)."""
    from passport.appraising import windows_of
    from passport.ledger import batteries

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        facts = batteries.facts(connection, found.id)
    state = house.refresh(found.id)
    with house.reading() as connection:
        cells = _cells(house.telemetry, connection, state, found.id)
        windows = windows_of(connection, found)
    told = {**tell(found, state, facts, windows), "cells": cells}
    if as_json:
        import orjson

        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    else:
        _table(told)


def _cells(telemetry: Any, connection: Any, state: Any, battery_id: str) -> list[dict[str, Any]]:
    """What every position last said within the newest stored rows, doubted values with their doubts."""
    from schemas.reading import QUANTITIES, WIRE_UNITS

    if not state.epochs:
        return []
    place = (state.source, state.epoch, max(-1, state.sequence - _LAST_ROWS))
    said: dict[Any, dict[str, Any]] = {}
    for chunk in telemetry.chunks(connection, battery_id, after=place):
        samples = chunk.samples
        doubts = {(note.sequence, note.key): note for note in samples.notes}
        for key, column in samples.columns.items():
            if key.quantity not in _CELLS or key.index is None:
                continue
            for row in range(len(samples)):
                value = column.decimal(row)
                note = doubts.get((int(samples.sequence[row]), str(key)))
                if value is None and (note is None or note.absence is None):
                    continue
                unit = QUANTITIES[key.quantity].unit
                said[key] = {
                    "quantity": key.quantity,
                    "component": key.component,
                    "index": key.index,
                    "value": format(value, "f") if value is not None else None,
                    "absence": note.absence if note is not None and value is None else None,
                    "unit": WIRE_UNITS.get(unit, unit.value),
                    "at": _moment(int(samples.time_ms[row]))
                    if samples.absolute and samples.timed[row]
                    else None,
                    "doubts": list(note.doubts) if note is not None else [],
                }
    return [said[key] for key in sorted(said, key=lambda k: (k.quantity, k.component or "", k.index))]


def _capacity_history(state: Any, facts: Any, windows: Any) -> list[dict[str, Any]]:
    """What each kept session tells of the capacity, oldest first; those that tell nothing are left out.

    The band is of the session alone, nine times in ten; what all say together is for `cellpass assess`.
    """
    from passport.estimates.capacity import Measurement, classify_all
    from passport.estimates.estimate import rounded
    from passport.lifecycle.basis import basis_of

    basis = basis_of(facts)
    found = []
    for one in classify_all(state.sessions.until_now(basis), basis, windows):
        if isinstance(one, Measurement):
            unit = basis.rated_mah / 1000 if basis.rated_mah else one.capacity
            half = _NORMAL_90 * one.sd * unit / 100
            ends = max(0.0, one.capacity - half), one.capacity + half
            value, low, high = rounded(one.capacity, *ends, places=3)
            found.append(
                {
                    "at": _moment(one.ended_s * 1000) if one.absolute else None,
                    "at_in_test_s": None if one.absolute else one.ended_s,
                    "direction": "charge" if one.direction > 0 else "discharge",
                    "capacity_ah": format(value, "f"),
                    "low_ah": format(low, "f"),
                    "high_ah": format(high, "f"),
                    "method": one.method,
                    "evidence_class": one.evidence.value,
                    "remarks": list(one.remarks),
                }
            )
    return found


def tell(battery: Any, state: Any, facts: Any, windows: Any = None) -> dict[str, Any]:
    """The state in words and decimals, ready for JSON."""
    from passport.lifecycle.shape import CHARGE_BINS, TEMPERATURE_EDGES
    from passport.lifecycle.state import basis_of, coverage, reported, summary
    from passport.lifecycle.summary import milliamp_hours, watt_hours
    from passport.lifecycle.told import exposure_told
    from schemas.registry import REGISTRY

    seen = coverage(state)
    return {
        "battery": battery.id,
        "identifier": battery.identifier,
        "simulated": battery.simulated,
        "values": {name: stated.to_wire(REGISTRY[name]) for name, stated in summary(state, facts).items()},
        "observed": {
            "charge_mah": format(milliamp_hours(state.charge_in + state.charge_out), "f"),
            "energy_wh": format(watt_hours(state.energy_in + state.energy_out), "f"),
        },
        "extremes": {
            f"{name}_{end}": {
                "value": format(Decimal(known.value).scaleb(exponent), "f"),
                "unit": unit,
                "at": _moment(known.time_ms),
            }
            for name, exponent, unit in _EXTREMES
            for end in ("min", "max")
            if (known := state.extremes.get(f"{name}_{end}")) is not None
        },
        "residence_s": [
            {
                "temperature": _band(where // CHARGE_BINS, TEMPERATURE_EDGES),
                "charge": f"{where % CHARGE_BINS * 10}-{where % CHARGE_BINS * 10 + 10} %",
                "seconds": spent // 1000,
            }
            for where, spent in sorted(state.residence.items())
        ],
        "exposure": exposure_told(state, facts),
        "sessions": {
            "charges": state.sessions.charges,
            "discharges": state.sessions.discharges,
            "kept": [_session(one) for one in state.sessions.until_now(basis_of(facts))],
        },
        "capacity_history": _capacity_history(state, facts, windows),
        "counters": {
            name: {"first": c.first, "last": c.last, "segments": c.segments, "at": _moment(c.time_ms)}
            for name, c in sorted(state.counters.items())
        },
        "coverage": {
            "first": seen.first.isoformat().replace("+00:00", "Z") if seen.first else None,
            "last": seen.last.isoformat().replace("+00:00", "Z") if seen.last else None,
            "observed_s": int(seen.observed.total_seconds()),
            "unknown_s": int(seen.unknown.total_seconds()),
            "rows": seen.rows,
            "epochs": state.epochs,
            "overlapping": seen.overlapping,
            "untimed": seen.untimed,
            "clock_jumps": seen.clock_jumps,
        },
        "last": {
            name: {"value": said.value, "at": _moment(said.time_ms), "doubts": list(said.doubts)}
            for name, said in sorted(reported(state).items())
        },
    }


def _session(one: Any) -> dict[str, Any]:
    """A session in decimals; null where something was not read."""
    from passport.lifecycle.session import PER_AMPERE_HOUR

    def scaled(value: int | None, exponent: int) -> str | None:
        return None if value is None else format(Decimal(value).scaleb(exponent), "f")

    def charge(value: int | None) -> str | None:
        return None if value is None else format(Decimal(value) / PER_AMPERE_HOUR, "f")

    return {
        "direction": "charge" if one.direction > 0 else "discharge",
        "start": _moment(one.start_s * 1000) if one.absolute else None,
        "start_in_test_s": None if one.absolute else one.start_s,
        "duration_s": one.duration_s,
        "charge_ah": charge(one.charge),
        "opposite_ah": charge(one.opposite),
        "charge_to_limit_ah": charge(one.charge_to_limit),
        "energy_wh": scaled(one.energy, -2),
        "rest_before_s": one.rest_before_s,
        "rest_before_v": scaled(one.rest_before_mv, -3),
        "rest_after_s": one.rest_after_s,
        "rest_after_v": scaled(one.rest_after_mv, -3),
        "first_v": scaled(one.first_mv, -3),
        "last_v": scaled(one.last_mv, -3),
        "mean_a": scaled(one.mean_ma, -3),
        "last_a": scaled(one.last_ma, -3),
        "state_of_charge_first": scaled(one.soc_first, -1),
        "state_of_charge_last": scaled(one.soc_last, -1),
        "temperature_min": scaled(one.coldest, -1),
        "temperature_max": scaled(one.hottest, -1),
        "temperature_mean": scaled(one.mean_temperature, -1),
        "longest_step_s": one.longest_step_s,
        "windows": [{"from_v": scaled(edge, -3), "charge_ah": charge(moved)} for edge, moved in one.windows],
        "cycles_before": scaled(one.cycles_before, -3),
        "spread_v": scaled(one.spread_mv, -3),
    }


def _moment(time_ms: int | None) -> str | None:
    from datetime import UTC, datetime, timedelta

    if time_ms is None:
        return None
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _band(number: int, edges: tuple[int, ...]) -> str:
    """A band of temperature in words; `edges` are tenths of a degree."""
    low = f"{edges[number - 1] / 10:g}" if number else None
    high = f"{edges[number] / 10:g}" if number < len(edges) else None
    if low is None:
        return f"below {high} °C"
    return f"{low} to {high} °C" if high is not None else f"{low} °C and above"


def _table(told: dict[str, Any]) -> None:
    click.echo(f"{told['identifier']}{'  [simulated]' if told['simulated'] else ''}")
    seen = told["coverage"]
    if not seen["rows"]:
        click.echo("Nothing was ever read of this battery.")
        return
    times = f"{seen['first']} to {seen['last']}" if seen["first"] else "no absolute time"
    click.echo(f"{counted(seen['rows'], 'row')} in {counted(seen['epochs'], 'epoch')}, {times}")
    click.echo(f"observed {_duration(seen['observed_s'])}, unknown {_duration(seen['unknown_s'])}")
    values = {name: wire for name, wire in told["values"].items() if not isinstance(wire["value"], list)}
    _section(
        "Sums",
        [(name, _sum(name, wire, told["observed"]), wire.get("method", "")) for name, wire in values.items()],
    )
    current = told["last"].get("current")
    if current is not None and 0 < abs(Decimal(current["value"])) < _LEAST_CURRENT:
        click.echo("  A current below 1 mA counts as nought in sums, extremes and sessions.")
    _section(
        "Extremes", [(n, f"{e['value']} {e['unit']}", e["at"] or "") for n, e in told["extremes"].items()]
    )
    _events(told["exposure"])
    _clocks(told["exposure"])
    _sessions(told["sessions"])
    _capacities(told["capacity_history"])
    _section(
        "Counters of the device",
        [(n, str(c["last"]), counted(c["segments"], "segment")) for n, c in told["counters"].items()],
    )
    _section(
        "Last readings",
        [
            (
                n,
                said["value"],
                (said["at"] or "") + (f"  doubted: {', '.join(said['doubts'])}" if said["doubts"] else ""),
            )
            for n, said in told["last"].items()
        ],
    )
    _section(
        "Cells, as last read",
        [
            (
                f"{c['component'] + ' ' if c['component'] else ''}{c['quantity']} {c['index']}",
                f"{c['value']} {c['unit']}" if c["value"] is not None else c["absence"],
                f"doubted: {', '.join(c['doubts'])}" if c["doubts"] else "",
            )
            for c in told["cells"]
        ],
    )
    _histogram(told["residence_s"])


def _sessions(told: dict[str, Any]) -> None:
    """How many there were, and the newest of those that are kept."""
    if not told["charges"] and not told["discharges"]:
        return
    kept = told["kept"]
    click.echo(
        f"\nSessions: {counted(told['charges'], 'charge')}, {counted(told['discharges'], 'discharge')};"
        f" {len(kept)} kept"
    )
    for one in kept[-_LAST_SESSIONS:]:
        begun = one["start"] or f"{_duration(one['start_in_test_s'])} into the test"
        volts = f", {one['first_v'] or '?'} to {one['last_v'] or '?'} V a cell"
        if one["first_v"] is None and one["last_v"] is None:
            volts = ""  # of no cell was anything read
        reached = (
            f", limit at {one['charge_to_limit_ah']} Ah" if one["charge_to_limit_ah"] is not None else ""
        )
        _wrapped(
            f"{begun:24}{one['direction']:10}{one['charge_ah']:>9} Ah"
            f" in {_duration(one['duration_s'])}{volts}{reached}",
            further=4,
        )


def _capacities(history: list[dict[str, Any]]) -> None:
    """What the kept sessions tell, each with its band; under the method that speaks."""
    if not history:
        click.echo("\nCapacity: no kept session tells it.")
        return
    click.echo("\nCapacity by session, each alone, nine times in ten")
    before = None
    for one in history:
        how = f"{one['method']}, class {one['evidence_class']}"
        if how != before:
            click.echo(f"  By {how}:")
        before = how
        told = one["at"] or f"{_duration(one['at_in_test_s'])} into the test"
        band = f"{one['low_ah']} to {one['high_ah']}"
        click.echo(f"    {told:22}{one['direction']:10}{one['capacity_ah']:>9} Ah  {band}")


def _events(told: dict[str, Any]) -> None:
    """Every kind that was seen, and what could not be judged."""
    rows = []
    for name, event in told["events"].items():
        if event is not None and event["count"]:
            worst = f", worst {event['worst']}" if "worst" in event else ""
            long = f"{_duration(event['seconds'])} in all{worst}" if "seconds" in event else ""
            rows.append((name, str(event["count"]), long))
    _section("Events", rows, digits=6)
    never = [name for name, event in told["events"].items() if event is not None and not event["count"]]
    unknown = [name for name, event in told["events"].items() if event is None]
    for title, names in (("None of", never), ("Not determinable", unknown)):
        if names:
            _wrapped(f"{title}: {', '.join(names).replace('_', ' ')}", further=4)


def _clocks(told: dict[str, Any]) -> None:
    """Time of exposure, and for how long each quantity was seen."""
    _section(
        "Time by what was seen",
        [(name, _duration(spent), "") for name, spent in told["clocks_s"].items() if spent],
    )
    _section(
        "Charging by temperature and rate",
        [(f"{one['temperature']}, {one['rate']}", _duration(one["seconds"]), "") for one in told["charging"]],
    )
    _section(
        "Cycles by depth and mean charge",
        [(f"{one['depth']} around {one['mean']}", one["cycles"], "") for one in told["cycles"]],
    )
    _section(
        "Minutes of each month in which something was read",
        [
            (
                month,
                f"{one['minutes']} min",
                f"{100 * one['share']:.0f} %" if one["share"] >= 0.01 else "below 1 %",
            )
            for month, one in told["months"].items()
        ],
    )


def _section(title: str, rows: list[tuple[str, str, str]], *, digits: int = 16) -> None:
    if rows:
        click.echo(f"\n{title}")
        width = max(32, *(len(name) for name, _, _ in rows))
        for name, value, rest in rows:
            click.echo(f"  {name.replace('_', ' '):{width}}{value:>{digits}}  {rest}".rstrip())


def _wrapped(line: str, *, further: int) -> None:
    """The line, indented, in as many as a terminal needs; the further ones stand further in."""
    wrapped = textwrap.wrap(
        line,
        _WIDTH,
        initial_indent="  ",
        subsequent_indent=" " * further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    click.echo("\n".join(wrapped))


def _sum(name: str, wire: dict[str, Any], observed: dict[str, str]) -> str:
    """A sum with its unit; one of our own below a whole unit in the smaller unit, with digits that tell."""
    ours = str(wire.get("method", "")).endswith(".observed.v1")
    value = Decimal(str(wire["value"])) if ours else Decimal(1)
    if value < 1 and name == "capacity_throughput":
        return f"{_digits(observed['charge_mah'])} mAh"
    if value < 1 and name == "energy_throughput":
        return f"{_digits(observed['energy_wh'])} Wh"
    return f"{wire['value']} {wire.get('unit', '')}".rstrip()


def _digits(text: str) -> str:
    """Four digits that tell, or all before the point."""
    value = Decimal(text)
    if not value:
        return "0"
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return format(value.quantize(Decimal(1).scaleb(max(exponent, min(0, value.adjusted() - 3)))), "f")


def _histogram(residence: list[dict[str, Any]]) -> None:
    """Time by band of temperature, as bars."""
    by_band: dict[str, int] = {}
    for entry in residence:
        by_band[entry["temperature"]] = by_band.get(entry["temperature"], 0) + entry["seconds"]
    total = sum(by_band.values())
    if not total:
        return
    click.echo("\nTime by temperature of the hottest sensor")
    for band, seconds in by_band.items():
        bar = "#" * max(1, round(_BAR * seconds / total))
        click.echo(f"  {band:20}{_duration(seconds):>12}  {bar}")


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
