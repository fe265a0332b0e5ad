"""The signer process: `python -m passport.signing.signer_process --keys DIR --socket PATH`.

It alone opens key files. Whoever reaches the socket can ask for four things (`public`, `ensure_key`,
`sign_record` or `sign_records`, `sign_note`) and gets a signature only under these rules:

1. header: exactly alg ES256, typ, kid of this operator's key, iat; nothing else;
2. issuer: the DID that the operator's key was bound to when it was made;
3. shape: one of our three record types, a version, a subject, digests; or a status list, or a statement;
4. version: one more than the last one signed for that battery and kind, quoting the last one's digest; the
   same content again gives the same signature, so that an issue cut off by a crash can be finished. Where
   another operator signed the version before, the record carries this operator's own acceptance, which
   quotes that version;
5. rate: a bucket of signatures per operator;
6. checkpoint: the tree proves that it extends the last signed one; it never shrinks, and two roots for one
   size are never signed.

What it must remember for that lies beside the keys in a SQLite file of its own, outside the service's
database: a restored old back-up of the database is caught here. It ends when its standard input closes.
"""

import argparse
import fcntl
import hashlib
import os
import secrets
import signal
import socketserver
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from passport.errors import PassportError, SignerUnavailable, VerificationFailed
from passport.signing import base64url
from passport.signing.encode import TYPES, digest_sri
from passport.signing.handover import accepted_record
from passport.signing.keys import (
    PASSWORD_FILE,
    FileSigner,
    check_operator,
    create_key,
    receive_message,
    send_message,
    socket_address,
)
from passport.signing.log import Checkpoint, parse_checkpoint, verify_consistency
from passport.signing.sign import ALGORITHM, RECORD_TYPE, STATUS_LIST_TYPE, parse_jws
from passport.signing.signer import SignerRefused
from passport.signing.statements import ACCEPTANCE, KINDS, STATEMENT_TYPE, read_statement
from schemas.strict_json import StrictJsonError, loads_own

MEMORY_FILE: Final = "signer.db"
# More than one writer can store; a morning of a large fleet is not slowed, a thief of the socket is.
RATE_PER_S: Final = 5_000.0
BURST: Final = 10_000.0
IDLE_TIMEOUT_S: Final = 30.0
Operation = Callable[[Mapping[str, Any]], dict[str, Any]]
_KINDS: Final = {name: kind.value for kind, name in TYPES.items()}
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS operators (operator TEXT PRIMARY KEY, did TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS versions (
        operator TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL,
        input_sha256 BLOB NOT NULL, jwt_sri TEXT NOT NULL, PRIMARY KEY (operator, subject, kind)) STRICT;
    CREATE TABLE IF NOT EXISTS checkpoints (
        operator TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
"""


class Memory:
    """What was signed last: durable, and outside the service's database."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; it is readable by its owner alone."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # One connection under the caller's lock; requests come on many threads.
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Leave one tidy file behind."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is remembered in the block is durable when it ends; nothing of it when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def did(self, operator: str) -> str | None:
        """The issuer that the operator's key is bound to; None before `bind`."""
        row = self._db.execute("SELECT did FROM operators WHERE operator = ?", (operator,)).fetchone()
        return row[0] if row else None

    def bind(self, operator: str, did: str) -> None:
        """Bind an operator to its issuer, once."""
        self._db.execute("INSERT INTO operators VALUES (?, ?)", (operator, did))

    def last_version(self, operator: str, subject: str, kind: str) -> tuple[int, bytes, str] | None:
        """Number, digest of the signing input, and digest of the last version; None before the first."""
        query = (
            "SELECT version, input_sha256, jwt_sri FROM versions "
            "WHERE operator = ? AND subject = ? AND kind = ?"
        )
        row = self._db.execute(query, (operator, subject, kind)).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def remember_version(self, operator: str, subject: str, kind: str, last: tuple[int, bytes, str]) -> None:
        """Durable before the signature leaves."""
        self._db.execute(
            "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)", (operator, subject, kind, *last)
        )

    def last_checkpoint(self, operator: str) -> Checkpoint | None:
        """The last signed checkpoint; None before the first."""
        query = "SELECT origin, size, root FROM checkpoints WHERE operator = ?"
        row = self._db.execute(query, (operator,)).fetchone()
        return Checkpoint(row[0], row[1], row[2]) if row else None

    def remember_checkpoint(self, operator: str, checkpoint: Checkpoint) -> None:
        """Durable before the signature leaves."""
        self._db.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)",
            (operator, checkpoint.origin, checkpoint.size, checkpoint.root),
        )


class Bucket:
    """So many signatures a second, and a burst of a morning's issue."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Starts full; `clock` counts seconds and never goes back."""
        self._clock = clock
        self._level = BURST
        self._at = clock()

    def take(self) -> None:
        """One signature.

        Raises:
            SignerUnavailable: the bucket is empty for now.
        """
        now = self._clock()
        self._level = min(BURST, self._level + (now - self._at) * RATE_PER_S)
        self._at = now
        if self._level < 1:
            raise SignerUnavailable(f"more than {RATE_PER_S:g} signatures a second; wait and ask again")
        self._level -= 1


class Rules:
    """The four operations and the rules at the top of this file; one request at a time."""

    def __init__(
        self,
        keys_dir: Path,
        password: bytes | None,
        *,
        production: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keys are opened on first use, memory at once."""
        self.keys_dir = keys_dir
        self.memory = Memory(keys_dir / MEMORY_FILE)
        self._password = password
        self._production = production
        self._clock = clock
        self._signers: dict[str, FileSigner] = {}
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()
        self._operations: Mapping[str, Operation] = {
            "public": self._public,
            "ensure_key": self._ensure_key,
            "sign_record": self._sign_record,
            "sign_records": self._sign_records,
            "sign_note": self._sign_note,
        }

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What goes back: the answer, or a sentence.

        `refused` means that this request breaks a rule and always will; `unavailable` means that a key, the
        memory or the rate stands in the way and the same request may be answered later.
        """
        operation = self._operations.get(str(request.get("op")))
        if operation is None:
            return {"refused": f"unknown op {request.get('op')!r}; known: {', '.join(self._operations)}"}
        try:
            with self._lock:
                return _told(operation, request)
        except (sqlite3.Error, OSError) as error:
            return {"unavailable": f"the signer's memory or key folder failed: {error}"}

    def _signer(self, operator: str) -> FileSigner:
        check_operator(operator)
        if operator not in self._signers:
            path = self.keys_dir / f"{operator}.pem"
            if not path.exists():
                raise SignerRefused(f"no key for operator {operator!r}; ensure_key makes one")
            self._signers[operator] = FileSigner(path, self._password, production=self._production)
        return self._signers[operator]

    def _public(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operator = request["operator"]
        signer = self._signer(operator)
        return {
            "jwk": signer.public_jwk,
            "log_key": base64url.encode(signer.log_public_key),
            "did": self.memory.did(operator),
            "checkpoint_size": last.size if (last := self.memory.last_checkpoint(operator)) else None,
        }

    def _ensure_key(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operator, did = check_operator(request["operator"]), request["did"]
        if not (isinstance(did, str) and did.startswith("did:web:")):
            raise SignerRefused(f"an issuer is a did:web, {did!r} came")
        bound = self.memory.did(operator)
        if bound not in (None, did):
            raise SignerRefused(
                f"operator {operator!r} issues as {bound}, not as {did}; public_url does not change"
            )
        if self._production and not self._password:
            raise SignerRefused("production makes no unencrypted keys; give the signer a password file")
        create_key(self.keys_dir / f"{operator}.pem", password=self._password)
        if bound is None:
            self.memory.bind(operator, did)
        return self._public(request)

    def _sign_record(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operator, signing_input = request["operator"], request["input"].encode("ascii")
        signer = self._signer(operator)
        # 1. Header. `parse_jws` wants a third piece; an empty one will do.
        jws = parse_jws(signing_input + b".")
        header = dict(jws.header)
        issued_at, typ = header.pop("iat", None), header.pop("typ", None)
        if header != {"alg": ALGORITHM, "kid": signer.kid} or not _whole(issued_at):
            raise SignerRefused(
                f"the header of a record is alg {ALGORITHM}, kid {signer.kid}, typ, iat; other came"
            )
        payload = loads_own(jws.payload)
        # 2. Issuer.
        did = self.memory.did(operator)
        if did is None or payload.get("issuer") != did:
            raise SignerRefused(
                f"operator {operator!r} issues as {did}, the record says {payload.get('issuer')!r}"
            )
        # 3. Shape, 4. version.
        if typ == RECORD_TYPE:
            place = self._place(operator, payload, signing_input)
        elif (typ == STATUS_LIST_TYPE and "BitstringStatusListCredential" in payload.get("type", ())) or (
            typ == STATEMENT_TYPE and payload.get("type") in KINDS
        ):
            place = None
        else:
            raise SignerRefused(
                f"typ {typ!r} with type {payload.get('type')!r} is nothing that this signer signs"
            )
        # 5. Rate.
        self._buckets.setdefault(operator, Bucket(self._clock)).take()
        signature = signer.sign(signing_input)
        if place:
            jwt = signing_input + b"." + base64url.encode(signature).encode()
            subject, kind, version = place
            last = (version, _sha256(signing_input), digest_sri(jwt))
            self.memory.remember_version(operator, subject, kind, last)
        return {"signature": base64url.encode(signature)}

    def _sign_records(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Each input by itself under the same rules; what is remembered of all of them is one commit."""
        operator, inputs = request["operator"], request["inputs"]
        if not isinstance(inputs, list):
            raise SignerRefused("inputs are a list")
        self._signer(operator)
        with self.memory.together():
            answers = [_told(self._sign_record, {"operator": operator, "input": text}) for text in inputs]
        return {"answers": answers}

    def _place(self, operator: str, payload: Mapping[str, Any], signing_input: bytes) -> tuple[str, str, int]:
        """Battery, kind and version of a record that may be signed now."""
        kind = record_kind(payload)
        subject, version = payload["credentialSubject"]["id"], payload["recordVersion"]
        if not (isinstance(subject, str) and _whole(version) and payload.get("_sd_alg") == "sha-256"):
            raise SignerRefused("a record has a subject, a whole version number, and _sd_alg sha-256")
        last = self.memory.last_version(operator, subject, kind)
        number, input_sha256, jwt_sri = last or (0, b"", "")
        if version == number and input_sha256 == _sha256(signing_input):
            return subject, kind, version
        if version > max(number, 1) and self._taken_over(operator, payload, kind):
            return subject, kind, version
        if version != number + 1:
            raise SignerRefused(
                f"{kind} of {subject}: version {number} was signed last, {version} cannot follow"
            )
        quoted = [
            item.get("digestSRI") for item in payload.get("relatedResource", []) if "relation" not in item
        ]
        if quoted != ([jwt_sri] if last else []):
            raise SignerRefused(
                f"{kind} of {subject}: version {version} does not quote version {number} as signed"
            )
        return subject, kind, version

    def _taken_over(self, operator: str, payload: Mapping[str, Any], kind: str) -> bool:
        """Whether the version before is another's, and this operator accepted responsibility after it."""
        acts = payload.get("handovers")
        if not acts:
            return False
        did = str(self.memory.did(operator))
        keys = [self._signer(operator).public_jwk]
        acceptance = read_statement(acts[-1]["acceptance"].encode(), ACCEPTANCE, issuer_did=did, keys=keys)
        before = [item for item in payload.get("relatedResource", []) if "relation" not in item]
        return (
            acceptance.get("battery") == payload["credentialSubject"]["id"]
            and acceptance.get("offer") == digest_sri(acts[-1]["offer"].encode())
            and len(before) == 1
            and accepted_record(acceptance, kind) == before[0].get("digestSRI")
        )

    def _sign_note(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operator, text = request["operator"], request["text"].encode()
        signer = self._signer(operator)
        checkpoint = parse_checkpoint(text)
        proof = [base64url.decode(node) for node in request.get("consistency", [])]
        last = self.memory.last_checkpoint(operator)
        if last is not None:
            if checkpoint.origin != last.origin:
                raise SignerRefused(f"the log of {operator!r} is {last.origin}, not {checkpoint.origin}")
            verify_consistency(last.size, checkpoint.size, proof, last.root, checkpoint.root)
        if checkpoint != last:
            self.memory.remember_checkpoint(operator, checkpoint)
        return {"note": signer.sign_note(text).decode()}


def _told(operation: Operation, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of one operation, or the sentence of what stands in its way.

    Trouble with memory and files goes up: nothing of what was asked together may leave then.
    """
    try:
        return operation(request)
    except PassportError as error:
        later = isinstance(error, SignerUnavailable) and not isinstance(error, SignerRefused)
        return {"unavailable" if later else "refused": str(error)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"refused": f"malformed request: {type(error).__name__} {error}"}


def record_kind(payload: Mapping[str, Any]) -> str:
    """Which of our three records a payload is.

    Raises:
        SignerRefused: none of them.
    """
    types = payload.get("type")
    if not (isinstance(types, list) and len(types) == 2 and types[0] == "VerifiableCredential"):
        raise SignerRefused(f"a record has two types, VerifiableCredential first; {types!r} came")
    kind = _KINDS.get(types[1])
    if kind is None:
        raise SignerRefused(f"a record is one of {', '.join(_KINDS)}; {types[1]!r} came")
    return kind


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread per connection; a connection may ask several times."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, rules: Rules) -> None:
        """Listen at an address that nobody listens at."""
        self.rules = rules
        super().__init__(address, _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """One line on standard error; the connection is closed, the process goes on."""
        print(f"signer: {sys.exc_info()[1]!r} on a connection", file=sys.stderr)
        del request, client_address


class _Connection(socketserver.BaseRequestHandler):
    """Requests of one client, one after the other."""

    server: Server

    def handle(self) -> None:
        """Answer until the client closes, falls silent, or sends what is no message."""
        self.request.settimeout(IDLE_TIMEOUT_S)
        with suppress(TimeoutError, ConnectionError):
            while True:
                try:
                    request = receive_message(self.request)
                except StrictJsonError as error:
                    send_message(self.request, {"refused": f"no message: {error}"})
                    return
                if request is None:
                    return
                send_message(self.request, self.server.rules.answer(request))


def _password(keys_dir: Path, password_file: Path | None, *, production: bool) -> bytes:
    """The password of the key files; made up and stored beside them on a trial installation.

    Raises:
        SignerUnavailable: missing, empty, readable by others, or beside the keys in production.
    """
    path = password_file or keys_dir / PASSWORD_FILE
    if production and (password_file is None or path.resolve().parent == keys_dir.resolve()):
        raise SignerUnavailable("production wants the password file outside the key folder")
    if password_file is None and not path.exists():
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
    try:
        mode, password = path.stat().st_mode & 0o777, path.read_bytes().strip()
    except OSError as error:
        raise SignerUnavailable(f"the password file {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SignerUnavailable(f"the password file {path} can be read by others; run chmod 600 on it")
    if not password:
        raise SignerUnavailable(f"the password file {path} is empty")
    return password


def serve(
    keys_dir: Path, socket_path: Path, password_file: Path | None = None, *, production: bool = False
) -> None:
    """Listen until standard input closes or a signal ends the process; says `ready` on standard output.

    Raises:
        SignerUnavailable: another signer listens there, or the password cannot be read.
    """
    # Whatever is created from here on belongs to its owner alone.
    os.umask(0o077)
    for folder in (keys_dir, socket_path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _only_one(keys_dir)
    password = _password(keys_dir, password_file, production=production)
    rules = Rules(keys_dir, password, production=production)
    socket_path.unlink(missing_ok=True)
    with socket_address(socket_path) as address, Server(address, rules) as server:
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print("ready", flush=True)
        server.serve_forever(poll_interval=0.1)
    socket_path.unlink(missing_ok=True)
    rules.memory.close()
    os.close(lock)


def _only_one(keys_dir: Path) -> int:
    """A lock on the key folder, held until the process ends: two signers could sign two heads of one log."""
    descriptor = os.open(keys_dir / "signer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SignerUnavailable(f"another signer already uses the keys in {keys_dir}") from error
    return descriptor


def _end_with_parent(server: Server) -> None:
    """The parent holds the other end of standard input; when it dies, reading ends."""
    while os.read(0, 4096):
        pass
    server.shutdown()


def main() -> int:
    """Serve with what the command line says; 1 with one sentence when it cannot start."""
    parser = argparse.ArgumentParser(description="Holds the keys and signs under its own rules.")
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--production", action="store_true")
    arguments = parser.parse_args()
    try:
        serve(arguments.keys, arguments.socket, arguments.password_file, production=arguments.production)
    except (SignerUnavailable, VerificationFailed, OSError, sqlite3.Error) as error:
        print(str(error).replace("\n", " "), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
