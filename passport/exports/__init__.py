"""Other people's formats: a view written as they spell it, and read back, with what is lost on the way.

It may import `schemas`, `passport.disclosure` and `passport.errors`; one file per format, named in `FORMATS`.
It must never read the database, see a value that its audience may not see, or leave a loss unsaid.
"""

import importlib
import importlib.util
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


def available() -> tuple[str, ...]:
    """The formats that this installation has, in the order of `FORMATS`; none of them is imported."""
    return tuple(name for name, module in FORMATS.items() if importlib.util.find_spec(_path(module)))


def format_of(name: str) -> Format:
    """The format of that name; imported when it is asked for.

    Raises:
        InputRefused: no format is called so, or this installation comes without it.
    """
    known = available()
    if name not in FORMATS:
        raise InputRefused(f"no format is called {name[:40]!r}; known are {', '.join(known)}")
    if name not in known:
        raise InputRefused(f"this installation comes without the format {name!r}; it has {', '.join(known)}")
    return cast("Format", importlib.import_module(_path(FORMATS[name])))


def _path(module: str) -> str:
    return f"{__name__}.{module}"
