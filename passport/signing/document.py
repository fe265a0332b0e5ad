"""A file taken apart: a record, a bundle, or a PDF with one of them attached. Nothing is believed yet."""

from dataclasses import dataclass
from typing import Any, Final

from passport.errors import InputRefused
from passport.signing.attachments import attachments
from passport.signing.bundle import BUNDLE_FORMAT, MEMBERS
from passport.signing.log import PROOF_HEADING
from schemas.strict_json import StrictJsonError, loads

LARGEST_FILE_BYTES: Final = 33_554_432
LIMIT_JSON: Final = 8_388_608


@dataclass(frozen=True)
class Document:
    """What a file holds, taken apart and not believed.

    Attributes:
        jwt: the issuer-signed part.
        disclosures: as they stand between the tildes.
        tail: what follows the last tilde; empty in a record without holder binding.
        tildes: whether there was any; a `vc+jwt` has none.
        proof: a `.tlog-proof`; None when the file has none.
        enclosed_keys: keys that came along; never trusted by themselves.
        previous: earlier issuer-signed parts, the newest first.
        related: issuer-signed parts of records of other batteries, in any order.
        status_list: a signed status list; None when the file has none.
    """

    jwt: bytes
    disclosures: tuple[str, ...]
    tail: str
    tildes: bool
    proof: bytes | None = None
    enclosed_keys: tuple[dict[str, Any], ...] = ()
    previous: tuple[bytes, ...] = ()
    related: tuple[bytes, ...] = ()
    status_list: bytes | None = None


def read_document(data: bytes) -> Document:
    """The parts of a file, by its first bytes: a PDF, a bundle, or a record.

    Raises:
        InputRefused: none of them, too large, or a PDF with no record or with several.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise InputRefused(f"the file has {len(data)} bytes, at most {LARGEST_FILE_BYTES} are read")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return _read_pdf(data)
    if data.lstrip()[:1] == b"{":
        return _read_bundle(data)
    return _read_record(data)


def _read_record(data: bytes) -> Document:
    # One line end at the end is what editors and `echo` add; anything else belongs to the bytes.
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    jwt, *rest = text.split(b"~")
    if not (text.startswith(b"eyJ") or (jwt.count(b".") == 2 and rest)):
        raise InputRefused(
            "this is no record: expected three parts between dots and then ~, a bundle, or a PDF"
        )
    # Bytes outside ASCII stay visible as what they are; the step that reads them refuses them.
    pieces = [piece.decode("ascii", "backslashreplace") for piece in rest]
    return Document(jwt, tuple(pieces[:-1]), pieces[-1] if pieces else "", tildes=bool(rest))


def _read_bundle(data: bytes) -> Document:
    try:
        bundle = loads(data, limit_bytes=LIMIT_JSON)
    except StrictJsonError as error:
        raise InputRefused(f"the bundle is refused: {error}") from error
    if not isinstance(bundle, dict) or bundle.get("format") != BUNDLE_FORMAT:
        raise InputRefused(f"this JSON is no bundle: expected format {BUNDLE_FORMAT!r}")
    if unknown := set(bundle) - MEMBERS:
        raise InputRefused(f"the bundle has unknown members: {', '.join(map(repr, sorted(unknown)))}")
    previous, related = bundle.get("previous", []), bundle.get("related", [])
    texts = [bundle.get("record"), bundle.get("proof", ""), bundle.get("status_list", "")]
    lists = isinstance(previous, list) and isinstance(related, list)
    if not lists or not all(isinstance(text, str) for text in (*texts, *previous, *related)):
        raise InputRefused("record, proof, status list, previous and related records of a bundle are text")
    record = _read_record(bundle["record"].encode())
    jwks = bundle.get("jwks", {"keys": []})
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise InputRefused("the keys of a bundle are a JWKS")
    return Document(
        record.jwt,
        record.disclosures,
        record.tail,
        record.tildes,
        proof=bundle["proof"].encode() if bundle.get("proof") else None,
        enclosed_keys=tuple(keys),
        previous=tuple(text.split("~")[0].encode() for text in previous),
        related=tuple(text.split("~")[0].encode() for text in related),
        status_list=bundle["status_list"].encode() if bundle.get("status_list") else None,
    )


def _read_pdf(data: bytes) -> Document:
    files = attachments(data)
    bundles = {file for file in files if file.lstrip()[:1] == b"{" and BUNDLE_FORMAT.encode() in file}
    records = {file.rstrip(b"\r\n") for file in files if file.startswith(b"eyJ") and b"~" in file}
    proofs = {file for file in files if file.startswith(PROOF_HEADING)}
    if len(bundles or records) > 1 or len(proofs) > 1:
        raise InputRefused("the PDF has more than one record attached; extract the one that is meant")
    if bundles:
        return _read_bundle(bundles.pop())
    if not records:
        raise InputRefused("the PDF has no record attached; ask for the record or the bundle itself")
    record = _read_record(records.pop())
    proof = proofs.pop() if proofs else None
    return Document(record.jwt, record.disclosures, record.tail, record.tildes, proof=proof)
