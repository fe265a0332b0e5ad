"""Responsibility handed over by a two-sided act: an offer signed by who gives, an acceptance by who takes.

Both are statements (`passport.signing.statements`). The offer names the passport's newest record, whom it is
for and until when it stands; the acceptance quotes the offer's bytes and the newest record of every kind. The
first record of the new operator carries the acts that lead to it from the record before, so that a chain
whose issuer changes can be judged from the records alone (docs/formats/record.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from passport.errors import VerificationFailed
from passport.signing.encode import digest_sri
from passport.signing.signer import Signer
from passport.signing.statements import ACCEPTANCE, OFFER, WITHDRAWAL, read_statement, sign_statement
from schemas.terms import RecordKind
from schemas.values import from_utc_text, utc_text

KeysOf = Callable[[str], Sequence[Mapping[str, Any]]]
_MEMBERS: Final = frozenset({"offer", "acceptance"})


@dataclass(frozen=True)
class Quoted:
    """A record as a statement quotes it."""

    url: str
    sri: str

    def to_wire(self) -> dict[str, str]:
        """As `relatedResource` writes it."""
        return {"id": self.url, "digestSRI": self.sri}


def sign_offer(
    *,
    battery: str,
    passport: str,
    to: str,
    role: str,
    expires_at: datetime,
    last: Quoted,
    issuer_did: str,
    signer: Signer,
    at: datetime,
) -> bytes:
    """The offer of the operator who gives.

    Args:
        battery: identifier URL.
        passport: address of its passport.
        to: DID of the operator who may accept.
        role: what that operator will be, a word of the row `operator_role`.
        expires_at: from when on it cannot be accepted.
        last: the passport's newest record; another one ends the offer.
        issuer_did: who gives.
        signer: of who gives.
        at: now.
    """
    content = {
        "battery": battery,
        "passport": passport,
        "to": to,
        "role": role,
        "expiresAt": utc_text(expires_at),
        "lastRecord": last.to_wire(),
    }
    return sign_statement(OFFER, content, issuer_did=issuer_did, signer=signer, at=at)


def sign_acceptance(
    offer: bytes,
    *,
    battery: str,
    lasts: Mapping[RecordKind, Quoted],
    issuer_did: str,
    signer: Signer,
    at: datetime,
) -> bytes:
    """The acceptance of the operator who takes, over the bytes of the offer."""
    content = {
        "battery": battery,
        "offer": digest_sri(offer),
        "lastRecords": {kind.value: last.to_wire() for kind, last in lasts.items()},
    }
    return sign_statement(ACCEPTANCE, content, issuer_did=issuer_did, signer=signer, at=at)


def sign_withdrawal(offer: bytes, *, battery: str, issuer_did: str, signer: Signer, at: datetime) -> bytes:
    """The word of who gives that the offer does not stand any more."""
    content = {"battery": battery, "offer": digest_sri(offer)}
    return sign_statement(WITHDRAWAL, content, issuer_did=issuer_did, signer=signer, at=at)


def read_offer(token: bytes, *, issuer_did: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What an offer says, once its signature and issuer are proven.

    Raises:
        VerificationFailed: it is no offer of that issuer.
    """
    return read_statement(token, OFFER, issuer_did=issuer_did, keys=keys)


def check_acts(
    acts: Any,
    *,
    battery: str,
    kind: RecordKind,
    giver: str,
    taker: str,
    quoted: str,
    keys_of: KeysOf,
) -> int:
    """How many two-sided acts lead from the one issuer to the other.

    Args:
        acts: as the record holds them: each an offer and its acceptance.
        battery: identifier URL of the record's subject.
        kind: of the record.
        giver: DID of the issuer before.
        taker: DID of the issuer of the record that holds the acts.
        quoted: digest of the version before, as the record quotes it.
        keys_of: public keys of an issuer, by its DID.

    Raises:
        VerificationFailed: an act is missing, of somebody else, of another battery or record, too late, or
            not signed by who must have signed it.
    """
    if not isinstance(acts, list) or not acts:
        raise VerificationFailed(f"the issuer changes from {giver} to {taker} without a hand-over")
    holder, last = giver, None
    for act in acts:
        if not isinstance(act, dict) or act.keys() != _MEMBERS:
            raise VerificationFailed("a hand-over is an offer and its acceptance")
        if not all(isinstance(token, str) and token.isascii() for token in act.values()):
            raise VerificationFailed("offer and acceptance are signed statements")
        offer_bytes = act["offer"].encode()
        offer = read_statement(offer_bytes, OFFER, issuer_did=holder, keys=keys_of(holder))
        to = str(offer.get("to"))
        last = read_statement(act["acceptance"].encode(), ACCEPTANCE, issuer_did=to, keys=keys_of(to))
        if offer.get("battery") != battery or last.get("battery") != battery:
            raise VerificationFailed("the hand-over is of another battery")
        if last.get("offer") != digest_sri(offer_bytes):
            raise VerificationFailed("the acceptance is of another offer")
        if _moment(last, "issuedAt") >= _moment(offer, "expiresAt"):
            raise VerificationFailed("the offer was accepted after its end")
        accepted = _quoted(last, RecordKind.PASSPORT)
        if accepted is None or accepted != _sri(offer.get("lastRecord")):
            raise VerificationFailed("offer and acceptance are of different records")
        holder = to
    if holder != taker:
        raise VerificationFailed(f"responsibility was handed over to {holder}, not to {taker}")
    if last is None or _quoted(last, kind) != quoted:
        raise VerificationFailed(f"the hand-over is of another {kind.value} record than the one before")
    return len(acts)


def accepted_record(acceptance: Mapping[str, Any], kind: str) -> str | None:
    """Digest of the newest record of that kind when the acceptance was signed; None where there was none."""
    lasts = acceptance.get("lastRecords")
    return _sri(lasts.get(kind)) if isinstance(lasts, dict) else None


def _quoted(acceptance: Mapping[str, Any], kind: RecordKind) -> str | None:
    return accepted_record(acceptance, kind.value)


def _sri(quoted: Any) -> str | None:
    digest = quoted.get("digestSRI") if isinstance(quoted, dict) else None
    return digest if isinstance(digest, str) else None


def _moment(statement: Mapping[str, Any], name: str) -> datetime:
    text = statement.get(name)
    try:
        return from_utc_text(str(text))
    except ValueError as error:
        raise VerificationFailed(f"{name} of a hand-over is {text!r:.40}, which is no time") from error
