"""Documents: declarations, reports, manuals, sheets; their bytes once, their editions as they were brought.

The rules:

1. The address of a document is the digest of its bytes, so that whoever signs the address signs the document.
2. Only what `passport.active_content` let through comes in, and it comes in as it was.
3. Bytes are stored once. Who brought them, as what, in which language and for which readers is an edition;
   editions are added and never changed.
4. For one operator, the same bytes have one disclosure class at a time. To open or close a document its
   edition is withdrawn and another is brought, so that nobody widens an audience by accident.
5. A withdrawn edition is not served, and is told: what a signed record names must lead to a true answer.
6. Bytes whose editions are all withdrawn may be erased; digest, title and reason stay.

Every function runs on the caller's open connection.
"""

import difflib
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from passport.active_content.check import Checked
from passport.errors import (
    Conflict,
    DocumentAmbiguous,
    DocumentUnknown,
    DocumentWithdrawn,
    InputRefused,
    NotFound,
)
from passport.ledger import operators
from passport.ledger.database import part_of_blob
from schemas.identifier import check_public_url, new_serial
from schemas.structures import Form, check_form
from schemas.terms import Disclosure
from schemas.values import from_utc_text, utc_text

PATH: Final = "/d/"
SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")

_ADDRESS: Final = re.compile(r"(?!sha256:)[A-Za-z][A-Za-z0-9+.-]+:\S+\Z")
_EDITION_ID: Final = re.compile(r"[A-Z2-7]{16}\Z")
_LONGEST: Final = {"title": 300, "version": 60, "file name": 200, "reason": 500}


@unique
class Kind(StrEnum):
    """What a document is, in the words of the law where it has them."""

    DECLARATION_OF_CONFORMITY = "declaration_of_conformity"  # Art. 18, Annex XIII 1(r)
    TEST_REPORT = "test_report"  # Annex XIII 3
    MANUAL = "manual"
    RESCUE_SHEET = "rescue_sheet"
    SAFETY = "safety"  # Annex XIII 2(d)
    DISMANTLING = "dismantling"  # Annex XIII 2(c)
    DUE_DILIGENCE = "due_diligence"  # Art. 52(3), Annex XIII 1(d)
    CARBON_FOOTPRINT = "carbon_footprint_study"  # Art. 7(1), Annex XIII 1(c)
    RECYCLED_CONTENT = "recycled_content"  # Art. 8(1)
    WASTE_INFORMATION = "waste_information"  # Art. 74(1), Annex XIII 1(s)
    LABEL = "label"  # Art. 13
    CERTIFICATE = "certificate"
    PHOTO = "photo"
    OTHER = "other"


@dataclass(frozen=True)
class Edition:
    """A document as an operator brought it.

    Attributes:
        id: 16 characters of base32.
        sha256: of its bytes, hex; the same for all editions of them.
        language: BCP 47; `zxx` where there are no words.
        version: as its maker calls it.
        disclosure: who may read it.
        file_name: as it came, without folders.
        about: what was seen when it was checked, in words.
        supersedes: id of the edition whose place it takes; None for a first one.
        withdrawn_at: None while it is served.
        erased: its bytes are gone.
    """

    id: str
    operator: str
    sha256: str
    kind: Kind
    title: str
    language: str
    version: str
    disclosure: Disclosure
    file_name: str
    media_type: str
    size: int
    about: str
    added_at: datetime
    by: str
    supersedes: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_why: str = ""
    erased: bool = False

    @property
    def words(self) -> str:
        """Title, language and version, on one line."""
        return f"{self.title} ({self.language}, version {self.version})"


# ----------------------------------------------------------------------------------------------- bringing


def put(
    connection: Connection,
    paper: Checked,
    *,
    operator: str,
    kind: Kind,
    title: str,
    language: str,
    version: str,
    disclosure: Disclosure,
    file_name: str,
    at: datetime,
    by: str,
    supersedes: str | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Edition:
    """The edition of a checked file; the one that is here where everything about it is the same.

    Args:
        connection: the caller's open write transaction.
        paper: as `passport.active_content.check.check` gave it.
        operator: whose document it is.
        kind: what it is.
        title: as people know it.
        language: BCP 47.
        version: as its maker calls it.
        disclosure: who may read it.
        file_name: as it came; folders in it are left out.
        at: now.
        by: who brought it.
        supersedes: id of the operator's edition whose place it takes.
        random_bytes: for the id.

    Raises:
        InputRefused: title, language, version or file name is not acceptable.
        NotFound: the operator is not known, or has no edition of the id in `supersedes`.
        Conflict: the operator has the same bytes under another disclosure class.
    """
    operators.get(connection, operator)
    edition = Edition(
        id=new_serial(random_bytes(10)),
        operator=operator,
        sha256=paper.sha256,
        kind=kind,
        title=_words(title, "title"),
        language=_language(language),
        version=_words(version, "version"),
        disclosure=disclosure,
        file_name=_words(file_name.replace("\\", "/").rpartition("/")[2], "file name"),
        media_type=paper.media_type,
        size=len(paper.data),
        about=paper.about,
        added_at=at,
        by=by,
        supersedes=supersedes,
    )
    living = [
        one
        for one in editions(connection, paper.sha256)
        if one.operator == operator and one.withdrawn_at is None
    ]
    for one in living:
        if one.disclosure is not disclosure:
            raise Conflict(
                f"the same bytes are here for {one.disclosure.value}, as {one.words!r}; to change who may"
                f" read them, withdraw that edition first: cellpass document withdraw {one.id}"
            )
        if _same(one, edition):
            _keep_content(connection, paper, at)
            return one
    if supersedes is not None:
        before = _by_id(connection, supersedes)
        if before is None or before.operator != operator:
            raise NotFound(f"{operator} has no edition {supersedes[:20]!r} to take the place of")
    _keep_content(connection, paper, at)
    connection.exec_driver_sql(
        "INSERT INTO document_edition (id, operator, sha256, kind, title, language, version, disclosure,"
        " file_name, supersedes, added_at, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            edition.id,
            operator,
            edition.sha256,
            kind.value,
            edition.title,
            edition.language,
            edition.version,
            disclosure.value,
            edition.file_name,
            supersedes,
            utc_text(at),
            by,
        ),
    )
    return edition


def _same(one: Edition, other: Edition) -> bool:
    told = ("kind", "title", "language", "version", "file_name", "supersedes")
    return all(getattr(one, name) == getattr(other, name) for name in told)


def _keep_content(connection: Connection, paper: Checked, at: datetime) -> None:
    row = connection.exec_driver_sql(
        "SELECT erased_at IS NOT NULL FROM document WHERE sha256 = ?", (paper.sha256,)
    ).first()
    if row is None:
        connection.exec_driver_sql(
            "INSERT INTO document (sha256, media_type, about, size, content, added_at, erased_at)"
            " VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (paper.sha256, paper.media_type, paper.about, len(paper.data), paper.data, utc_text(at)),
        )
    elif row[0]:
        connection.exec_driver_sql(
            "UPDATE document SET content = ?, erased_at = NULL WHERE sha256 = ?", (paper.data, paper.sha256)
        )


def _words(text: str, what: str) -> str:
    """The text in its composed form on one line.

    Raises:
        InputRefused: empty, too long, or with control characters.
    """
    said = unicodedata.normalize("NFC", text).strip()
    bad = any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in said)
    if not said or len(said) > _LONGEST[what] or bad:
        raise InputRefused(
            f"a document's {what} is 1 to {_LONGEST[what]} characters on one line; got {said[:60]!r}"
        )
    return said


def _language(text: str) -> str:
    if (wrong := check_form(Form.LANGUAGE, text)) is not None:
        raise InputRefused(f"a document's language: {wrong}; `zxx` where there are no words")
    return text


# ------------------------------------------------------------------------------------------------ finding

# Whether there are bytes is asked of `erased_at`: SQLite would read a blob only to say whether it is one.
_SELECT: Final = (
    "SELECT e.id, e.operator, e.sha256, e.kind, e.title, e.language, e.version, e.disclosure, e.file_name,"
    " d.media_type, d.size, d.about, e.added_at, e.by, e.supersedes, w.at, w.why, d.erased_at IS NOT NULL"
    " FROM document_edition e JOIN document d ON d.sha256 = e.sha256"
    " LEFT JOIN document_withdrawal w ON w.edition = e.id"
)
_ORDER: Final = " ORDER BY e.added_at, e.file_name, e.id"


def editions(connection: Connection, sha256: str) -> list[Edition]:
    """Every edition of the bytes with that digest, oldest first, withdrawn ones too."""
    return _selected(connection, " WHERE e.sha256 = ?", (sha256,))


def every(
    connection: Connection,
    *,
    operator: str | None = None,
    kind: Kind | None = None,
    withdrawn: bool = False,
) -> list[Edition]:
    """The editions of all documents or of some, oldest first; withdrawn ones where they are asked for."""
    wheres = [
        *(["e.operator = ?"] if operator is not None else []),
        *(["e.kind = ?"] if kind is not None else []),
        *([] if withdrawn else ["w.edition IS NULL"]),
    ]
    values = tuple(str(one) for one in (operator, kind) if one is not None)
    return _selected(connection, f" WHERE {' AND '.join(wheres)}" if wheres else "", values)


def find(connection: Connection, name: str, *, public_url: str, operator: str | None = None) -> list[Edition]:
    """The editions that a person means, oldest first, withdrawn ones too; never none.

    Args:
        connection: the caller's.
        name: an edition's id, a digest (`sha256:...` or 64 digits), an address of ours, or a file name.
        public_url: address of the service.
        operator: look among this operator's documents only; None for all.

    Raises:
        DocumentUnknown: there is none; the sentence says what was looked for, and what is spelt alike.
    """
    said = unicodedata.normalize("NFC", name).strip()
    digest = digest_of(said, public_url)
    found: list[Edition] = []
    if digest is not None:
        found = editions(connection, digest)
    elif "://" not in said:
        by_id = _by_id(connection, said.upper()) if _EDITION_ID.match(said.upper()) else None
        found = [by_id] if by_id is not None else _selected(connection, " WHERE e.file_name = ?", (said,))
    found = [one for one in found if operator in (None, one.operator)]
    if not found:
        raise DocumentUnknown(_unknown(connection, said, operator))
    return found


def digest_of(name: str, public_url: str) -> str | None:
    """The digest that a name holds: `sha256:...`, 64 digits, or an address of ours; None for another name."""
    bare = name.removeprefix("sha256:").lower()
    if SHA256.match(bare):
        return bare
    try:
        parts = urlsplit(name)
        ours = check_public_url(f"{parts.scheme}://{parts.netloc}") == check_public_url(public_url)
    except ValueError:
        return None
    last = parts.path.removeprefix(PATH)
    good = ours and parts.path.startswith(PATH) and not parts.query and not parts.fragment
    return last if good and SHA256.match(last) else None


def address(public_url: str, sha256: str) -> str:
    """Where the document is read; what a record states and signs."""
    return f"{public_url}{PATH}{sha256}"


def address_of(connection: Connection, name: str, public_url: str, *, operator: str | None = None) -> str:
    """The address of the one document that a cell of a spreadsheet means.

    A file name stands for the newest edition that no other takes the place of. An address of another service
    stays as it is: documents may lie elsewhere.

    Args:
        connection: the caller's.
        name: file name, `sha256:...`, an edition's id, or an address.
        public_url: address of the service.
        operator: whose documents are meant; None for all.

    Raises:
        DocumentUnknown: none has that name.
        DocumentAmbiguous: several have it, with different content; the sentence lists their addresses.
        DocumentWithdrawn: the only ones of that name were withdrawn.
    """
    said = name.strip()
    if _ADDRESS.match(said) and digest_of(said, public_url) is None and not _below(said, public_url):
        return said
    found = find(connection, said, public_url=public_url, operator=operator)
    living = [one for one in found if one.withdrawn_at is None]
    if not living:
        last = found[-1]
        raise DocumentWithdrawn(f"{last.words!r} ({said[:80]}) was withdrawn: {last.withdrawn_why}")
    replaced = {one.supersedes for one in living}
    newest = [one for one in living if one.id not in replaced] or living
    addresses = {one.sha256: one for one in newest}
    if len(addresses) > 1:
        listed = "; ".join(
            f"{one.words}: {address(public_url, digest)}" for digest, one in sorted(addresses.items())
        )
        raise DocumentAmbiguous(
            f"{len(addresses)} documents are called {said[:80]!r}; write the address of one: {listed}"
        )
    return address(public_url, next(iter(addresses)))


def _below(url: str, public_url: str) -> bool:
    """Whether an address is meant as one of our documents, however badly it is spelt."""
    return url.lower().startswith(f"{public_url.lower()}{PATH}")


def _unknown(connection: Connection, said: str, operator: str | None) -> str:
    known = {one.file_name for one in every(connection, operator=operator)}
    near = difflib.get_close_matches(said, known, 3, 0.75)
    advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "`cellpass document list` shows all"
    return (
        f"no document {said[:120]!r}: expected the name of a file that was added, sha256: and its digest,"
        f" or its address; {advice}"
    )


def _by_id(connection: Connection, edition: str) -> Edition | None:
    found = _selected(connection, " WHERE e.id = ?", (edition,))
    return found[0] if found else None


def _selected(connection: Connection, where: str, values: tuple[Any, ...]) -> list[Edition]:
    return [_edition(row) for row in connection.exec_driver_sql(_SELECT + where + _ORDER, values)]


def _edition(row: Any) -> Edition:
    return Edition(
        id=row[0],
        operator=row[1],
        sha256=row[2],
        kind=Kind(row[3]),
        title=row[4],
        language=row[5],
        version=row[6],
        disclosure=Disclosure(row[7]),
        file_name=row[8],
        media_type=row[9],
        size=row[10],
        about=row[11],
        added_at=from_utc_text(row[12]),
        by=row[13],
        supersedes=row[14],
        withdrawn_at=from_utc_text(row[15]) if row[15] is not None else None,
        withdrawn_why=row[16] or "",
        erased=bool(row[17]),
    )


# ----------------------------------------------------------------------------------- reading and withdrawing


def content(connection: Connection, sha256: str) -> bytes:
    """The bytes with that digest, whoever asks; who may read them was decided before.

    Raises:
        NotFound: there are none.
        DocumentWithdrawn: they were erased.
    """
    row = connection.exec_driver_sql(
        "SELECT content, erased_at FROM document WHERE sha256 = ?", (sha256,)
    ).first()
    if row is None:
        raise NotFound(f"no document has the digest {sha256[:64]}")
    if row[0] is None:
        raise DocumentWithdrawn(f"the bytes of this document were erased on {row[1]}")
    data: bytes = row[0]
    return data


def part(connection: Connection, sha256: str, offset: int, count: int) -> bytes:
    """Some of the bytes with that digest, fewer at the end; as `content`.

    Raises:
        DocumentWithdrawn: there are none, or they were erased meanwhile.
    """
    found = part_of_blob(connection, "document", "content", "sha256", sha256, offset, count)
    if found is None:
        raise DocumentWithdrawn("the bytes of this document were erased")
    return found


def successor(connection: Connection, edition: Edition, among: Iterable[Disclosure]) -> Edition | None:
    """The newest served edition that took the place of this one, directly or by steps.

    Args:
        connection: the caller's.
        edition: whose successor is asked for.
        among: disclosure classes that the reader may read; steps over others are taken, and not told.
    """
    allowed = frozenset(among)
    found, seen, ids = None, {edition.id}, [edition.id]
    while ids:
        following = _selected(connection, " WHERE e.supersedes = ?", (ids.pop(0),))
        for one in (one for one in following if one.id not in seen):
            seen.add(one.id)
            ids.append(one.id)
            if one.withdrawn_at is None and one.disclosure in allowed:
                found = one
    return found


def withdraw(
    connection: Connection, edition: str, *, why: str, at: datetime, by: str, erase: bool = False
) -> Edition:
    """Stop serving an edition; what names it is told when and why.

    Args:
        connection: the caller's open write transaction.
        edition: its id.
        why: in words; readers of the document see them.
        at: now.
        by: who withdraws it.
        erase: take the bytes away as well, for ever.

    Raises:
        NotFound: there is no such edition.
        InputRefused: no reason is given.
        Conflict: it is withdrawn already, or other editions of bytes to be erased are still served.
    """
    found = _by_id(connection, edition)
    if found is None:
        raise NotFound(f"no edition of a document has the id {edition[:20]!r}")
    reason = _words(why, "reason")
    if found.withdrawn_at is not None and not (erase and not found.erased):
        raise Conflict(
            f"{found.words!r} was withdrawn on {utc_text(found.withdrawn_at)}: {found.withdrawn_why}"
        )
    if found.withdrawn_at is None:
        connection.exec_driver_sql(
            "INSERT INTO document_withdrawal (edition, at, by, why) VALUES (?, ?, ?, ?)",
            (edition, utc_text(at), by, reason),
        )
    if erase:
        served = [one for one in editions(connection, found.sha256) if one.withdrawn_at is None]
        if served:
            raise Conflict(
                f"the same bytes are still served as {served[0].words!r} of {served[0].operator}"
                f" ({served[0].id}); withdraw that first"
            )
        connection.exec_driver_sql(
            "UPDATE document SET content = NULL, erased_at = ? WHERE sha256 = ?", (utc_text(at), found.sha256)
        )
    renewed = _by_id(connection, edition)
    assert renewed is not None
    return renewed


def withdrawals(connection: Connection) -> int:
    """Number of the newest withdrawal, 0 before the first: a page that was made before may be out of date."""
    return int(connection.exec_driver_sql(NEWEST_WITHDRAWAL).scalar() or 0)


NEWEST_WITHDRAWAL: Final = "SELECT coalesce(max(number), 0) FROM document_withdrawal"
