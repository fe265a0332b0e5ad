"""Answers over HTTP: a device's, a gateway's or a cloud's; `GET` and nothing else.

Rules that hold here:

1. A device is only read: no other method is ever sent, and no body.
2. Tokens and headers come from files, are read when the line is opened, and stand in no message.
3. A redirection is followed on the same scheme, host and port alone: the token would travel with it.
4. Certificates are checked, by the machine's authorities or by those of one file.
5. An answer has a limit and a deadline, and is asked for unpacked.
6. What has not changed since (`ETag`, 304) is not sent again.

Source: RFC 9110 (conditional requests in section 13, redirection in 15.4).
"""

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ingest.errors import TransportFailed
from ingest.transports.base import Access, Answer, FetchLine

if TYPE_CHECKING:
    import httpx

LARGEST_BYTES: Final = 1024 * 1024
REDIRECTIONS: Final = 3
_LARGEST_FILE: Final = 65_536
TIMEOUT_S: Final = 10.0
DEADLINE_S: Final = 30.0
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?")
# What the request is made of is not the user's to say.
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_ADVICE: Final = {
    401: "who asks is not known; name a token_file or headers_file, or renew what it holds",
    403: "who asks may not read this",
    404: "there is nothing under this path",
    405: "this path cannot be read with GET, and nothing else is sent",
    429: "it is asked too often; give it a longer interval",
}


class HttpLine(FetchLine):
    """One address that is asked again and again; see the module."""

    def __init__(
        self,
        url: str,
        access: Access,
        *,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: what is asked for.
            access: files that the request needs.
            timeout_s: of each step: to connect, and from one piece of the answer to the next.
            deadline_s: of the whole answer.

        Raises:
            TransportFailed: a file of `access` cannot be read, or does not hold what it should.
        """
        import httpx

        self.address = url
        self._httpx = httpx
        self._deadline_s = deadline_s
        self._stream: Any = None
        self._client = httpx.Client(
            headers=_headers(url, access),
            verify=_authorities(url, access),
            timeout=timeout_s,
            follow_redirects=False,
            # A proxy that the machine is set to stands between it and the world, not before what is near.
            trust_env=not _is_near(urlsplit(url).hostname or ""),
        )

    def fetch(self, known: str | None) -> Answer | None:
        """See `FetchLine`."""
        headers = {} if known is None else {"If-None-Match": known}
        late = threading.Event()
        # A step has its time-out; who sends a byte now and then would keep all of them for ever.
        watch = threading.Timer(self._deadline_s, self._break_off, (late,))
        watch.daemon = True
        watch.start()
        try:
            return self._fetched(headers)
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            why = "the answer did not end in time" if late.is_set() else _why_not(error)
            raise TransportFailed(f"{self.address}: {why}") from error
        finally:
            watch.cancel()

    def _fetched(self, headers: Mapping[str, str]) -> Answer | None:
        asked = self._httpx.URL(self.address)
        for _ in range(REDIRECTIONS + 1):
            with self._client.stream(
                "GET", asked, headers=headers, extensions={"trace": self._connected}
            ) as response:
                if response.status_code == 304 and headers:
                    return None
                if not response.has_redirect_location:
                    return self._answer(response)
                asked = self._elsewhere(asked, response)
        raise TransportFailed(f"{self.address}: redirects more than {REDIRECTIONS} times")

    def _connected(self, event: str, told: Mapping[str, Any]) -> None:
        """Remember the connection, so that it can be broken off."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = told["return_value"]

    def _break_off(self, late: threading.Event) -> None:
        """End the connection under whoever reads from it."""
        late.set()
        if self._stream is None:
            return
        # A copy of the descriptor: the object itself belongs to the thread that reads.
        with suppress(OSError, ValueError):
            number = self._stream.get_extra_info("socket").fileno()
            with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as line:
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _answer(self, response: "httpx.Response") -> Answer:
        """The body, by rule 5."""
        status = response.status_code
        if status != 200:
            advice = _ADVICE.get(status, "it cannot answer now" if status >= 500 else "expected 200")
            raise TransportFailed(f"{self.address}: answered {status}: {advice}")
        if (packed := response.headers.get("content-encoding", "identity")) != "identity":
            raise TransportFailed(
                f"{self.address}: answered packed as {packed[:40]!r}, although it was asked not to"
            )
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > LARGEST_BYTES:
                raise TransportFailed(f"{self.address}: answered more than {LARGEST_BYTES} bytes")
        etag = response.headers.get("etag", "")
        return Answer(bytes(body), etag if _VALUE.fullmatch(etag) else None)

    def _elsewhere(self, asked: "httpx.URL", response: "httpx.Response") -> "httpx.URL":
        """Where a redirection leads, by rule 3."""
        target = asked.join(response.headers["location"])
        if (target.scheme, target.host, target.port) != (asked.scheme, asked.host, asked.port):
            raise TransportFailed(
                f"{self.address}: redirects ({response.status_code}) to {target.scheme}://"
                f"{target.netloc.decode('ascii', 'replace')[:100]}; that is not followed."
                " If it has moved, change the address"
            )
        return target


def _headers(url: str, access: Access) -> dict[str, str]:
    """What each request carries, by rule 2."""
    out = {"Accept": "application/json, text/csv", "Accept-Encoding": "identity", "User-Agent": "cellpass"}
    if access.headers_file is not None:
        for number, line in enumerate(_text(url, access.headers_file).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, colon, value = line.partition(":")
            where = f"{url}: headers_file {access.headers_file}, line {number}"
            if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value.strip()):
                raise TransportFailed(f"{where}: expected `Name: value` in ASCII")
            if name.lower() in _OURS:
                raise TransportFailed(f"{where}: {name} is not for the file to say")
            out = {known: said for known, said in out.items() if known.lower() != name.lower()}
            out[name] = value.strip()
    if access.token_file is not None:
        token = _text(url, access.token_file).strip()
        if not _VALUE.fullmatch(token) or " " in token:
            raise TransportFailed(
                f"{url}: token_file {access.token_file}: expected one word of ASCII on one line"
            )
        out["Authorization"] = f"Bearer {token}"
    return out


def _text(url: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        text = data.decode("ascii")
    except OSError as error:
        raise TransportFailed(f"{url}: {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        # The error itself would show what stands in the file.
        raise TransportFailed(f"{url}: {path}: expected ASCII") from None
    if len(data) > _LARGEST_FILE:
        raise TransportFailed(f"{url}: {path}: expected at most {_LARGEST_FILE} bytes")
    return text


def _authorities(url: str, access: Access) -> ssl.SSLContext:
    """Rule 4."""
    try:
        return ssl.create_default_context(cafile=access.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise TransportFailed(
            f"{url}: ca_file {access.ca_file} cannot be used: {error.strerror or error}; expected PEM"
        ) from error


def _is_near(host: str) -> bool:
    """Whether the host is this machine or one of its own network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".home.arpa"))
    return address.is_private or address.is_loopback or address.is_link_local


def _why_not(error: Exception) -> str:
    """What to check."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted: {cause.verify_message}; if the device has an authority of"
                " its own, name the authority's certificate as ca_file"
            )
        cause = cause.__cause__ or cause.__context__
    text = str(error) or type(error).__name__
    return f"no answer: {text}; check the address, and that the device is on"
