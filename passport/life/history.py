"""The whole life of a battery in one list: what was declared, issued, corrected, handed over, and done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from passport.ledger import handovers, life, notices, versions
from passport.ledger.batteries import Battery
from passport.lifecycle.status import ACTS, ActName
from schemas.terms import RecordKind
from schemas.values import from_utc_text, utc_text

_TITLES = {
    life.STATED: "Status stated",
    life.NEW_LIFE: "Made of other batteries",
    life.CORRECTED: "Corrected",
    life.WITHDRAWN: "Record withdrawn",
    life.HANDED_OVER: "Responsibility handed over",
}


@dataclass(frozen=True)
class Entry:
    """One line of the history.

    Attributes:
        at: when it happened.
        kind: what it is, for programs.
        title: the same for people.
        by: who did it; empty where that is not told.
        words: what else is to be known, in a sentence.
        detail: the same, ready for JSON.
    """

    at: datetime
    kind: str
    title: str
    by: str
    words: str
    detail: Mapping[str, Any]

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "at": utc_text(self.at),
            "kind": self.kind,
            "title": self.title,
            "by": self.by,
            "detail": dict(self.detail),
        }


def history(connection: Connection, battery: Battery) -> list[Entry]:
    """Everything that is known to have happened to a battery and its records, oldest first."""
    found = [
        *_declared(connection, battery),
        *_offered(connection, battery),
        *_happened(connection, battery),
        *_announced(connection, battery),
        *_issued(connection, battery),
    ]
    # Of one moment, what was done stands before the records that came of it.
    return sorted(found, key=lambda entry: entry.at)


def _declared(connection: Connection, battery: Battery) -> Iterator[Entry]:
    """Each revision of the declared facts, with what it changed."""
    rows = connection.exec_driver_sql(
        "SELECT revision, at, by, facts FROM declaration WHERE battery = ? ORDER BY revision", (battery.id,)
    )
    before: dict[str, Any] = {}
    for revision, at, by, facts in rows:
        now = orjson.loads(facts)
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        words = f"{len(changed)} facts" if revision == 1 else ", ".join(changed) or "circumstances"
        title = "Came here" if revision == 1 else "Facts declared"
        yield Entry(
            from_utc_text(at), "declared", title, by, words, {"revision": revision, "changed": changed}
        )
        before = now


def _issued(connection: Connection, battery: Battery) -> Iterator[Entry]:
    lived = life.life_of(connection, battery.id)
    for kind in RecordKind:
        for version in versions.history(connection, battery.id, kind):
            corrects = lived.correction(kind, version.version - 1)
            words = f"{kind.value} {version.version}"
            if corrects is not None:
                words += f", corrects {version.version - 1}: {corrects}"
            if version.incomplete is not None:
                words += f", incomplete: {version.incomplete}"
            detail = {
                "kind": kind.value,
                "version": version.version,
                "record": version.record_id,
                "sha256": version.sha256,
                "operator": version.operator,
                "corrects": corrects,
                "incomplete": version.incomplete,
            }
            yield Entry(version.issued_at, "issued", "Record issued", version.operator, words, detail)


def _happened(connection: Connection, battery: Battery) -> Iterator[Entry]:
    for event in life.life_of(connection, battery.id).events:
        act = ACTS[ActName(event.kind)] if event.kind in set(ActName) else None
        title = act.title if act is not None else _TITLES.get(event.kind, event.kind)
        words = [event.battery_status.value] if event.battery_status is not None else []
        words += [f"passport {event.passport_status.value}"] if event.passport_status is not None else []
        words += [f"{name}: {_plain(value)}" for name, value in event.detail.items()]
        detail = {
            "sequence": event.sequence,
            "recorded_at": utc_text(event.recorded_at),
            "battery_status": event.battery_status,
            "passport_status": event.passport_status,
            **event.detail,
        }
        yield Entry(event.at, event.kind, title, event.by, ", ".join(words), detail)
    for kept in life.snapshots(connection, battery.id):
        stated = ", ".join(
            f"{name} {wire['value']} {wire.get('unit', '')}".rstrip()
            for name, wire in kept.values.items()
            if "value" in wire
        )
        yield Entry(
            kept.at,
            "snapshot",
            "Values of Annex XIII 4(a) kept",
            "",
            stated or "none of them is stated",
            {"occasion": kept.occasion, "battery_status": kept.battery_status, "values": dict(kept.values)},
        )


def _offered(connection: Connection, battery: Battery) -> Iterator[Entry]:
    for offer in handovers.every(connection, battery.id):
        detail = {"offer": offer.id, "from": offer.giver, "to": offer.taker, "role": offer.role}
        words = f"to {offer.taker} as {offer.role}"
        yield Entry(offer.at, "offered", "Responsibility offered", offer.giver, words, detail)
        if offer.withdrawal is not None and offer.ended_at is not None:
            yield Entry(offer.ended_at, "offer_withdrawn", "Offer withdrawn", offer.giver, words, detail)


def _announced(connection: Connection, battery: Battery) -> Iterator[Entry]:
    for notice in notices.of(connection, battery.id, ended=True):
        told = notices.told(notice)
        yield Entry(
            notice.since, "notice", f"Notice: {notice.kind.value}", notice.operator, notice.title, told
        )
        if notice.ended_at is not None:
            yield Entry(
                notice.ended_at, "notice_ended", "Notice ended", notice.operator, notice.ended_why or "", told
            )


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
