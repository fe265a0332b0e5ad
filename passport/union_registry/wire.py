"""What is said to the Union's registry, and how its answers are read: bytes in, bytes out, no network.

The operation is RegisterProductDPP of EN 18222:2026 (clause 5.2), `POST /v1/registerDPP`. The standard is
licensed; what stands here follows several independent implementers of it. They agree on four members of the
request and differ in the answer, so that one form is sent and every form is read:

- a bare object with `registrationId`, or `registryIdentifier` as drafts spelt it;
- the same inside `{"statusCode": ..., "payload": {...}}`, where the word outranks an HTTP status of success;
- failures as a list of messages under `message` or `messages`, or as problem details (RFC 9457).

Implementing Regulation (EU) 2026/1778 lets the registry examine a passport before it gives an identifier
(Art. 8(7), (8)): an answer may therefore say "accepted" and no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

import orjson

from passport.errors import RegistryUnavailable
from schemas import strict_json

MAX_IDENTIFIER: Final = 2000
MAX_MESSAGES: Final = 10
MAX_MESSAGE: Final = 300

# EN 18222:2026, Table 15.
_STATUS_WORDS: Final[Mapping[str, int]] = {
    "Success": 200,
    "SuccessCreated": 201,
    "SuccessAccepted": 202,
    "SuccessNoContent": 204,
    "ClientErrorBadRequest": 400,
    "ClientNotAuthorized": 401,
    "ClientForbidden": 403,
    "ClientErrorResourceNotFound": 404,
    "ClientMethodNotAllowed": 405,
    "ClientResourceConflict": 409,
    "ServerInternalError": 500,
    "ServerNotImplemented": 501,
    "ServerErrorBadGateway": 502,
}
REGISTRATION_MEMBERS: Final = ("registrationId", "registryIdentifier", "registrationIdentifier")
PRODUCT_MEMBER: Final = "uniqueProductIdentifier"
_CORRELATION_MEMBERS: Final = ("correlationId", "correlationIdentifier")
_MESSAGE_LISTS: Final = ("messages", "message", "errors")
_TEXTS: Final = ("status", "code", "subCode", "text", "message", "title", "detail")


class AnswerNotUnderstood(RegistryUnavailable):
    """The registry answered in a form that cannot be read; what it did is not known."""


@unique
class Kind(StrEnum):
    """What an answer to a request for registration means."""

    REGISTERED = "registered"
    ACCEPTED = "accepted"  # it examines the passport; the identifier comes later
    EXISTS = "exists"  # it has the battery, or the request, already
    UNKNOWN = "unknown"  # it knows of no such thing
    DENIED = "denied"  # not about this battery: who asks, or the address that is asked
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """An answer, read.

    Attributes:
        status: the HTTP status that it amounts to.
        registration_id: the registry's identifier; None where it names none.
        correlation: under which it speaks of a submission; None where it names nothing.
        words: its messages, made fit for a terminal and a log.
    """

    kind: Kind
    status: int
    registration_id: str | None
    correlation: str | None
    words: str


def entry(
    *,
    product: str,
    passport: str,
    operator: str,
    endpoint: str,
    backup: tuple[str, str] | None = None,
) -> bytes:
    """The body of RegisterProductDPP, with the members in the order of the standard's table.

    Args:
        product: the identifier behind the QR code, as an address.
        passport: the passport's own identifier, as an address.
        operator: unique identifier of the responsible operator.
        endpoint: where the operations of EN 18222 on this passport begin.
        backup: member and value that name who keeps the back-up copy.
    """
    members = {
        PRODUCT_MEMBER: product,
        "digitalProductPassportId": passport,
        "uniqueEconomicOperatorIdentifier": operator,
    }
    if backup is not None:
        members[backup[0]] = backup[1]
    return orjson.dumps({**members, "dppApiEndpoint": endpoint})


def read(status: int, body: bytes, *, product: str, examined: bool = False) -> Answer:
    """What an answer says, whichever of the known forms it has.

    Args:
        status: of HTTP.
        body: as it came.
        product: the battery that was asked about; an answer about another one is none.
        examined: it was asked how far an examination is, so that a success without an identifier says
            "not yet".

    Raises:
        AnswerNotUnderstood: it says that all is well and names no identifier, or is not JSON, or speaks of
            another product.
    """
    told = _object(status, body)
    inner = told.get("payload")
    payload: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    amounts_to = _status(status, told)
    words = _words(told)
    identifier = _identifier(payload, REGISTRATION_MEMBERS) or _identifier(told, REGISTRATION_MEMBERS)
    correlation = _identifier(payload, _CORRELATION_MEMBERS) or _identifier(told, _CORRELATION_MEMBERS)
    about = _identifier(payload, (PRODUCT_MEMBER,)) or _identifier(told, (PRODUCT_MEMBER,))
    if about is not None and about != product:
        raise AnswerNotUnderstood(f"the answer speaks of {about[:120]}; asked was {product}")
    kind = _kind(amounts_to, identifier)
    if examined and kind is Kind.REGISTERED and identifier is None:
        kind = Kind.ACCEPTED
    if kind is Kind.REGISTERED and identifier is None:
        raise AnswerNotUnderstood(
            f"the registry answered {amounts_to} without an identifier; expected {REGISTRATION_MEMBERS[0]}"
            f" in {_shown(body)}"
        )
    return Answer(kind, amounts_to, identifier, correlation, words)


def _kind(status: int, identifier: str | None) -> Kind:
    if status == 202 and identifier is None:
        return Kind.ACCEPTED
    if status < 300:
        return Kind.REGISTERED
    if status == 409:
        return Kind.EXISTS
    if status in {404, 410}:
        return Kind.UNKNOWN
    return Kind.DENIED if status in {401, 403, 405, 407, 415, 501} else Kind.REFUSED


def _object(status: int, body: bytes) -> Mapping[str, Any]:
    """The JSON object of an answer. A failure without one is still a failure, with what it says as text."""
    try:
        told = strict_json.loads(body)
    except strict_json.StrictJsonError as error:
        if status >= 400:
            return {"message": body[:MAX_MESSAGE].decode("utf-8", "replace")}
        raise AnswerNotUnderstood(f"the registry answered {status} with what is not JSON: {error}") from error
    if isinstance(told, Mapping):
        return told
    if status >= 400:
        return {"message": told}
    raise AnswerNotUnderstood(
        f"the registry answered {status} with {type(told).__name__}; expected an object"
    )


def _status(status: int, told: Mapping[str, Any]) -> int:
    """HTTP's failure stands; behind HTTP's success the body's own word decides."""
    word = told.get("statusCode")
    said = _STATUS_WORDS.get(word) if isinstance(word, str) else word
    if status >= 400 or not isinstance(said, int) or isinstance(said, bool) or not 200 <= said < 600:
        return status
    return said


def _identifier(told: Mapping[str, Any], members: tuple[str, ...]) -> str | None:
    for member in members:
        value = told.get(member)
        if isinstance(value, str) and 0 < len(value) <= MAX_IDENTIFIER and value.isprintable():
            return value
    return None


def _words(told: Mapping[str, Any]) -> str:
    """What the registry says for people, on one line and no longer than a few."""
    said = [*_texts(told)]
    for name in _MESSAGE_LISTS:
        listed = told.get(name)
        for one in listed[:MAX_MESSAGES] if isinstance(listed, list) else ():
            said += [one] if isinstance(one, str) else [*_texts(one)] if isinstance(one, Mapping) else []
    return "; ".join(dict.fromkeys(_clean(one) for one in said[: 2 * MAX_MESSAGES]))


def _texts(told: Mapping[str, Any]) -> Iterator[str]:
    for name in _TEXTS:
        text = told.get(name)
        if isinstance(text, str) and text.strip():
            yield text


def _clean(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_MESSAGE])
    return " ".join(shown.split())


def _shown(body: bytes) -> str:
    return repr(_clean(body[:200].decode("utf-8", "replace")))
