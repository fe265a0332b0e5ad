"""Every released registry, frozen: an old record is read in the words of the version it names.

It may import the standard library; it reads its own package data and nothing else.
It must never be edited after a release: a new version is a new file.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@cache
def registry_of(version: str) -> Mapping[str, Any]:
    """The frozen registry of that version: `registry_version`, `law_as_of`, and `attributes` by id.

    Raises:
        KeyError: no such version was ever released; the sentence names those that were.
    """
    if version not in versions():
        raise KeyError(f"no registry of version {version!r}; released: {', '.join(versions())}")
    text = files(__name__).joinpath(f"{version}.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


@cache
def versions() -> tuple[str, ...]:
    """All released versions, oldest first."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))
