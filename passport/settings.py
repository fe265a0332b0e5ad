"""Settings of one installation: DATA/cellpass.toml, then the command line. Secrets are files of their own."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passport.errors import InputRefused
from schemas.identifier import check_public_url

FILE_NAME: Final = "cellpass.toml"
DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8000"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class RegistrySettings:
    """Section `[registry]`: how the Union's registry of product passports is reached, once somebody asks.

    What no text publishes has no default, or is unproven against the real registry; `docs/registry.md` tells
    which is which.

    Attributes:
        url: where its operations begin; https, or http on this machine.
        operator_identifier: `uniqueEconomicOperatorIdentifier` for batteries that state no identifier of
            their operator.
        backup_operator_identifier: who keeps the back-up copy; None names nobody.
        backup_operator_member: the member in which that is sent (unproven).
        token_file: holds a bearer token (unproven); None sends none.
        client_certificate: PEM file with certificate and chain for mutual TLS (unproven).
        client_key: PEM file with its key; None looks in `client_certificate`.
        register_path: RegisterProductDPP of EN 18222:2026.
        proof_path: where a proof is fetched (unpublished); None fetches none.
        lookup_path: where a registration is found again by its product (unpublished); None asks never.
        submission_path: where the outcome of a submission is asked (unpublished); None asks never.
        hashed_form: which bytes the hash in a proof is of (unpublished); None compares with all forms.
        test_environment: a registration there is none in law: only simulated batteries are sent, which are
            never sent elsewhere.
        timeout_s: for each wait; a whole answer may take four times that.
    """

    url: str
    operator_identifier: str | None = None
    backup_operator_identifier: str | None = None
    backup_operator_member: str = "uniqueEconomicOperatorIdentifierBackup"
    token_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    register_path: str = "/v1/registerDPP"
    proof_path: str | None = None
    lookup_path: str | None = None
    submission_path: str | None = None
    hashed_form: str | None = None
    test_environment: bool = False
    timeout_s: int = 30

    @property
    def is_here(self) -> bool:
        """Whether the registry is a program on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK


@dataclass(frozen=True)
class Settings:
    """What an operator may set.

    Attributes:
        data_dir: folder with the database, the keys and this file.
        public_url: scheme and host in lower case, no path; what the QR says and what is signed.
        host: address to listen on; loopback unless told otherwise.
        port: TCP port to listen on.
        timezone: IANA name in which input without a zone is read; None refuses such input.
        production: refuses what is only good for trials: a key password that lies beside the keys.
        key_password_file: holds the password of the key files; None keeps one beside them, which production
            refuses.
        registry: the Union's registry; None while nothing is said of it, and nobody is contacted.
        value_parameters: file with prices, costs and rates of residual value; None takes the packaged one.
    """

    data_dir: Path
    public_url: str = DEFAULT_PUBLIC_URL
    host: str = "127.0.0.1"
    port: int = 8000
    timezone: str | None = None
    production: bool = False
    key_password_file: Path | None = None
    registry: RegistrySettings | None = None
    value_parameters: Path | None = None

    @property
    def keys_dir(self) -> Path:
        """Where key files lie."""
        return self.data_dir / "keys"

    @property
    def leads_to_this_machine_only(self) -> bool:
        """Whether a printed code could not be scanned from elsewhere."""
        return urlsplit(self.public_url).hostname in LOOPBACK


def load(data_dir: Path, **overrides: Any) -> Settings:
    """The settings of `data_dir`; an override that is None leaves the file's word standing.

    Raises:
        InputRefused: the file is no TOML, names an unknown setting, or a value is out of range.
    """
    path = data_dir / FILE_NAME
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"{FILE_NAME} is no TOML: {error}") from error
    settings = _with(Settings(data_dir), written, FILE_NAME)
    return _with(
        settings, {name: value for name, value in overrides.items() if value is not None}, "the command line"
    )


def _with(settings: Settings, values: Mapping[str, Any], origin: str) -> Settings:
    known = {field.name for field in fields(Settings)} - {"data_dir"}
    if unknown := sorted(set(values) - known):
        raise InputRefused(
            f"{origin}: unknown setting {', '.join(unknown)}; expected one of {', '.join(sorted(known))}"
        )
    return replace(settings, **{name: _CHECKS[name](value, origin) for name, value in values.items()})


def _public_url(value: Any, origin: str) -> str:
    try:
        return check_public_url(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise InputRefused(f"{origin}: {error}; expected as in https://id.example.com") from error


def _port(value: Any, origin: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise InputRefused(f"{origin}: port is a whole number from 1 to 65535; got {value!r}")
    return value


def _host(value: Any, origin: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputRefused(f"{origin}: host is an address to listen on, as in 127.0.0.1; got {value!r}")
    return value


def _timezone(value: Any, origin: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, TypeError) as error:
        raise InputRefused(
            f"{origin}: timezone is an IANA name, as in Europe/Berlin; got {value!r}"
        ) from error


def _production(value: Any, origin: str) -> bool:
    if not isinstance(value, bool):
        raise InputRefused(f"{origin}: production is true or false; got {value!r}")
    return value


def _value_parameters(value: Any, origin: str) -> Path:
    path = Path(value) if isinstance(value, str | Path) else None
    if path is None or not path.is_file():
        raise InputRefused(f"{origin}: value_parameters is a file that can be read; got {value!r}")
    return path


def _key_password_file(value: Any, origin: str) -> Path:
    path = Path(value) if isinstance(value, (str, Path)) else None
    if path is None or not path.is_file():
        raise InputRefused(f"{origin}: key_password_file is a file that can be read; got {value!r}")
    return path.resolve()


# ------------------------------------------------------------------------------- the section of the registry

HASHED_FORMS: Final = ("signed_part", "served_record", "claims")
_PLACEHOLDERS: Final = frozenset(
    {"registrationId", "uniqueProductIdentifier", "digitalProductPassportId", "correlationId"}
)
_PATH: Final = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]|\{[A-Za-z]+\})*")


def _registry(value: Any, origin: str) -> RegistrySettings:
    if not isinstance(value, Mapping):
        raise InputRefused(f"{origin}: registry is a section, [registry]; got {value!r}")
    where = f"{origin}, [registry]"
    if unknown := sorted(set(value) - set(_REGISTRY_CHECKS)):
        raise InputRefused(
            f"{where}: unknown setting {', '.join(unknown)}; expected one of {', '.join(_REGISTRY_CHECKS)}"
        )
    if "url" not in value:
        raise InputRefused(f"{where}: url is missing; expected as in https://registry.example.com")
    checked = {name: _REGISTRY_CHECKS[name](name, one, where) for name, one in value.items()}
    if "client_key" in checked and "client_certificate" not in checked:
        raise InputRefused(f"{where}: client_key needs a client_certificate")
    return RegistrySettings(**checked)


def _registry_url(name: str, value: Any, where: str) -> str:
    text = value.rstrip("/") if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if (
        not safe
        or not parts.hostname
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
        or not text.isascii()
        or not text.isprintable()
        or " " in text
    ):
        raise InputRefused(
            f"{where}: {name} is an https address without user, query or fragment (http on this machine"
            f" only), as in https://registry.example.com; got {value!r}"
        )
    return text


def _registry_text(name: str, value: Any, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 2000 or not value.isprintable():
        raise InputRefused(f"{where}: {name} is a text of at most 2000 characters; got {value!r}")
    return value.strip()


def _registry_file(name: str, value: Any, where: str) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputRefused(f"{where}: {name} is the path of a file; got {value!r}")
    return Path(value).absolute()


def _registry_path(name: str, value: Any, where: str) -> str:
    named = set(re.findall(r"\{([A-Za-z]+)\}", value)) if isinstance(value, str) else set()
    if not isinstance(value, str) or not _PATH.fullmatch(value) or not named <= _PLACEHOLDERS:
        known = ", ".join(f"{{{one}}}" for one in sorted(_PLACEHOLDERS))
        raise InputRefused(
            f"{where}: {name} is a path below url that begins with one slash and may hold {known};"
            f" got {value!r}"
        )
    return value


def _registry_form(name: str, value: Any, where: str) -> str:
    if value not in HASHED_FORMS:
        raise InputRefused(f"{where}: {name} is one of {', '.join(HASHED_FORMS)}; got {value!r}")
    return str(value)


def _registry_flag(name: str, value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputRefused(f"{where}: {name} is true or false; got {value!r}")
    return value


def _registry_seconds(name: str, value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 300:
        raise InputRefused(f"{where}: {name} is a whole number from 1 to 300; got {value!r}")
    return value


_REGISTRY_CHECKS: Final[Mapping[str, Callable[[str, Any, str], Any]]] = MappingProxyType(
    {
        "url": _registry_url,
        "operator_identifier": _registry_text,
        "backup_operator_identifier": _registry_text,
        "backup_operator_member": _registry_text,
        "token_file": _registry_file,
        "client_certificate": _registry_file,
        "client_key": _registry_file,
        "register_path": _registry_path,
        "proof_path": _registry_path,
        "lookup_path": _registry_path,
        "submission_path": _registry_path,
        "hashed_form": _registry_form,
        "test_environment": _registry_flag,
        "timeout_s": _registry_seconds,
    }
)

_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "public_url": _public_url,
    "host": _host,
    "port": _port,
    "timezone": _timezone,
    "production": _production,
    "key_password_file": _key_password_file,
    "registry": _registry,
    "value_parameters": _value_parameters,
}
