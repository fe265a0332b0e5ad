"""Trouble on the way from readings to a record and its pages.

PassportError
├── InputRefused            a document or value is not acceptable
│   ├── IdentifierRefused   not a GS1 Digital Link or IEC 61406 link we accept
│   └── FactRefused         a declared fact is unknown or out of range
├── NotFound                nothing is known under that name
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


class NotFound(PassportError):
    """Nothing is known under that name."""

    code = "not_found"
    status = 404


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
