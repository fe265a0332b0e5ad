"""What the sources of a site say about each other: listened to by all their threads, judged one at a time."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ingest.plausibility import Finding
from ingest.ports import Records
from ingest.site_rules import Described, Role, SiteMemory, site_findings
from ingest.trail import Trail
from schemas.reading import Reading


@dataclass
class SiteWatch:
    """The rules over several sources, for the threads of a run.

    Attributes:
        writing: gives a write transaction that commits when its block ends.
        records: the passport side.
        now: the time.
        memory: what the sources said of late.
    """

    writing: Callable[[], AbstractContextManager[Any]]
    records: Records
    now: Callable[[], datetime]
    memory: SiteMemory = field(default_factory=SiteMemory)
    _trails: dict[str, Trail] = field(default_factory=dict)
    _aside: dict[str, dict[str | None, str]] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        source: str,
        bindings: Mapping[str | None, str],
        *,
        line: str | None,
        bus_address: int | None,
        bus: str | None = None,
    ) -> None:
        """A source of the plan; one that is bound to no battery is a meter of the bus."""
        role = Role.BATTERY if bindings else Role.METER
        self.memory.describe(source, Described(role, line, bus_address, bus, bindings))
        self._trails[source] = Trail(self.writing, self.records, source, bindings, self.now)

    def commissioned(
        self, source: str, bindings: Mapping[str | None, str], changed: Iterable[str | None]
    ) -> None:
        """Somebody said anew which battery some parts are: what froze their bindings is over."""
        with self._turn:
            self.memory.describe(source, replace(self.memory.described[source], bindings=bindings))
            self._trails[source].bindings = bindings
            for component in changed:
                self.memory.commissioned(source, component)
                self._aside.get(source, {}).pop(component, None)

    def aside(self, source: str) -> Mapping[str | None, str]:
        """Parts of a source that are kept aside; it changes as findings come."""
        return self._aside.setdefault(source, {})

    def heard(self, source: str, at: datetime, readings: Sequence[Reading]) -> None:
        """Take in what a source said, and judge the site anew."""
        with self._turn:
            self.memory.note(source, readings, at)
            news = site_findings(self.memory, at)
            for (name, component), code in self.memory.aside.items():
                self._aside.setdefault(name, {})[component] = code
            for finding in news:
                self._tell(finding)

    def _tell(self, finding: Finding) -> None:
        """Into the audit of every battery that it speaks of, once."""
        told: set[str | None] = set()
        for source, component in finding.parts:
            trail = self._trails.get(source)
            if trail is None:
                continue
            batteries = [one for one in trail.batteries_of(component) if one not in told]
            told.update(batteries)
            trail.write([(finding, batteries)])

    def tell(self, source: str, news: Sequence[Finding]) -> None:
        """Write down what began and ended for one source alone."""
        with self._turn:
            self._trails[source](news)
