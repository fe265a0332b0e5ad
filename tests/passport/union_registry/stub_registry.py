"""A registry of product passports on loopback: RegisterProductDPP in several dialects, failures on demand.

Its paths for proofs, look-ups and submissions are its own: no text publishes any.
"""

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PATHS = {
    "proof_path": "/proofs/{registrationId}",
    "lookup_path": "/registrations?product={uniqueProductIdentifier}",
    "submission_path": "/submissions/{correlationId}",
}
Fault = Callable[["Handler"], bool]
"""Answers in place of the registry and says whether that was all; False lets the registry go on silently."""


class StubRegistry:
    """What the registry holds and how it speaks.

    Attributes:
        dialect: "bare", "wrapper", "draft" (a draft's names) or "words" (HTTP 200, the word says the rest).
        twice: what a second registration of a product gets: "conflict" names the identifier, "bare conflict"
            does not, "same" repeats the first answer, "key" knows a request again by its key alone and makes
            a new registration otherwise.
        examines: answers 202 and registers when `decide` is called.
        registrations: product and identifier, in order; a product that stands there twice is a disaster.
        faults: one for each coming request, in order.
        requests: method, path, headers and body of everything that arrived.
        hash_of: what a proof says of the product; None leaves the hash out.
    """

    def __init__(self) -> None:
        self.dialect, self.twice, self.examines = "bare", "conflict", False
        self.registrations: list[tuple[str, str]] = []
        self.keys: dict[str, str] = {}
        self.submissions: dict[str, str] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.hash_of: Callable[[str], bytes] | None = None
        self.proofs: dict[str, tuple[bytes, str]] = {}
        self.url = ""

    def identifiers(self, product: str) -> list[str]:
        return [identifier for one, identifier in self.registrations if one == product]

    def decide(self) -> None:
        """Every examined passport is found in order."""
        for product in self.submissions.values():
            if not self.identifiers(product):
                self._add(product)

    def _add(self, product: str) -> str:
        identifier = f"EU-REG-{len(self.registrations) + 1:04}"
        self.registrations.append((product, identifier))
        return identifier

    # --- answers: status, body

    def register(self, entry: dict[str, Any], key: str) -> tuple[int, Any]:
        missing = [name for name in NEEDED if not entry.get(name)]
        if missing:
            return self.failure(400, f"missing: {', '.join(missing)}")
        product = entry["uniqueProductIdentifier"]
        known = self.identifiers(product)
        if known and (self.twice != "key" or self.keys.get(key) == product):
            if self.twice == "same":
                return self.success(200, known[0])
            if self.twice == "bare conflict":
                return self.failure(409, "CONFLICT_IDEMPOTENCY_KEY_ALREADY_USED")
            if self.twice == "key":
                return self.success(200, known[0])
            return self.failure(409, "already registered", registrationId=known[0])
        self.keys[key] = product
        if self.examines:
            correlation = f"c-{len(self.submissions) + 1}"
            self.submissions[correlation] = product
            return 202, {"statusCode": "SuccessAccepted", "correlationId": correlation}
        return self.success(201, self._add(product))

    def success(self, status: int, identifier: str) -> tuple[int, Any]:
        word = {200: "Success", 201: "SuccessCreated"}[status]
        if self.dialect == "draft":
            return status, {"statusCode": word, "registryIdentifier": identifier}
        if self.dialect in {"wrapper", "words"}:
            status = 200 if self.dialect == "words" else status
            return status, {"statusCode": word, "payload": {"registrationId": identifier}}
        return status, {"registrationId": identifier}

    def failure(self, status: int, text: str, **more: str) -> tuple[int, Any]:
        word = {400: "ClientErrorBadRequest", 409: "ClientResourceConflict"}[status]
        if self.dialect == "wrapper":
            return status, {
                "statusCode": word,
                "messages": [{"messageType": "Error", "text": text}],
                "payload": more,
            }
        if self.dialect == "words":
            return 200, {
                "statusCode": word,
                "message": [{"messageType": "Error", "text": text}],
                "payload": more,
            }
        return status, {"title": word, "detail": text, **more}

    def get(self, path: str) -> tuple[int, Any]:
        parts = urlsplit(path)
        first, _, name = parts.path[1:].partition("/")
        name = unquote(name)
        if first == "proofs":
            if name in self.proofs:
                return 200, self.proofs[name]
            products = [product for product, identifier in self.registrations if identifier == name]
            return (200, self.proof(products[0], name)) if products else (404, {})
        if first == "registrations":
            found = self.identifiers(parse_qs(parts.query)["product"][0])
            return self.success(200, found[0]) if found else (404, {"detail": "none"})
        if first == "submissions":
            found = self.identifiers(self.submissions[name])
            return self.success(200, found[0]) if found else (200, {"status": "being examined"})
        return 404, {"detail": "no such operation"}

    def proof(self, product: str, identifier: str) -> dict[str, str]:
        told = {"registrationId": identifier, "uniqueProductIdentifier": product}
        if self.hash_of is not None:
            told["hash"] = sha256(self.hash_of(product)).hexdigest()
        return told


NEEDED = (
    "uniqueProductIdentifier",
    "digitalProductPassportId",
    "uniqueEconomicOperatorIdentifier",
    "dppApiEndpoint",
)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    registry: StubRegistry
    silent = False

    def _arrived(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.registry.requests.append((self.command, self.path, dict(self.headers), body))
        return body

    def do_POST(self) -> None:
        body = self._arrived()
        if self.registry.faults and self.registry.faults.popleft()(self):
            return
        if self.path != "/v1/registerDPP":
            self.answer(404, {"detail": "no such operation"})
            return
        self.answer(*self.registry.register(json.loads(body), self.headers.get("idempotency-key", "")))

    def do_GET(self) -> None:
        self._arrived()
        if self.registry.faults and self.registry.faults.popleft()(self):
            return
        self.answer(*self.registry.get(self.path))

    def answer(self, status: int, body: Any, **headers: str) -> None:
        if self.silent:
            self.close_connection = True
            return
        media_type = "application/json"
        if isinstance(body, tuple):
            data, media_type = body
        else:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


# --- faults


def answering(status: int, body: Any = None, **headers: str) -> Fault:
    """The registry does nothing and answers that."""

    def fault(handler: Handler) -> bool:
        handler.answer(status, {"title": f"fault {status}"} if body is None else body, **headers)
        return True

    return fault


def losing_the_answer(handler: Handler) -> bool:
    """The registry does its work, and the connection breaks before it can say so."""
    handler.silent = True
    return False


def breaking(handler: Handler) -> bool:
    """The connection breaks before anything was done."""
    handler.close_connection = True
    return True


def sleeping(seconds: float) -> Fault:
    """The registry does its work and is late with the answer."""

    def fault(handler: Handler) -> bool:
        handler.silent = True
        time.sleep(seconds)
        return False

    return fault


def endless(handler: Handler) -> bool:
    """An answer that does not stop."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    block = b" " * 65_536
    try:
        for _ in range(1000):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
    except OSError:
        pass
    handler.close_connection = True
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """A client that left is no news."""


@contextmanager
def running(tls: ssl.SSLContext | None = None):
    """A registry that answers at `registry.url` until the block ends."""
    registry = StubRegistry()
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"registry": registry}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if tls is None else "https"
    registry.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
