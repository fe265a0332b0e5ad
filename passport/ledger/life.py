"""The life of a battery as it is stored: what happened to it, what it goes on as, what it was worth then.

Events and links are added, never changed. Where battery and passport stand is what the newest events say;
the passport's status stands beside the battery too, and `append` keeps both in one transaction. Versions that
an act asks for are written down with it (`due`), so that no crash forgets them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict
from passport.ledger import batteries, states
from passport.ledger.batteries import Battery
from passport.ledger.database import marks
from passport.ledger.facts import Declared, is_absent
from passport.lifecycle.state import LifecycleState, summary
from passport.lifecycle.status import ActName, Standing
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.terms import Absent, BatteryStatus, PassportStatus, RecordKind, Source
from schemas.values import from_utc_text, utc_text

PREDECESSOR: Final = "predecessor"
SUCCESSOR: Final = "successor"
PLACING: Final = "placing_on_the_market"
# Events that are no act of the state machines.
STATED: Final = "stated"  # the status that was declared before anything happened here
NEW_LIFE: Final = "new_life"  # made of others
CORRECTED: Final = "corrected"
WITHDRAWN: Final = "withdrawn"
HANDED_OVER: Final = "handed_over"

STATUS_ROW: Final = "battery_status"
SNAPSHOT_ROWS: Final = tuple(
    name
    for name, row in REGISTRY.items()
    if row.record is RecordKind.CONDITION
    and any(point.startswith("4(a)") for point in row.annex_xiii_points)
    and name != "status_history"
)
"""Rows of Annex XIII 4(a): stated at placing on the market and at every change of status."""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        sequence: from 1, without gaps, per battery.
        at: when it happened, as told; `recorded_at` is when we were told.
        kind: an `ActName`, or one of the words above.
        by: who did it, in words.
        battery_status: after it; None where it says nothing of that. `passport_status` likewise.
    """

    battery: str
    sequence: int
    at: datetime
    recorded_at: datetime
    kind: str
    by: str
    battery_status: BatteryStatus | None
    passport_status: PassportStatus | None
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """The battery goes on as another, or came from it.

    Attributes:
        relation: what the other is of it: `PREDECESSOR` or `SUCCESSOR`.
        address: of the other's passport.
        other: id of the other battery; None where another service keeps it.
        record_url, record_sri: the predecessor's record that is quoted; None where none is at hand.
        jwt: its signed part, where another service keeps it.
    """

    battery: str
    relation: str
    address: str
    other: str | None
    operation: str
    record_url: str | None
    record_sri: str | None
    jwt: bytes | None
    at: datetime


@dataclass(frozen=True)
class Snapshot:
    """What was stated of Annex XIII 4(a) at one moment, on the wire by attribute id."""

    sequence: int
    occasion: str
    at: datetime
    battery_status: BatteryStatus | None
    values: Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Due:
    """A version that an act asked for; `incomplete` is the reason under which it may be issued."""

    battery: str
    kind: RecordKind
    incomplete: str | None


@dataclass(frozen=True)
class Life:
    """All that happened to one battery, oldest first, and what it is linked with."""

    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()

    @cached_property
    def status(self) -> Event | None:
        """The newest event that says what the battery is; None before the first."""
        return next((event for event in reversed(self.events) if event.battery_status is not None), None)

    def standing(self, battery: Battery, declared: Declared) -> Standing:
        """Where the battery and its passport are; before the first event its declared status counts."""
        status = self.status.battery_status if self.status else declared_status(declared)
        moved = next((event for event in reversed(self.events) if event.passport_status is not None), None)
        suspended = moved is not None and moved.kind == ActName.SUSPENSION
        return Standing(status, battery.passport_status, suspended=suspended)

    def linked(self, relation: str) -> tuple[Link, ...]:
        """The links of one relation, in the order in which they were made."""
        return tuple(link for link in self.links if link.relation == relation)

    @property
    def ceased_at(self) -> datetime | None:
        """When the battery was recycled; None while it was not."""
        return next((event.at for event in self.events if event.kind == ActName.RECYCLED), None)

    def correction(self, kind: RecordKind, version: int) -> str | None:
        """Why the version of that number was corrected, in the operator's words; None where it was not."""
        reasons = [
            event.detail["reason"]
            for event in self.events
            if event.kind == CORRECTED and event.detail.get("corrects", {}).get(kind.value) == version
        ]
        return "; ".join(dict.fromkeys(reasons)) or None

    def words(self, kind: RecordKind, declared: Declared) -> dict[str, Stated[Any]]:
        """What the life says of the record's rows; a row of which it says nothing is left out."""
        found: dict[str, Any] = {}
        if kind is RecordKind.CONDITION:
            if self.status is not None:
                found[STATUS_ROW] = (self.status.battery_status, self.status.at)
            changes = [event for event in self.events if event.battery_status is not None]
            if changes:
                history = [
                    {"status": event.battery_status, "at": event.at, "operator": event.by}
                    for event in changes
                ]
                found["status_history"] = (history, changes[-1].at)
        elif kind is RecordKind.PASSPORT:
            found |= self._of_the_passport(declared)
        return {
            name: Stated.of(REGISTRY[name], value, source=Source.DECLARED, as_of=at)
            for name, (value, at) in found.items()
        }

    def _of_the_passport(self, declared: Declared) -> dict[str, Any]:
        found: dict[str, Any] = {}
        said = declared.values()
        for relation, row in (
            (PREDECESSOR, "predecessor_passport_ids"),
            (SUCCESSOR, "successor_passport_ids"),
        ):
            links = self.linked(relation)
            if links:
                addresses = [*said.get(row, ()), *(link.address for link in links)]
                found[row] = (list(dict.fromkeys(addresses)), links[-1].at)
        repairs = [event for event in self.events if event.kind == ActName.REPAIR]
        if repairs:
            told = [{"at": event.at, **event.detail, "operator": event.by} for event in repairs]
            found["repair_history"] = ([*said.get("repair_history", ()), *told], repairs[-1].at)
        if self.ceased_at is not None:
            found["passport_ceased_at"] = (self.ceased_at.date(), self.ceased_at)
        return found


EMPTY: Final = Life()


def declared_status(declared: Declared) -> BatteryStatus | None:
    """What somebody declared the battery to be; None where nobody did."""
    wire = declared.wired.get(STATUS_ROW)
    return None if wire is None or is_absent(wire) else BatteryStatus(wire)


# --------------------------------------------------------------------------------------------- reading

_EVENT: Final = "battery, sequence, at, recorded_at, kind, by, battery_status, passport_status, detail"
_LINK: Final = "battery, relation, address, other, operation, record_url, record_sri, jwt, at"


def lives(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Life]:
    """The lives of these batteries by id; one to which nothing happened yet is left out."""
    events: dict[str, list[Event]] = {}
    links: dict[str, list[Link]] = {}
    places = marks(battery_ids)
    for row in connection.exec_driver_sql(
        f"SELECT {_EVENT} FROM life_event WHERE battery IN ({places}) ORDER BY battery, sequence",
        tuple(battery_ids),
    ):
        events.setdefault(row[0], []).append(_event(row))
    for row in connection.exec_driver_sql(
        f"SELECT {_LINK} FROM life_link WHERE battery IN ({places}) ORDER BY battery, at, address",
        tuple(battery_ids),
    ):
        links.setdefault(row[0], []).append(_link(row))
    return {
        name: Life(tuple(events.get(name, ())), tuple(links.get(name, ())))
        for name in events.keys() | links.keys()
    }


def life_of(connection: Connection, battery_id: str) -> Life:
    """All that happened to one battery."""
    return lives(connection, [battery_id]).get(battery_id, EMPTY)


def standing_of(connection: Connection, battery: Battery) -> Standing:
    """Where one battery and its passport are."""
    declared = batteries.declared(connection, [battery.id])[battery.id]
    return life_of(connection, battery.id).standing(battery, declared)


def _event(row: Any) -> Event:
    return Event(
        battery=row[0],
        sequence=row[1],
        at=from_utc_text(row[2]),
        recorded_at=from_utc_text(row[3]),
        kind=row[4],
        by=row[5],
        battery_status=BatteryStatus(row[6]) if row[6] else None,
        passport_status=PassportStatus(row[7]) if row[7] else None,
        detail=orjson.loads(row[8]),
    )


def _link(row: Any) -> Link:
    return Link(
        battery=row[0],
        relation=row[1],
        address=row[2],
        other=row[3],
        operation=row[4],
        record_url=row[5],
        record_sri=row[6],
        jwt=bytes(row[7]) if row[7] is not None else None,
        at=from_utc_text(row[8]),
    )


def snapshots(connection: Connection, battery_id: str) -> list[Snapshot]:
    """What was kept of Annex XIII 4(a), oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT sequence, occasion, at, battery_status, facts FROM status_snapshot"
        " WHERE battery = ? ORDER BY sequence",
        (battery_id,),
    )
    return [
        Snapshot(
            row[0],
            row[1],
            from_utc_text(row[2]),
            BatteryStatus(row[3]) if row[3] else None,
            orjson.loads(row[4]),
        )
        for row in rows
    ]


# ---------------------------------------------------------------------------------------------- writing


def append(
    connection: Connection,
    battery: Battery,
    kind: str,
    *,
    at: datetime,
    now: datetime,
    by: str,
    battery_status: BatteryStatus | None = None,
    passport_status: PassportStatus | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """One more event; the passport's status beside the battery follows. Needs the writer's turn.

    Raises:
        Conflict: the passport has ended, or the event would stand before what changed the status last.
    """
    before = life_of(connection, battery.id)
    if at > now:
        raise Conflict(f"{battery.identifier}: {utc_text(at)} is yet to come; tell it when it has happened")
    if battery_status is not None and before.status is not None and at < before.status.at:
        raise Conflict(
            f"{battery.identifier}: its status changed last on {utc_text(before.status.at)}"
            f" ({before.status.kind.replace('_', ' ')}); {utc_text(at)} is before that"
        )
    event = Event(
        battery=battery.id,
        sequence=len(before.events) + 1,
        at=at,
        recorded_at=now,
        kind=str(kind),
        by=by,
        battery_status=battery_status,
        passport_status=passport_status,
        detail=dict(detail or {}),
    )
    connection.exec_driver_sql(
        f"INSERT INTO life_event ({_EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.battery,
            event.sequence,
            utc_text(at),
            utc_text(now),
            event.kind,
            by,
            battery_status and battery_status.value,
            passport_status and passport_status.value,
            orjson.dumps(event.detail, option=orjson.OPT_SORT_KEYS).decode(),
        ),
    )
    if passport_status is not None and passport_status is not battery.passport_status:
        batteries.set_status(connection, battery.id, passport_status)
        if passport_status is not PassportStatus.ACTIVE:
            # Nobody finds for a second life what has none under this passport.
            connection.exec_driver_sql("DELETE FROM battery_search WHERE battery = ?", (battery.id,))
    return event


def add_link(connection: Connection, link: Link) -> None:
    """One more link; the same again changes nothing."""
    connection.exec_driver_sql(
        f"INSERT INTO life_link ({_LINK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            link.battery,
            link.relation,
            link.address,
            link.other,
            link.operation,
            link.record_url,
            link.record_sri,
            link.jwt,
            utc_text(link.at),
        ),
    )


def snapshot(connection: Connection, battery_ids: Sequence[str], occasion: str, *, at: datetime) -> None:
    """Keep what is stated of Annex XIII 4(a) of these batteries now; what nobody states is not in it."""
    declared = batteries.declared(connection, battery_ids)
    known, told = batteries.many(connection, battery_ids), lives(connection, battery_ids)
    folded = states.load_states(connection, battery_ids)
    rows = connection.exec_driver_sql(
        f"SELECT battery, max(sequence) FROM status_snapshot WHERE battery IN ({marks(battery_ids)})"
        " GROUP BY battery",
        tuple(battery_ids),
    )
    last: dict[str, int] = {row[0]: row[1] for row in rows}
    kept = []
    for name in battery_ids:
        status = told.get(name, EMPTY).standing(known[name], declared[name]).battery
        kept.append(
            (
                name,
                last.get(name, 0) + 1,
                occasion,
                utc_text(at),
                status and status.value,
                orjson.dumps(_values(declared[name], folded.get(name)), option=orjson.OPT_SORT_KEYS),
            )
        )
    connection.exec_driver_sql(
        "INSERT INTO status_snapshot (battery, sequence, occasion, at, battery_status, facts)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        kept,
    )


def _values(declared: Declared, folded: bytes | None) -> dict[str, dict[str, Any]]:
    """Stated values of the rows of 4(a); a nearer layer counts, and what was folded counts over that."""
    found: dict[str, Stated[Any]] = {}
    for layer in declared.layers:
        for name in SNAPSHOT_ROWS:
            wire = layer.wired.get(name)
            if is_absent(wire):
                found[name] = Stated.missing(Absent.NOT_APPLICABLE)
            elif wire is not None:
                row = REGISTRY[name]
                found[name] = Stated.of(
                    row, row.value.from_wire(wire), source=Source.DECLARED, as_of=layer.at
                )
    if folded is not None:
        read = summary(LifecycleState.from_bytes(folded), declared.values())
        found |= {name: stated for name, stated in read.items() if name in SNAPSHOT_ROWS}
    return {name: stated.to_wire(REGISTRY[name]) for name, stated in found.items()}


# ---------------------------------------------------------------------------------------- versions due


def ask_for(connection: Connection, dues: Sequence[Due], *, now: datetime, place: int = 0) -> None:
    """Have these versions issued in this order, from that place on; what waits already keeps its place."""
    for at, one in enumerate(dues, place):
        connection.exec_driver_sql(
            "INSERT INTO due_version (battery, kind, since, place, incomplete) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (battery, kind) DO UPDATE SET incomplete = excluded.incomplete",
            (one.battery, one.kind.value, utc_text(now), at, one.incomplete),
        )


def due(connection: Connection) -> list[Due]:
    """What was asked for and not issued yet, in the order in which it is to be issued."""
    rows = connection.exec_driver_sql(
        "SELECT battery, kind, incomplete FROM due_version ORDER BY since, place, battery, kind"
    )
    return [Due(row[0], RecordKind(row[1]), row[2]) for row in rows]


def no_longer_due(connection: Connection, released: Sequence[tuple[str, RecordKind]]) -> None:
    """These were released, or cannot be."""
    connection.exec_driver_sql(
        "DELETE FROM due_version WHERE battery = ? AND kind = ?",
        [(battery, kind.value) for battery, kind in released],
    )
