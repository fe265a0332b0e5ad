"""What a command on the machine itself shows of restricted values is written down, as a request is."""

from typing import Any

from schemas.terms import Audience


def write_down(
    house: Any, audience: Audience, *, action: str, battery: str | None = None, detail: str = ""
) -> None:
    """The audit row of a restricted copy; what everyone may see is not written down."""
    from passport import grants

    if audience is Audience.PUBLIC:
        return
    with house.writing() as connection:
        grants.audit_administrator(
            connection, action=action, now=house.now(), battery=battery, audience=audience, detail=detail
        )
