"""Offers of responsibility, what became of them, and who answered for a battery from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import NotFound
from passport.ledger.batteries import Battery
from passport.signing.encode import digest_sri
from schemas.values import from_utc_text, utc_text


@dataclass(frozen=True)
class Offer:
    """One offer with what became of it.

    Attributes:
        id: digest of its signed bytes in hex: how it is spoken of.
        offer, acceptance, withdrawal: the signed statements; None where there is none.
    """

    id: str
    battery: str
    giver: str
    taker: str
    role: str
    at: datetime
    expires_at: datetime
    offer: bytes
    acceptance: bytes | None = None
    withdrawal: bytes | None = None
    ended_at: datetime | None = None

    @property
    def sri(self) -> str:
        """The digest as an acceptance quotes it."""
        return digest_sri(self.offer)

    def state(self, now: datetime) -> str:
        """`open`, `accepted`, `withdrawn` or `expired`."""
        if self.acceptance is not None:
            return "accepted"
        if self.withdrawal is not None:
            return "withdrawn"
        return "open" if now < self.expires_at else "expired"


_OFFER: Final = (
    "o.id, o.battery, o.giver, o.taker, o.role, o.at, o.expires_at, o.statement, e.kind, e.statement, e.at"
)
_FROM: Final = (
    "FROM handover_offer AS o LEFT JOIN handover_end AS e ON e.battery = o.battery AND e.offer = o.id"
)


def add(connection: Connection, offer: Offer) -> None:
    """Keep a signed offer; the same again changes nothing."""
    connection.exec_driver_sql(
        "INSERT INTO handover_offer (battery, id, giver, taker, role, at, expires_at, statement)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            offer.battery,
            offer.id,
            offer.giver,
            offer.taker,
            offer.role,
            utc_text(offer.at),
            utc_text(offer.expires_at),
            offer.offer,
        ),
    )


def end(connection: Connection, offer: Offer, kind: str, statement: bytes, *, at: datetime) -> None:
    """Keep an acceptance or a withdrawal; an offer has one end."""
    connection.exec_driver_sql(
        "INSERT INTO handover_end (battery, offer, kind, at, statement) VALUES (?, ?, ?, ?, ?)",
        (offer.battery, offer.id, kind, utc_text(at), statement),
    )


def get(connection: Connection, offer_id: str) -> Offer:
    """The offer of that id; its first characters are enough where they name one.

    Raises:
        NotFound: none or several begin so.
    """
    name = offer_id.strip().lower()
    rows = connection.exec_driver_sql(
        f"SELECT {_OFFER} {_FROM} WHERE o.id >= ? AND o.id < ? LIMIT 2", (name, name + "g")
    ).fetchall()
    if len(name) < 8 or len(rows) != 1:
        raise NotFound(f"no one offer begins with {name[:70]!r}; `cellpass handover list` shows them")
    return _offer(rows[0])


def every(connection: Connection, battery: str | None = None) -> list[Offer]:
    """All offers, or one battery's, oldest first."""
    where, values = ("WHERE o.battery = ?", (battery,)) if battery else ("", ())
    rows = connection.exec_driver_sql(f"SELECT {_OFFER} {_FROM} {where} ORDER BY o.at, o.id", values)
    return [_offer(row) for row in rows]


def acts(connection: Connection, battery: str, giver: str, taker: str) -> list[tuple[bytes, bytes]]:
    """Offer and acceptance of the acts by which the battery came from the one operator to the other.

    The newest that lead there; empty where none do.
    """
    accepted = [one for one in every(connection, battery) if one.acceptance is not None]
    accepted.sort(key=lambda one: one.ended_at or one.at)
    found: list[tuple[bytes, bytes]] = []
    holder = taker
    for one in reversed(accepted):
        if one.taker != holder or one.acceptance is None:
            continue
        found.insert(0, (one.offer, one.acceptance))
        holder = one.giver
        if holder == giver:
            return found
    return []


def move(connection: Connection, battery: Battery, taker: str, *, offer: str, at: datetime) -> None:
    """Another operator answers for the battery from now on; who did before stays written down."""
    if not tenures(connection, battery.id):
        connection.exec_driver_sql(
            "INSERT INTO battery_operator (battery, since, operator, until, offer)"
            " VALUES (?, ?, ?, NULL, NULL)",
            (battery.id, utc_text(battery.created_at), battery.operator),
        )
    moment = utc_text(at)
    connection.exec_driver_sql(
        "UPDATE battery_operator SET until = ? WHERE battery = ? AND until IS NULL", (moment, battery.id)
    )
    connection.exec_driver_sql(
        "INSERT INTO battery_operator (battery, since, operator, until, offer) VALUES (?, ?, ?, NULL, ?)",
        (battery.id, moment, taker, offer),
    )
    connection.exec_driver_sql(
        "UPDATE battery SET operator = ?, notice_revision = notice_revision + 1 WHERE id = ?",
        (taker, battery.id),
    )
    connection.exec_driver_sql(
        # What the giver offered for sale is the taker's now.
        "UPDATE battery_search SET operator = ?, offered_since = NULL, offered_until = NULL, offer = NULL"
        " WHERE battery = ?",
        (taker, battery.id),
    )


def tenures(connection: Connection, battery: str) -> Sequence[tuple[str, datetime, datetime | None]]:
    """Who answered for the battery, since when, until when; empty where nothing was ever handed over."""
    rows = connection.exec_driver_sql(
        "SELECT operator, since, until FROM battery_operator WHERE battery = ? ORDER BY since", (battery,)
    )
    return [(row[0], from_utc_text(row[1]), from_utc_text(row[2]) if row[2] else None) for row in rows]


def _offer(row: Any) -> Offer:
    statement = bytes(row[9]) if row[9] is not None else None
    return Offer(
        id=row[0],
        battery=row[1],
        giver=row[2],
        taker=row[3],
        role=row[4],
        at=from_utc_text(row[5]),
        expires_at=from_utc_text(row[6]),
        offer=bytes(row[7]),
        acceptance=statement if row[8] == "acceptance" else None,
        withdrawal=statement if row[8] == "withdrawal" else None,
        ended_at=from_utc_text(row[10]) if row[10] else None,
    )
