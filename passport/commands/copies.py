"""Copies for an audience: the options of the commands that make them, and the audit of what is restricted.

What a command on the machine itself shows of restricted values is written down, as a request is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from schemas.terms import Audience

_Command = TypeVar("_Command", bound=Callable[..., Any])


def audience_option(words: str, default: Audience = Audience.PUBLIC) -> Callable[[_Command], _Command]:
    """`--audience`: within whose rights."""
    return click.option(
        "--audience",
        type=click.Choice([one.value for one in Audience]),
        default=default.value,
        show_default=True,
        help=words,
    )


def output_option(
    words: str = "File to write (default: standard output).", *, allow_dash: bool = True
) -> Callable[[_Command], _Command]:
    """`--output`: where the copy goes."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=allow_dash),
        help=words,
    )


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
