"""Trouble on the way from readings to a record and its pages.

PassportError
├── InputRefused            a document or value is not acceptable
│   ├── IdentifierRefused   not a GS1 Digital Link or IEC 61406 link we accept
│   ├── FactRefused         a declared fact is unknown or out of range
│   ├── FormatRefused       a file in another format is damaged, misses its form, or is out of proportion
│   ├── ParametersRefused   parameters of a judgement are missing, misspelt, undated or absurd
│   ├── DocumentRefused     a file that is not taken as a document
│   │   ├── ContentForeign     not of a kind that is kept, or two things at once
│   │   ├── ContentActive      something in it would run, open, fetch or send by itself
│   │   ├── ContentUnreadable  damaged or locked
│   │   └── ContentTooLarge    over a limit of bytes, pages, objects or pixels
│   ├── DocumentUnknown     no document has that name, digest or address
│   └── DocumentAmbiguous   several documents have that name
├── NotFound                nothing is known under that name
├── DocumentWithdrawn       a document was here and was taken back
├── Forbidden               the caller may not do or see this
├── Conflict                something else happened first
├── GateClosed              a version owes something and nobody took responsibility in writing
├── VerificationFailed      a numbered step of verification failed
├── SignerUnavailable       the signer did not answer, or refused
├── LogRefused              the transparency log does not extend its last checkpoint
├── RegistryUnavailable     the Union's registry did not answer, or not in a form that is understood
├── RegistryRefused         the Union's registry answered, and said no
└── StoreUnavailable        the database could not take the change
"""

from collections.abc import Sequence
from typing import ClassVar


class PassportError(Exception):
    """Base of all refusals of the passport side; `code` is stable, `status` is its HTTP answer."""

    code: ClassVar[str] = "passport.error"
    status: ClassVar[int] = 500


class InputRefused(PassportError):
    """A document or value is not acceptable."""

    code = "input.refused"
    status = 400


class IdentifierRefused(InputRefused):
    """Not an identifier link that we accept."""

    code = "input.identifier"


class FactRefused(InputRefused):
    """A declared fact is unknown, or its value is out of range."""

    code = "input.fact"


class FormatRefused(InputRefused):
    """A file in another format is damaged, is not of that format, or is out of all proportion."""

    code = "input.format"


class ParametersRefused(InputRefused):
    """Parameters of a judgement are missing, misspelt, undated or not to be believed.

    Attributes:
        faults: each a sentence with the entry's name.
    """

    code = "input.parameters"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class DocumentRefused(InputRefused):
    """A file that is not taken as a document."""

    code = "input.document"


class ContentForeign(DocumentRefused):
    """Not of a kind that is kept, or two things at once."""

    code = "input.document_kind"


class ContentActive(DocumentRefused):
    """Something in it would run, open, fetch or send by itself."""

    code = "input.document_active"


class ContentUnreadable(DocumentRefused):
    """Damaged or locked, so that nobody can say what is in it."""

    code = "input.document_unreadable"


class ContentTooLarge(DocumentRefused):
    """Over a limit of bytes, pages, objects or pixels."""

    code = "input.document_too_large"


class DocumentUnknown(InputRefused):
    """No document has that name, digest or address."""

    code = "input.document_unknown"


class DocumentAmbiguous(InputRefused):
    """Several documents have that name."""

    code = "input.document_ambiguous"


class NotFound(PassportError):
    """Nothing is known under that name."""

    code = "not_found"
    status = 404


class DocumentWithdrawn(PassportError):
    """A document was here and was taken back; who might read it is told when and why."""

    code = "document_withdrawn"
    status = 410


class Forbidden(PassportError):
    """The caller may not do or see this."""

    code = "forbidden"
    status = 403


class Conflict(PassportError):
    """Something else happened first."""

    code = "conflict"
    status = 409


class GateClosed(PassportError):
    """A version owes something and nobody took responsibility in writing."""

    code = "gate_closed"
    status = 422


class VerificationFailed(PassportError):
    """A numbered step of verification failed."""

    code = "verification_failed"
    status = 422


class SignerUnavailable(PassportError):
    """The signer did not answer, or refused."""

    code = "signer_unavailable"
    status = 503


class LogRefused(PassportError):
    """The transparency log does not extend its last checkpoint."""

    code = "log_refused"


class RegistryUnavailable(PassportError):
    """The Union's registry did not answer, or not in a form that is understood."""

    code = "registry_unavailable"
    status = 503


class RegistryRefused(PassportError):
    """The Union's registry answered, and said no."""

    code = "registry_refused"
    status = 502


class StoreUnavailable(PassportError):
    """The database could not take the change."""

    code = "store_unavailable"
    status = 503
