"""The reading room of the document store: who may read which document, and which ones a record names.

A document has an audience of its own, apart from the attribute that names it: a public attribute may name a
document that only authorities read. Who may not read it is not told that it exists.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from passport import disclosure, grants, issue
from passport.documents import values
from passport.documents.values import Document
from passport.errors import NotFound
from passport.ledger import batteries, papers, versions
from passport.ledger.papers import Edition
from schemas.identifier import identifier_url
from schemas.terms import Audience, Disclosure, RecordKind
from schemas.values import utc_text

UNKNOWN: Final = (
    "no document is known under this address, or it is for other readers; some are read with a key"
)
"""One sentence for what is not here and for what is not for this reader."""


# ------------------------------------------------------------------------------------------------ who reads


def reading(connection: Connection, sha256: str, who: grants.Principal, public_url: str) -> Edition:
    """The edition by which this reader reads the bytes; a withdrawn one only where no other is served.

    Where a served edition is public that is the one, so that whoever asks gets the same answer.

    Raises:
        NotFound: there is none for this reader; whether there is one for others is not told.
        Forbidden: the key is for intake and reads nothing.
    """
    readable = [
        one
        for one in papers.editions(connection, sha256 if papers.SHA256.match(sha256) else "")
        if disclosure.may_see(_audience(connection, who, one, public_url), one.disclosure)
    ]
    if not readable:
        raise NotFound(UNKNOWN)
    served = [one for one in readable if one.withdrawn_at is None]
    public = [one for one in served if one.disclosure is Disclosure.PUBLIC]
    return (public or served or readable[-1:])[0]


def successor(
    connection: Connection, edition: Edition, who: grants.Principal, public_url: str
) -> Edition | None:
    """What this reader may read in the place of an edition; None where there is nothing."""
    audience = _audience(connection, who, edition, public_url)
    classes = [one for one in Disclosure if disclosure.may_see(audience, one)]
    return papers.successor(connection, edition, classes)


def _audience(connection: Connection, who: grants.Principal, edition: Edition, public_url: str) -> Audience:
    """As whom the reader reads this edition: outside the scope of a key it is the public."""
    if who.battery is None:
        return who.audience_for(operator=edition.operator, battery="")
    # A key for one battery reads what that battery's records name to it.
    battery = batteries.by_id(connection, who.battery)
    if battery is None:
        return Audience.PUBLIC
    audience = who.audience_for(operator=battery.operator, battery=battery.id)
    named = named_by(records(connection, battery, audience), public_url)
    return audience if edition.sha256 in named else Audience.PUBLIC


# ------------------------------------------------------------------------------------- what a record names


def records(connection: Connection, battery: batteries.Battery, audience: Audience) -> list[issue.View]:
    """The newest version of every kind of record, as the audience may see it; passport first."""
    newest = (versions.latest(connection, battery.id, kind) for kind in RecordKind)
    return [issue.view_of(connection, version, audience) for version in newest if version is not None]


def named_by(views: list[issue.View], public_url: str) -> dict[str, tuple[str, ...]]:
    """Digests of the documents of ours that values name, each with the attributes that do."""
    found: dict[str, list[str]] = {}
    for view in views:
        for attribute, wire in view.values.items():
            for text in _texts(wire.get("value")):
                if (sha256 := papers.digest_of(text, public_url)) is not None:
                    found.setdefault(sha256, []).append(attribute)
    return {sha256: tuple(dict.fromkeys(names)) for sha256, names in found.items()}


def _texts(value: Any) -> Iterator[str]:
    """Every web address in a value, at any depth."""
    if isinstance(value, str):
        if "://" in value:
            yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def told(
    connection: Connection,
    stated: Mapping[str, Mapping[str, Any]],
    *,
    audience: Audience,
    public_url: str,
    issued_at: datetime,
) -> dict[str, Document]:
    """What is said of the documents that values name and this audience may read, by their address.

    Told is what was here when the record was issued, so that a later edition changes no page of an older
    record. A withdrawal is told at once.

    Args:
        connection: the caller's.
        stated: values on the wire, limited to the audience.
        audience: whose page it is.
        public_url: address of the service.
        issued_at: when the record was issued.
    """
    found: dict[str, Document] = {}
    for wire in stated.values():
        for text in _texts(wire.get("value")):
            sha256 = papers.digest_of(text, public_url)
            if sha256 is None or text in found:
                continue
            readable = [
                one
                for one in papers.editions(connection, sha256)
                if disclosure.may_see(audience, one.disclosure) and one.added_at <= issued_at
            ]
            if readable:
                found[text] = _document(text, readable)
    return found


def _document(address: str, readable: list[Edition]) -> Document:
    served = [one for one in readable if one.withdrawn_at is None]
    first = (served or readable[-1:])[0]
    languages = dict.fromkeys(one.language for one in served or [first])
    return Document(
        address=address,
        sha256=first.sha256,
        title=first.title,
        kind=first.kind.value.replace("_", " "),
        language=values.listed(tuple(languages)),
        version=first.version,
        about=first.about,
        withdrawn=""
        if first.withdrawn_at is None
        else f"withdrawn on {values.day_text(first.withdrawn_at)}: {first.withdrawn_why}",
    )


# -------------------------------------------------------------------------------------------------- export

MANIFEST_FORMAT: Final = "cellpass-documents/1"


@dataclass(frozen=True)
class Parcel:
    """The documents of one battery for one audience.

    Attributes:
        manifest: what there is, what is not given and why.
        files: by name: the documents, `manifest.json`, `SHA256SUMS`.
    """

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    def zipped(self) -> bytes:
        """All files in one ZIP archive; the same files give the same bytes."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.files.items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return target.getvalue()


def parcel(
    connection: Connection, battery: batteries.Battery, audience: Audience, public_url: str, *, at: datetime
) -> Parcel:
    """Every document that the newest records of a battery name to an audience.

    Raises:
        NotFound: no record was issued yet.
    """
    views = records(connection, battery, audience)
    if not views:
        raise NotFound(f"no record was issued for {battery.identifier} yet; cellpass issue makes one")
    files: dict[str, bytes] = {}
    documents = []
    for sha256, attributes in named_by(views, public_url).items():
        told: dict[str, Any] = {
            "address": papers.address(public_url, sha256),
            "sha256": sha256,
            "named_by": list(attributes),
        }
        try:
            edition = reading(connection, sha256, grants.Principal(audience), public_url)
        except NotFound:
            documents.append(told | {"state": "not for this reader"})
            continue
        told |= _manifest(edition)
        if edition.withdrawn_at is None:
            name = f"{sha256[:12]}-{_safe(edition.file_name)}"
            files[name] = papers.content(connection, sha256)
            told |= {"state": "included", "file": name}
        documents.append(told)
    manifest = {
        "format": MANIFEST_FORMAT,
        "battery": identifier_url(public_url, battery.identifier),
        "audience": audience.value,
        "made_at": utc_text(at),
        "records": [
            {
                "kind": view.version.kind.value,
                "version": view.version.version,
                "url": f"{public_url}/r/{view.version.record_id}",
                "sha256": view.version.sha256,
            }
            for view in views
        ],
        "documents": documents,
    }
    sums = "".join(f"{one['sha256']}  {one['file']}\n" for one in documents if "file" in one)
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n"
    return Parcel(manifest, {**files, "manifest.json": text, "SHA256SUMS": sums.encode()})


def _manifest(edition: Edition) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": edition.title,
        "kind": edition.kind.value,
        "language": edition.language,
        "version": edition.version,
        "audience": edition.disclosure.value,
        "media_type": edition.media_type,
        "size": edition.size,
    }
    if edition.withdrawn_at is not None:
        told["state"] = "erased" if edition.erased else "withdrawn"
        told |= {"withdrawn_at": utc_text(edition.withdrawn_at), "why": edition.withdrawn_why}
    return told


def _safe(name: str) -> str:
    """A file name for every disk."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:80] or "document"
