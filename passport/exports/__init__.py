"""Other people's formats: a view written as they spell it, and read back, with what is lost on the way.

It may import `schemas`, `passport.disclosure` and `passport.errors`; one file per format, named in `FORMATS`.
It must never read the database, see a value that its audience may not see, or leave a loss unsaid.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from passport.errors import InputRefused
from passport.exports.format import Format

# The name of the command line, and the module that writes and reads it.
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "idta": "idta",
        "aasx": "aasx",
        "en18223": "en18223",
        "en18223-full": "en18223_full",
        "batterypass": "batterypass",
        "ready": "ready",
        "catenax": "catenax",
        "untp": "untp",
    }
)


def format_of(name: str) -> Format:
    """The format of that name; imported when it is asked for.

    Raises:
        InputRefused: no format is called so.
    """
    if name not in FORMATS:
        raise InputRefused(f"no format is called {name[:40]!r}; known are {', '.join(FORMATS)}")
    return cast("Format", importlib.import_module(f"passport.exports.{FORMATS[name]}"))
