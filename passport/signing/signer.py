"""What signing needs of whoever holds an operator's keys: a file, a process, later a seal service."""

from collections.abc import Sequence
from typing import Any, Protocol

from passport.errors import SignerUnavailable


class SignerRefused(SignerUnavailable):
    """The request breaks a rule of the signer; asking again will not help."""

    code = "signer_refused"


class RecordSigner(Protocol):
    """A key that signs records and statements, seen from outside."""

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the record key."""

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The record key's public half as it stands in the operator's JWKS."""

    def sign(self, signing_input: bytes) -> bytes:
        """The ES256 signature (r || s, 64 bytes) over header and payload of a record.

        Raises:
            SignerUnavailable: no answer.
            SignerRefused: this must not be signed; the sentence says why.
        """

    def sign_many(self, signing_inputs: Sequence[bytes]) -> list[bytes | SignerUnavailable]:
        """For each input its signature, or why there is none; in their order. What `sign` raises is told."""


class Signer(RecordSigner, Protocol):
    """An operator's two keys, seen from outside: one for records, one for the checkpoints of its log."""

    @property
    def log_public_key(self) -> bytes:
        """The log key's public half, 32 bytes."""

    def checkpoint_size(self) -> int | None:
        """Leaves in the last signed checkpoint; None before the first, or when nothing is remembered."""

    def sign_note(self, text: bytes, consistency: Sequence[bytes] = ()) -> bytes:
        """The signed note over the text of a checkpoint.

        Args:
            text: `log.checkpoint_text`; its first line names the key.
            consistency: proof from the last signed checkpoint to this one; a signer that remembers its last
                checkpoint refuses a larger tree without it.

        Raises:
            SignerUnavailable: no answer.
            SignerRefused: the tree does not extend the last signed one.
        """
