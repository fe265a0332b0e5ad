"""Asks the Union's registry over HTTP, with care: bounded answers, bounded waiting, no other host.

1. Certificates are checked; a client certificate and a bearer token are read from files of their own.
2. A redirection is followed on the same scheme, host and port only, as the token would travel with it.
3. What certainly did not arrive (no connection) and what the registry asks to repeat (429, 500, 502, 503,
   504) is asked again, after `Retry-After` where it names a time. A registration whose answer was lost is
   not: nobody knows what became of it, and the next run sends the same request under the same key.
4. An answer longer than its limit, or slower than its deadline, is left.

How the registry recognises a caller is not published beyond the qualified seal or attestation with which an
operator is verified (Implementing Regulation (EU) 2026/1778 Art. 4); token and certificate are unproven
against it.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from passport.errors import InputRefused, RegistryRefused, RegistryUnavailable
from passport.settings import RegistrySettings
from passport.union_registry import wire

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

LIMIT_BYTES: Final = 1_048_576
PROOF_LIMIT_BYTES: Final = 16 * 1_048_576
TRIES: Final = 4
BACK_OFF_S: Final = 1.0
LONGEST_WAIT_S: Final = 120.0
REDIRECTIONS: Final = 3
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_NO_VERDICT: Final = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    body: bytes
    media_type: str


class RegistryClient:
    """One connection to one registry; to be used in a `with` block."""

    def __init__(
        self,
        settings: RegistrySettings,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody is contacted yet.

        Args:
            settings: section `[registry]`.
            now: the time, for a `Retry-After` that names a day.
            sleep: waits.
            monotonic: seconds, for deadlines.

        Raises:
            InputRefused: a secret's file cannot be read, or is none.
        """
        import httpx

        self._httpx = httpx
        self.settings = settings
        self._now, self._sleep, self._monotonic = now, sleep, monotonic
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "cellpass"}
        if settings.token_file is not None:
            headers["Authorization"] = f"Bearer {_token(settings)}"
        self._client = httpx.Client(
            headers=headers,
            verify=_tls(settings),
            timeout=settings.timeout_s,
            follow_redirects=False,
            # A proxy that the machine is set to stands between it and the world, not between it and itself.
            trust_env=not settings.is_here,
        )

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._client.close()

    # ----------------------------------------------------------------------------------------- operations

    def register(self, body: bytes, *, key: str, product: str) -> wire.Answer:
        """The answer to RegisterProductDPP.

        Raises:
            RegistryUnavailable: no answer, or none that can be read; what became of it is not known.
            RegistryRefused: whoever asks is not let in, or there is no such operation.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        reply = self._ask("POST", self.settings.register_path, headers=headers, content=body)
        answer = wire.read(reply.status, reply.body, product=product)
        if answer.kind in {wire.Kind.DENIED, wire.Kind.UNKNOWN}:
            raise self._denied(answer, "register_path")
        if answer.status in _NO_VERDICT or answer.status >= 500:
            raise RegistryUnavailable(
                f"{self.settings.url} answered {answer.status}: {answer.words or 'no word'}; whether the"
                " battery is registered is not known; run the command again later"
            )
        return answer

    def look_up(self, names: Mapping[str, str]) -> wire.Answer | None:
        """What the registry has of a product; None when it has nothing, or `lookup_path` is not set.

        Raises:
            RegistryUnavailable: no answer, or none that can be read.
            RegistryRefused: whoever asks is not let in, or the operation is refused.
        """
        return self._get(self.settings.lookup_path, names, "lookup_path")

    def submission(self, names: Mapping[str, str]) -> wire.Answer | None:
        """How far the examination of a submission is; None when `submission_path` is not set.

        Raises:
            RegistryUnavailable: no answer, or none that can be read.
            RegistryRefused: whoever asks is not let in, or the operation is refused.
        """
        return self._get(self.settings.submission_path, names, "submission_path", examined=True)

    def _get(
        self, path: str | None, names: Mapping[str, str], setting: str, *, examined: bool = False
    ) -> wire.Answer | None:
        if path is None or (filled := _filled(path, names)) is None:
            return None
        reply = self._ask("GET", filled)
        product = names[wire.PRODUCT_MEMBER]
        answer = wire.read(reply.status, reply.body, product=product, examined=examined)
        if answer.kind is wire.Kind.UNKNOWN:
            return None
        if answer.status >= 300:
            raise self._denied(answer, setting)
        return answer

    def proof(self, names: Mapping[str, str]) -> tuple[bytes, str] | None:
        """The proof of a registration and its media type; None when the registry has none (any more).

        Raises:
            InputRefused: `proof_path` is not set.
            RegistryUnavailable: no answer.
            RegistryRefused: the registry said no.
        """
        path = self.settings.proof_path
        filled = _filled(path, names) if path is not None else None
        if filled is None:
            raise InputRefused(
                "[registry] proof_path is not set, and no text publishes where a proof is fetched; archive"
                " one that was downloaded by hand: cellpass register proofs BATTERY --file PROOF"
            )
        reply = self._ask("GET", filled, headers={"Accept": "*/*"}, limit=PROOF_LIMIT_BYTES)
        if reply.status in {404, 410}:
            return None
        if reply.status >= 300:
            answer = wire.read(reply.status, reply.body, product=names[wire.PRODUCT_MEMBER])
            raise self._denied(answer, "proof_path")
        if not reply.body:
            raise RegistryUnavailable("the registry gave an empty proof; nothing was archived")
        return reply.body, reply.media_type

    def _denied(self, answer: wire.Answer, setting: str) -> RegistryRefused:
        said = f": {answer.words}" if answer.words else ""
        advice = (
            "look at token_file and client_certificate, and whether the operator is verified"
            if answer.status in {401, 403}
            else f"look at [registry] url and {setting}"
        )
        return RegistryRefused(f"{self.settings.url} answered {answer.status}{said}; {advice}")

    # ----------------------------------------------------------------------------------------- the request

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit: int = LIMIT_BYTES,
    ) -> Reply:
        """The answer, after as many tries as rule 3 allows."""
        url = self.settings.url + path
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                reply, wait = self._once(method, url, headers=headers or {}, content=content, limit=limit)
            except (self._httpx.ConnectError, self._httpx.ConnectTimeout) as error:
                if last or _is_tls(error):
                    raise RegistryUnavailable(
                        f"{self.settings.url} cannot be reached: {_reason(error)}; nothing was sent"
                    ) from error
                wait = None
            except self._httpx.TransportError as error:
                if _is_alert(error):
                    raise RegistryRefused(
                        f"{self.settings.url} broke off the handshake ({_reason(error)}); it asks for a"
                        " client_certificate, or for another one"
                    ) from error
                if last or method != "GET":
                    raise RegistryUnavailable(_lost(self.settings.url, method, error)) from error
                wait = None
            else:
                if reply.status not in _AGAIN:
                    return reply
                if last or (wait or 0.0) > LONGEST_WAIT_S:
                    raise RegistryUnavailable(self._exhausted(reply, wait))
            pause = max(wait or 0.0, BACK_OFF_S * 2**attempt)
            _log.info("%s will be asked again in %.0f s", self.settings.url, pause)
            self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _exhausted(self, reply: Reply, wait: float | None) -> str:
        try:
            words = wire.read(reply.status, reply.body, product="").words
        except wire.AnswerNotUnderstood:
            words = ""
        when = f"; it asks to be left alone for {wait:.0f} s" if wait else ""
        said = f": {words}" if words else ""
        return f"{self.settings.url} answered {reply.status}{said}{when}; run the command again later"

    def _once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        limit: int,
    ) -> tuple[Reply, float | None]:
        """One answer, redirections on the same host included, and how long it asks to wait."""
        asked = self._httpx.URL(url)
        for _ in range(REDIRECTIONS + 1):
            with self._client.stream(method, asked, headers=dict(headers), content=content) as response:
                if not response.is_redirect:
                    body = self._body(response, limit)
                    media_type = response.headers.get("content-type", "application/octet-stream")
                    wait = self._wait(response.headers.get("retry-after"))
                    return Reply(response.status_code, body, media_type[:200]), wait
                asked = self._elsewhere(method, asked, response)
        raise RegistryUnavailable(f"{self.settings.url} redirects more than {REDIRECTIONS} times")

    def _elsewhere(self, method: str, asked: "httpx.URL", response: "httpx.Response") -> "httpx.URL":
        """Where a redirection leads, by rule 2."""
        try:
            target = asked.join(response.headers.get("location", ""))
        except (self._httpx.InvalidURL, ValueError) as error:
            raise RegistryUnavailable(f"{self.settings.url} redirects to what is no address") from error
        same = (target.scheme, target.host, target.port) == (asked.scheme, asked.host, asked.port)
        if not same or (method != "GET" and response.status_code not in {307, 308}):
            raise RegistryUnavailable(
                f"{self.settings.url} redirects ({response.status_code}) to {target.scheme}://{target.host};"
                " that is not followed, as the request and its secrets would travel there."
                " If the registry has moved, change [registry] url."
            )
        return target

    def _body(self, response: "httpx.Response", limit: int) -> bytes:
        """The body, by rule 4."""
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RegistryUnavailable(
                f"{self.settings.url} answered packed as {response.headers['content-encoding'][:40]!r},"
                " although it was asked not to; the answer was left"
            )
        deadline = self._monotonic() + 4 * self.settings.timeout_s
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > limit:
                raise RegistryUnavailable(
                    f"{self.settings.url} answered more than {limit} bytes; the answer was left"
                )
            if self._monotonic() > deadline:
                raise self._httpx.ReadTimeout("the answer took too long", request=response.request)
        return bytes(body)

    def _wait(self, text: str | None) -> float | None:
        """Seconds that `Retry-After` asks for; None when it asks for nothing that can be read."""
        if text is None:
            return None
        if text.strip().isascii() and text.strip().isdigit():
            return float(min(int(text.strip()[:9]), 86_400 * 366))
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self._now()).total_seconds())


def _filled(path: str, names: Mapping[str, str]) -> str | None:
    """The path with names in their places, percent-encoded; None when one that it needs is not known."""
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return None if "{" in path else path


def _lost(url: str, method: str, error: Exception) -> str:
    if method == "GET":
        return f"{url} gave no answer: {_reason(error)}"
    return (
        f"{url} took the request and its answer was lost: {_reason(error)}. Whether the battery is registered"
        " is not known; run the command again: it sends the same request under the same key."
    )


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_tls(error: BaseException | None) -> bool:
    """Whether the other side's certificate, or ours, is the trouble; asking again does not mend that."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_alert(error: BaseException) -> bool:
    """Whether the other side ended the handshake, so that it took no request: TLS 1.3 says so late."""
    return _is_tls(error) and "ALERT" in str(error)


def _token(settings: RegistrySettings) -> str:
    path = settings.token_file
    assert path is not None
    try:
        with path.open("rb") as file:
            token = file.read(65_537).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"[registry] token_file {path} cannot be read: {_reason(error)}") from error
    if not 0 < len(token) <= 65_536 or not token.isprintable() or " " in token:
        raise InputRefused(f"[registry] token_file {path} holds no token: expected one word on one line")
    return token


def _tls(settings: RegistrySettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.client_certificate is not None:
        try:
            # A key that asks for a password would wait for a person; here it is refused.
            context.load_cert_chain(settings.client_certificate, settings.client_key, password="")
        except (OSError, ssl.SSLError, ValueError) as error:
            raise InputRefused(
                f"[registry] client_certificate {settings.client_certificate} cannot be used:"
                f" {_reason(error)}; expected PEM, certificate first, key without password"
            ) from error
    return context
