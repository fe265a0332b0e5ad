"""AASX: the environment in a package of ECMA-376 part 2, written so that equal content gives equal bytes.

Reading follows the relationships inside the package and touches nothing else in it: no part is ever written
to a disk, no name is ever taken for a path of the machine, and no part is unpacked beyond its limit.

Source: IDTA-01005-3-0 (AASX), ECMA-376-2 (packages, content types, relationships).
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from passport.errors import FormatRefused

LIMIT_BYTES: Final = 4 * 1024 * 1024  # of the environment
LIMIT_PACKAGE: Final = 64 * 1024 * 1024
_LIMIT_RELATIONS: Final = 64 * 1024
_LIMIT_NAMES: Final = 2_000
_ORIGINS: Final = frozenset(
    {
        "http://admin-shell.io/aasx/relationships/aasx-origin",
        "http://www.admin-shell.io/aasx/relationships/aasx-origin",
    }
)
_CONTENTS: Final = frozenset(
    {
        "http://admin-shell.io/aasx/relationships/aas-spec",
        "http://www.admin-shell.io/aasx/relationships/aas-spec",
    }
)
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENVIRONMENT: Final = "aasx/passport.aas.json"
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say; equal content gives equal bytes
_STORED_OR_DEFLATED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1


def pack(environment: bytes) -> bytes:
    """The package around an environment in JSON."""
    kinds = (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="json" ContentType="application/json"/>'
        '<Override PartName="/aasx/aasx-origin" ContentType="text/plain"/></Types>'
    )
    parts = {
        "[Content_Types].xml": kinds.encode(),
        "_rels/.rels": _relation(min(_ORIGINS), "/aasx/aasx-origin"),
        "aasx/aasx-origin": b"Intentionally empty.",
        "aasx/_rels/aasx-origin.rels": _relation(min(_CONTENTS), f"/{_ENVIRONMENT}"),
        _ENVIRONMENT: environment,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            package.writestr(entry, content, compresslevel=9)
    return packed.getvalue()


def _relation(kind: str, target: str) -> bytes:
    return (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Type="{kind}" Target="{target}" Id="r1"/></Relationships>'
    ).encode()


def unpack(data: bytes) -> tuple[str, bytes]:
    """Name and bytes of the environment in the package.

    Raises:
        FormatRefused: no package, encrypted, ambiguous, without environment, or out of all proportion.
    """
    if len(data) > LIMIT_PACKAGE:
        raise FormatRefused(f"expected a package of at most {LIMIT_PACKAGE} bytes, got {len(data)}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return _environment(package, _names(package))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as broken:
        raise FormatRefused(f"expected an AASX package, got a damaged or foreign one: {broken}") from None


def _names(package: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    entries = package.infolist()
    if len(entries) > _LIMIT_NAMES:
        raise FormatRefused(f"expected a package of at most {_LIMIT_NAMES} parts, got {len(entries)}")
    names: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename.replace("\\", "/").lstrip("/").lower()  # part names are compared without case
        if name in names:
            raise FormatRefused(f"expected each part of the package once, got {entry.filename[:100]!r} twice")
        names[name] = entry
    return names


def _environment(package: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> tuple[str, bytes]:
    origins = _targets(package, names, "", _ORIGINS)
    if not origins:
        raise FormatRefused("expected an AASX package, got a zip without a relationship to an AASX origin")
    contents = [one for origin in origins for one in _targets(package, names, origin, _CONTENTS)]
    contents = list(dict.fromkeys(contents))
    if len(contents) != 1:
        raise FormatRefused(
            f"expected one environment in the package, got {len(contents)}; split or merge them"
        )
    return contents[0], _read(package, names, contents[0], LIMIT_BYTES)


def _targets(
    package: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], source: str, kinds: frozenset[str]
) -> list[str]:
    """Names of the parts inside the package that a part relates to in one of the ways."""
    folder, name = posixpath.split(source)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    if relations.lower() not in names:
        return []
    try:
        root: Element = fromstring(_read(package, names, relations, _LIMIT_RELATIONS), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as broken:
        raise FormatRefused(f"expected relationships as XML in {relations[:100]!r}: {broken}") from None
    found = []
    for one in root:
        if one.get("Type") not in kinds or one.get("TargetMode", "Internal") != "Internal":
            continue
        target = posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/")
        if target.lower() not in names:
            raise FormatRefused(f"expected the part {target[:100]!r} in the package, got none of that name")
        found.append(target)
    return found


def _read(package: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], name: str, limit: int) -> bytes:
    entry = names[name.lower()]
    if entry.flag_bits & _ENCRYPTED:
        raise FormatRefused(f"expected readable parts, got {name[:100]!r} encrypted")
    if entry.compress_type not in _STORED_OR_DEFLATED:
        raise FormatRefused(f"expected parts stored or deflated, got another compression of {name[:100]!r}")
    with package.open(entry) as part:
        content: Any = part.read(limit + 1)  # what the directory says about the size is not believed
    if len(content) > limit:
        raise FormatRefused(f"expected at most {limit} bytes in {name[:100]!r}, got more")
    return bytes(content)
