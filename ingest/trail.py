"""From findings to the audit: one entry when a doubt begins, one when it ends."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from ingest.plausibility import Finding
from ingest.ports import Records

_log = logging.getLogger(__name__)

DOUBT: Final = "doubt"
DOUBT_ENDED: Final = "doubt ended"
# Entries that wait for a database that cannot take them; the rows of a run wait likewise.
MOST_WAITING: Final = 10_000
_STORE_UNAVAILABLE: Final = "store_unavailable"
_LIVE: Final = timedelta(minutes=1)


@dataclass
class Trail:
    """Writes findings into the audit and tells them to the log; usable as `Gateway(on_findings=...)`.

    Attributes:
        writing: gives a write transaction that commits when its block ends.
        records: the passport side.
        source: id of the device, for findings that do not name theirs.
        bindings: component (None: the whole) to battery, to find whose audit it is.
        now: the time of writing.
    """

    writing: Callable[[], AbstractContextManager[Connection]]
    records: Records
    source: str
    bindings: Mapping[str | None, str]
    now: Callable[[], datetime]
    _waiting: list[tuple[Finding, list[str | None]]] = field(default_factory=list)

    def __call__(self, news: Sequence[Finding]) -> None:
        """Write findings of this source, each into the audit of the battery that the part is."""
        self.write([(finding, self.batteries_of(finding.component)) for finding in news])

    def write(self, news: Sequence[tuple[Finding, list[str | None]]]) -> None:
        """Write findings with the batteries that they concern; kept while the database cannot take them."""
        for finding, _ in news:
            _log.warning("%s", self.line(finding))
        self._waiting += news[: max(0, MOST_WAITING - len(self._waiting))]
        if not self._waiting:
            return
        try:
            self._store()
        except Exception as error:
            # The database is the passport side's, and so is its word for a full disk or an endless lock. Its
            # class is a stranger here; its code is documented.
            if getattr(error, "code", None) != _STORE_UNAVAILABLE:
                raise
            _log.error("%s; %d entries of the audit wait", error, len(self._waiting))
            return
        self._waiting.clear()

    def _store(self) -> None:
        at = self.now()
        with self.writing() as connection:
            for finding, batteries in self._waiting:
                late = finding.at is not None and at - finding.at >= _LIVE
                seen = f" (seen {finding.at.isoformat()})" if late and finding.at is not None else ""
                for battery in batteries:
                    self.records.audit(
                        connection,
                        at=at,
                        actor=f"device:{finding.source or self.source}",
                        action=DOUBT_ENDED if finding.ended else DOUBT,
                        battery=battery,
                        detail=finding.detail + seen,
                    )

    def line(self, finding: Finding) -> str:
        """What people are told."""
        over = "over: " if finding.ended else ""
        return f"{finding.source or self.source}: {over}{finding.detail}"

    def batteries_of(self, part: str | None) -> list[str | None]:
        """Whose audit speaks of a part; [None] where no battery is concerned."""
        found: list[str | None]
        if part is None:
            found = sorted(set(self.bindings.values()), key=str)
        else:
            paths = [path for path in self.bindings if path is None or (part + "/").startswith(path + "/")]
            best = max(paths, key=lambda path: len(path or ""), default=None)
            found = [self.bindings[best]] if best in self.bindings else []
        return found or [None]
