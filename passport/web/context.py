"""What the web needs of the rest of the house, handed in by `app`; during a request `here()` finds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from flask import current_app
from sqlalchemy import Engine

from passport.ledger.direct import Direct
from passport.settings import Settings

if TYPE_CHECKING:
    from passport.issue import Issuer

EXTENSION: Final = "cellpass"

AcceptTelemetry = Callable[[bytes, str], Mapping[str, Any]]


@dataclass(frozen=True)
class WebContext:
    """The house, as far as the web sees it.

    Attributes:
        engine: the opened and migrated database.
        settings: of this installation.
        now: the clock: aware, UTC.
        accept_telemetry: takes the bytes of a batch and the key of its sender, gives a receipt once the batch
            is durable; raises errors with `code` and `status`. None where this service takes no telemetry.
        issuer: the road to new versions; None where none are issued.
    """

    engine: Engine
    settings: Settings
    now: Callable[[], datetime]
    accept_telemetry: AcceptTelemetry | None = None
    issuer: "Issuer | None" = None

    @cached_property
    def direct(self) -> Direct:
        """The short road to records that are asked for all day."""
        return Direct(self.engine)


def here() -> WebContext:
    """The context of the running application."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, WebContext)
    return found
