"""Settings of one installation: DATA/cellpass.toml, then the command line. Secrets are files of their own."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passport.errors import InputRefused
from schemas.identifier import check_public_url

FILE_NAME: Final = "cellpass.toml"
DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8000"


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
    """

    data_dir: Path
    public_url: str = DEFAULT_PUBLIC_URL
    host: str = "127.0.0.1"
    port: int = 8000
    timezone: str | None = None
    production: bool = False
    key_password_file: Path | None = None

    @property
    def keys_dir(self) -> Path:
        """Where key files lie."""
        return self.data_dir / "keys"

    @property
    def leads_to_this_machine_only(self) -> bool:
        """Whether a printed code could not be scanned from elsewhere."""
        return urlsplit(self.public_url).hostname in {"127.0.0.1", "localhost", "::1"}


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


def _key_password_file(value: Any, origin: str) -> Path:
    path = Path(value) if isinstance(value, (str, Path)) else None
    if path is None or not path.is_file():
        raise InputRefused(f"{origin}: key_password_file is a file that can be read; got {value!r}")
    return path.resolve()


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "public_url": _public_url,
    "host": _host,
    "port": _port,
    "timezone": _timezone,
    "production": _production,
    "key_password_file": _key_password_file,
}
