"""What ingestion needs of passports, handed in by `app`; every call runs on the caller's open transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection


class Batteries(Protocol):
    """The passport side, as ingestion sees it."""

    def resolve(self, connection: Connection, argument: str) -> str:
        """The battery id meant by a URL, an identifier path or an id.

        Raises:
            ValueError: nothing is known under it; the sentence says what was looked for.
        """

    def create(self, connection: Connection, facts: Mapping[str, str], *, at: datetime) -> str:
        """A new battery with just these declared facts; its id.

        Raises:
            ValueError: a fact is unknown or its value is refused; the sentence names it.
        """

    def refusals(self, facts: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Why `create` would refuse these facts: by the fact's name, all of them; nothing is made."""

    def bind(
        self,
        connection: Connection,
        *,
        battery: str,
        source: str,
        component: str | None,
        at: datetime,
        serial: str | None = None,
    ) -> None:
        """A commissioning record: from `at`, what `source` says of `component` belongs to `battery`.

        `serial` is the device's own number, where it said one.

        The same binding again changes nothing. Binding the same (source, component) to another battery while
        the first binding is open is refused.

        Raises:
            ValueError: the source's component is bound to another battery.
        """

    def bound(self, connection: Connection, source: str) -> Mapping[str | None, str]:
        """Open bindings of a source: component path (None for the whole device) to battery id."""

    def mark_dirty(self, connection: Connection, battery: str, *, at: datetime) -> None:
        """The battery's state is older than its journal; a later sweep folds it."""


class Records(Protocol):
    """What ingestion reads of commissioning, and where it writes down what it doubts."""

    def serials(self, connection: Connection, source: str) -> Mapping[str | None, str]:
        """Serial numbers of a source's open bindings, where they were written down: component to number."""

    def since(self, connection: Connection, source: str) -> Mapping[str | None, datetime]:
        """Since when each open binding of a source holds: who was commissioned anew has a later time."""

    def audit(
        self,
        connection: Connection,
        *,
        at: datetime,
        actor: str,
        action: str,
        battery: str | None,
        detail: str,
    ) -> None:
        """One entry of the audit; it is added and never changed."""
