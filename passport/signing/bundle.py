"""A record with everything that checks it, in one JSON file: handed over, attached to PDFs, kept."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

BUNDLE_FORMAT: Final = "cellpass-bundle/1"
MEMBERS: Final = frozenset({"format", "record", "proof", "jwks", "previous", "related", "status_list"})


def bundle(
    record: bytes,
    *,
    proof: bytes | None = None,
    jwks: Sequence[Mapping[str, Any]] = (),
    previous: Sequence[bytes] = (),
    related: Sequence[bytes] = (),
    status_list: bytes | None = None,
) -> bytes:
    """The bundle of one view.

    Args:
        record: a view, as `encode.view` gives it.
        proof: its `.tlog-proof`.
        jwks: the issuer's public keys, for orientation; a verifier never trusts them for being here.
        previous: issuer-signed parts of earlier versions, the newest first.
        related: issuer-signed parts of the records of other batteries that it quotes: those that it came
            from or goes on as, and what these quote in turn.
        status_list: a signed status list.
    """
    members: dict[str, Any] = {"format": BUNDLE_FORMAT, "record": record.decode("ascii")}
    if proof is not None:
        members["proof"] = proof.decode()
    if jwks:
        members["jwks"] = {"keys": [dict(key) for key in jwks]}
    if previous:
        members["previous"] = [jwt.decode("ascii") for jwt in previous]
    if related:
        members["related"] = [jwt.decode("ascii") for jwt in related]
    if status_list is not None:
        members["status_list"] = status_list.decode("ascii")
    return json.dumps(members, ensure_ascii=False, indent=1).encode() + b"\n"
