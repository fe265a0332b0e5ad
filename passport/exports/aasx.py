"""IDTA 02035 with 02099-1 as an AASX package: the environment of `idta`, packed."""

from typing import Final

from passport.exports.aas.package import pack, unpack
from passport.exports.aas.understand import understand
from passport.exports.format import Brought, Exported, Subject
from passport.exports.idta import environment_of, found_in

TITLE: Final = "IDTA 02035 Digital Battery Passport, parts 1 to 7, with 02099-1, as AASX package"


def export(subject: Subject) -> Exported:
    """The subject as a package; documents are named by their addresses and not packed with it."""
    data, losses = environment_of(subject)
    return Exported(pack(data), "application/asset-administration-shell-package+xml", ".aasx", losses)


def recognises(data: bytes, name: str) -> bool:
    """Whether the file looks like an AASX package."""
    return data[:4] == b"PK\x03\x04" and (name.lower().endswith(".aasx") or b"aasx-origin" in data)


def read(data: bytes) -> Brought:
    """What the environment in the package says; other parts of the package are not unpacked.

    Raises:
        FormatRefused: no package, damaged, encrypted, out of proportion, or without one environment.
    """
    _, environment = unpack(data)
    return understand(found_in(environment))
