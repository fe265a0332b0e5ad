"""Offers for sale: set by the operator that answers for the battery, shown to those who may read of it.

An offer always ends, and a hand-over to another operator or the end of the passport ends it at once: what was
offered is another's, or no battery any more.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused
from passport.search.index import Indexed
from schemas.structures import Form, check_form
from schemas.values import utc_text

USUAL_DAYS: Final = 90
MOST_DAYS: Final = 366
_MOST_EURO: Final = Decimal(10) ** 9


@dataclass(frozen=True)
class Offer:
    """One offer as it holds.

    Attributes:
        since: day on which it was first made and not withdrawn since.
        until: its last day.
        price: euro for the whole battery; None for none named.
        contact: address of a page or of mail; None for the operator's own.
    """

    since: date
    until: date
    price: Decimal | None
    contact: str | None

    def to_wire(self) -> dict[str, str | None]:
        """As results show it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "price": None if self.price is None else str(self.price),
            "contact": self.contact,
        }


def put(
    connection: Connection,
    battery: Indexed,
    *,
    price: str | None = None,
    until: date | None = None,
    contact: str | None = None,
    now: datetime,
) -> Offer:
    """Offer the battery for sale, or change the offer that stands.

    Raises:
        InputRefused: the price, the day or the contact is none.
        Conflict: no record of the battery is found yet, so nobody would see the offer.
    """
    today = now.date()
    last = until or today + timedelta(days=USUAL_DAYS)
    if not today <= last <= today + timedelta(days=MOST_DAYS):
        raise InputRefused(
            f"an offer ends between today and {MOST_DAYS} days from now, got {last.isoformat()}"
        )
    offer = Offer(_since(connection, battery, today), last, _price(price), _contact(contact))
    _row(connection, battery, now, offer)
    _show(connection, battery, offer)
    return offer


def withdraw(connection: Connection, battery: Indexed, *, now: datetime) -> None:
    """End the offer.

    Raises:
        Conflict: the battery is not offered.
    """
    if standing(connection, battery, now.date()) is None:
        raise Conflict(f"the battery {battery.id} is not offered for sale")
    _row(connection, battery, now, None)
    _show(connection, battery, None)


def standing(connection: Connection, battery: Indexed, today: date) -> Offer | None:
    """The offer that holds today; None when there is none."""
    row = connection.exec_driver_sql(
        "SELECT offer FROM battery_search WHERE battery = ? AND offered_until >= ?",
        (battery.id, today.toordinal()),
    ).first()
    if row is None:
        return None
    told = orjson.loads(row[0])
    return Offer(
        date.fromisoformat(told["since"]),
        date.fromisoformat(told["until"]),
        None if told["price"] is None else Decimal(told["price"]),
        told["contact"],
    )


def _since(connection: Connection, battery: Indexed, today: date) -> date:
    before = standing(connection, battery, today)
    return today if before is None else before.since


def _row(connection: Connection, battery: Indexed, now: datetime, offer: Offer | None) -> None:
    told: dict[str, Any] = (
        {"until": None, "price": None, "contact": None} if offer is None else offer.to_wire()
    )
    connection.exec_driver_sql(
        "INSERT INTO offer (battery, number, operator, at, until, price, contact)"
        " SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ? FROM offer WHERE battery = ?",
        (
            battery.id,
            battery.operator,
            utc_text(now),
            told["until"],
            told["price"],
            told["contact"],
            battery.id,
        ),
    )


def _show(connection: Connection, battery: Indexed, offer: Offer | None) -> None:
    shown = (
        (None, None, None)
        if offer is None
        else (offer.since.toordinal(), offer.until.toordinal(), orjson.dumps(offer.to_wire()).decode())
    )
    changed = connection.exec_driver_sql(
        "UPDATE battery_search SET offered_since = ?, offered_until = ?, offer = ?,"
        " changed = (SELECT max(changed) + 1 FROM battery_search) WHERE battery = ?",
        (*shown, battery.id),
    )
    if changed.rowcount == 0:
        raise Conflict(f"nobody would find the offer: issue a passport of {battery.id} first")


def _price(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        price = Decimal(text.strip())
    except InvalidOperation as error:
        raise InputRefused(f"expected a price in euro as 1200 or 1200.50, got {text[:40]!r}") from error
    exponent = price.as_tuple().exponent
    if not price.is_finite() or not 0 < price < _MOST_EURO or not isinstance(exponent, int) or exponent < -2:
        raise InputRefused(f"expected a price in euro as 1200 or 1200.50, got {text[:40]!r}")
    return price.quantize(Decimal("0.01")) if exponent else price


def _contact(text: str | None) -> str | None:
    if text is None:
        return None
    told = text.strip()
    try:
        parts = urlsplit(told)
        page = (
            parts.scheme in ("https", "http") and bool(parts.hostname) and not set(told) & set(' \t\r\n<>"')
        )
    except ValueError:
        page = False
    if len(told) > 300 or not (page or check_form(Form.EMAIL, told) is None):
        raise InputRefused(f"expected a contact as https://... or name@example.org, got {told[:60]!r}")
    return told
