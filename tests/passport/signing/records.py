"""Records for tests: every row of the registry, made and signed the way the service does it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from passport.signing import encode, keyset, log
from passport.signing.bundle import bundle
from passport.signing.keys import FileSigner, create_key
from passport.signing.sign import sign_record
from schemas.registry import REGISTRY_VERSION, by_record
from schemas.terms import Disclosure, RecordKind

PUBLIC_URL = "https://id.example.com"
ISSUER = "did:web:id.example.com:o:example-batteries"
IDENTIFIER = f"{PUBLIC_URL}/01/09520123456788/21/ABCDEFGHIJKLMNOP"
ORIGIN = "id.example.com/o/example-batteries/log"
ISSUED = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
ABSENT = {"absent": "not_provided"}


def stated(value: Any, unit: str | None = None) -> dict[str, Any]:
    wire: dict[str, Any] = {"value": value, "as_of": "2026-11-20T12:00:00Z", "source": "declared"}
    return {**wire, "unit": unit} if unit else wire


def counting_salts() -> Callable[[], bytes]:
    """Salts that never repeat and are the same in every run."""
    numbers = count(1)
    return lambda: next(numbers).to_bytes(16)


def halves(kind: RecordKind, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Public and restricted attributes of a kind, absent unless a value is given."""
    public, restricted = {}, {}
    for row in by_record(kind):
        half = public if row.disclosure is Disclosure.PUBLIC else restricted
        half[row.id] = values.get(row.id, ABSENT)
    assert set(values) <= {row.id for row in by_record(kind)}
    return public, restricted


def unsigned(
    kind: RecordKind = RecordKind.PASSPORT, values: Mapping[str, Any] | None = None, **changes: Any
) -> encode.Unsigned:
    public, restricted = halves(kind, values or {})
    restricted, salt = changes.pop("restricted", restricted), changes.pop("salt", counting_salts())
    arguments: dict[str, Any] = {
        "record_url": f"{PUBLIC_URL}/r/RECORD1",
        "issuer_did": ISSUER,
        "identifier_url": IDENTIFIER,
        "kind": kind,
        "version": 1,
        "valid_from": ISSUED,
        "public": public,
        "disclosures": encode.disclose(restricted, salt),
        "registry_version": REGISTRY_VERSION,
        "public_url": PUBLIC_URL,
        "previous": None,
        "status": None,
        "simulated": False,
        "voluntary": False,
        "incomplete": None,
    }
    return encode.unsigned(**{**arguments, **changes})


@dataclass
class Issuer:
    """An operator with keys, a chain and a log, as small as it can be."""

    folder: Path
    leaves: list[bytes] = field(default_factory=list)
    jwts: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        create_key(self.folder / "example-batteries.pem", password=b"secret")
        self.signer = FileSigner(self.folder / "example-batteries.pem", b"secret")

    @property
    def jwks(self) -> list[dict[str, Any]]:
        return [
            keyset.published(
                self.signer.public_jwk, issuer_did=ISSUER, valid_from=datetime(2026, 1, 1, tzinfo=UTC)
            )
        ]

    @property
    def log_key(self) -> str:
        return log.vkey(ORIGIN, self.signer.log_public_key)

    def issue(
        self, kind: RecordKind = RecordKind.PASSPORT, values: Mapping[str, Any] | None = None, **changes: Any
    ) -> tuple[bytes, encode.Unsigned]:
        """The next version: issuer-signed part and what it was made from."""
        if self.jwts and "previous" not in changes:
            changes["previous"] = (
                f"{PUBLIC_URL}/r/RECORD{len(self.jwts)}",
                hashlib.sha256(self.jwts[-1]).digest(),
            )
        number = len(self.jwts) + 1
        made = unsigned(
            kind, values, **{"version": number, "record_url": f"{PUBLIC_URL}/r/RECORD{number}", **changes}
        )
        jwt = sign_record(made.payload, self.signer, ISSUED)
        self.jwts.append(jwt)
        self.leaves.append(log.leaf_hash(jwt))
        return jwt, made

    def proof(self, index: int) -> bytes:
        text = log.checkpoint_text(ORIGIN, len(self.leaves), log.root(self.leaves))
        note = log.sign_checkpoint(text, self.signer)
        return log.tlog_proof(index, log.inclusion_proof(index, self.leaves), note)

    def bundle(self, jwt: bytes, disclosures: tuple[encode.Disclosure, ...] = (), **more: Any) -> bytes:
        view = encode.view(jwt, [item.encoded for item in disclosures])
        return bundle(view, proof=self.proof(self.jwts.index(jwt)), **more)
