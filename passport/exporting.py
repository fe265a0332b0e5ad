"""What a format is given: one battery as one audience may see it, from its newest signed records.

Commands and pages export through here, so that no format is ever handed anything but a view.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from passport import issue
from passport.errors import NotFound
from passport.exports.format import Subject
from passport.ledger import operators, versions
from passport.ledger.batteries import Battery
from schemas.identifier import identifier_url
from schemas.terms import Audience, RecordKind


def subject_of(connection: Connection, battery: Battery, audience: Audience, *, public_url: str) -> Subject:
    """The newest passport, and the newest condition where the audience may see anything of it.

    Opinions of the service (the assessment record) are in no format: nobody declares them, and they expire.

    Raises:
        NotFound: no passport record was issued yet.
    """
    passport = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    if passport is None:
        raise NotFound(
            f"no passport record was issued for {battery.identifier} yet: only what is signed is exported;"
            " cellpass gaps says what it owes, cellpass issue makes one"
        )
    values: dict[str, Mapping[str, Any]] = dict(issue.view_of(connection, passport, audience).values)
    issued_at = passport.issued_at
    condition = versions.latest(connection, battery.id, RecordKind.CONDITION)
    if condition is not None and (seen := issue.view_of(connection, condition, audience).values):
        values |= seen
        issued_at = max(issued_at, condition.issued_at)
    return Subject(
        values=values,
        category=battery.category,
        audience=audience,
        identifier_url=identifier_url(public_url, battery.identifier),
        passport_url=f"{public_url}/p/{battery.passport_id}",
        operator_did=operators.did(public_url, passport.operator),
        issued_at=issued_at,
        version=passport.version,
        record_url=f"{public_url}/r/{passport.record_id}",
        record_sha256=passport.sha256,
        simulated=battery.simulated or passport.simulated,
    )
