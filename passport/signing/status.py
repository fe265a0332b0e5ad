"""Status lists: one bit per record, many records per list, so that fetching one tells nobody which is meant.

Source: W3C Bitstring Status List v1.0, sections 2 (data model) and 3 (algorithms).
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from passport.errors import VerificationFailed
from passport.signing import base64url
from passport.signing.encode import VC_CONTEXT, iso, json_bytes

LEAST_ENTRIES: Final = 131_072
REVOCATION: Final = "revocation"
LIST_TYPE: Final = "BitstringStatusListCredential"
_ENTRY_TYPE: Final = "BitstringStatusListEntry"
# A list of 2**27 entries; what a bomb would unpack to is never held.
_MOST_BYTES: Final = 2**24


def bitstring(entries: Iterable[int], size: int = LEAST_ENTRIES) -> bytes:
    """A list with these entries set; entry 0 is the most significant bit of the first byte.

    Raises:
        ValueError: fewer entries than the standard demands, no whole bytes, or an entry outside.
    """
    if size < LEAST_ENTRIES or size % 8:
        raise ValueError(f"a status list has at least {LEAST_ENTRIES} entries in whole bytes, {size} came")
    bits = bytearray(size // 8)
    for index in entries:
        if not 0 <= index < size:
            raise ValueError(f"a list of {size} entries has no entry {index}")
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def encode_list(bits: bytes) -> str:
    """The list as it stands in a credential: GZIP, base64url, multibase prefix u. Same bits, same text."""
    return "u" + base64url.encode(gzip.compress(bits, mtime=0))


def decode_list(text: str) -> bytes:
    """The bits of an encoded list.

    Raises:
        VerificationFailed: another encoding, more than 16 MiB, or fewer entries than the standard demands.
    """
    if not text.startswith("u"):
        raise VerificationFailed("a status list is base64url with the multibase prefix u")
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        bits = unpack.decompress(base64url.decode(text[1:]), _MOST_BYTES + 1)
    except (ValueError, zlib.error) as error:
        raise VerificationFailed(f"the status list does not unpack: {error}") from error
    if len(bits) > _MOST_BYTES or not unpack.eof or unpack.unused_data:
        raise VerificationFailed(f"the status list is no single GZIP stream of at most {_MOST_BYTES} bytes")
    if len(bits) * 8 < LEAST_ENTRIES:
        raise VerificationFailed(f"a status list has at least {LEAST_ENTRIES} entries, {len(bits) * 8} came")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """Whether an entry is set.

    Raises:
        VerificationFailed: the list has no such entry.
    """
    if not 0 <= index < len(bits) * 8:
        raise VerificationFailed(f"a status list of {len(bits) * 8} entries has no entry {index}")
    return bool(bits[index // 8] & 0x80 >> index % 8)


def status_entry(list_url: str, index: int, purpose: str = REVOCATION) -> dict[str, str]:
    """What a record says of its place in a list: its `credentialStatus`."""
    return {
        "id": f"{list_url}#{index}",
        "type": _ENTRY_TYPE,
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": list_url,
    }


def list_payload(
    *,
    list_url: str,
    issuer_did: str,
    valid_from: datetime,
    valid_until: datetime,
    bits: bytes,
    purpose: str = REVOCATION,
) -> bytes:
    """The payload of a status list credential, to be signed as `vc+jwt` by the operator's key.

    Args:
        list_url: where the list is served; becomes its id.
        issuer_did: the operator, who also issued the records in it.
        valid_from: the moment that the list describes.
        valid_until: when a newer one must be asked for.
        bits: from `bitstring`.
        purpose: what a set bit means.
    """
    return json_bytes(
        {
            "@context": [VC_CONTEXT],
            "id": list_url,
            "type": ["VerifiableCredential", LIST_TYPE],
            "issuer": issuer_did,
            "validFrom": iso(valid_from),
            "validUntil": iso(valid_until),
            "credentialSubject": {
                "id": f"{list_url}#list",
                "type": "BitstringStatusList",
                "statusPurpose": purpose,
                "encodedList": encode_list(bits),
            },
        }
    )


def entry_is_set(entry: Mapping[str, Any], credential: Mapping[str, Any]) -> bool:
    """Whether the entry of a record is set in a list whose signature was verified before.

    Raises:
        VerificationFailed: another list, another purpose, or not of the standard's form.
    """
    if entry.get("type") != _ENTRY_TYPE:
        raise VerificationFailed(f"the record's status is a {entry.get('type')!r:.60}, not a {_ENTRY_TYPE}")
    if credential.get("id") != entry.get("statusListCredential"):
        raise VerificationFailed("the status list is not the one that the record names")
    subject = credential.get("credentialSubject")
    if not isinstance(subject, dict) or not isinstance(subject.get("encodedList"), str):
        raise VerificationFailed("the status list has no encoded list")
    if subject.get("statusPurpose") != entry.get("statusPurpose"):
        raise VerificationFailed("the status list is about another purpose than the record's entry")
    index = entry.get("statusListIndex")
    if not (isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 12):
        raise VerificationFailed("the record's place in the status list is no number")
    return is_set(decode_list(subject["encodedList"]), int(index))
