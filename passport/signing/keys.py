"""Key files, the signer in this process, and the signer in a process of its own.

An operator has two keys in one folder, both encrypted PKCS#8 files that only their owner can read:
`{operator}.pem` (P-256) signs records, `{operator}-log.pem` (Ed25519) signs the checkpoints of its log. In
production only the signer process opens them; everybody else holds a `RemoteSigner`, which knows a socket.
"""

import os
import re
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from passport.errors import SignerUnavailable
from passport.signing import base64url
from passport.signing.log import assemble_note
from passport.signing.sign import thumbprint
from passport.signing.signer import Signer, SignerRefused
from schemas.strict_json import StrictJsonError, loads_own

__all__ = [
    "FileSigner",
    "RecordKey",
    "RemoteSigner",
    "Signer",
    "SignerProcess",
    "SignerRefused",
    "create_key",
    "create_record_key",
]

OPERATOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
PASSWORD_FILE: Final = "password"  # noqa: S105 - the name of a file
MAX_MESSAGE_BYTES: Final = 1_048_576
MOST_SIGNED_BYTES: Final = 524_288  # of signing inputs in one message
TIMEOUT_S: Final = 10.0
# sun_path of sockaddr_un holds 108 bytes with its closing zero (unix(7)).
_LONGEST_SOCKET_PATH: Final = 100
_LENGTH: Final = struct.Struct(">I")


def check_operator(operator: str) -> str:
    """The operator's short name, which is also a file name and a part of a DID.

    Raises:
        ValueError: other characters, or the ending that names log keys.
    """
    if not OPERATOR.match(operator) or operator.endswith("-log"):
        raise ValueError(f"an operator's name is a-z, 0-9 and -, not ending in -log; {operator!r} came")
    return operator


def log_path(path: Path) -> Path:
    """Where the log key lies beside a record key."""
    return path.with_name(f"{path.stem}-log.pem")


def create_key(path: Path, *, password: bytes | None) -> None:
    """Make what is missing of an operator's two keys: the record key at `path` and the log key beside it.

    Files are complete or absent, readable by their owner alone, and never overwritten.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for target, key in (
        (path, ec.generate_private_key(ec.SECP256R1())),
        (log_path(path), ed25519.Ed25519PrivateKey.generate()),
    ):
        if not target.exists():
            _write_new(target, _pem(key, password))


def create_record_key(path: Path, *, password: bytes | None) -> None:
    """Make one P-256 key file, for a person who signs statements; an existing file stays as it is."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_new(path, _pem(ec.generate_private_key(ec.SECP256R1()), password))


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None) -> bytes:
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _write_new(target: Path, data: bytes) -> None:
    """The whole file, durable, or none; the first of two writers wins."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, target)
    finally:
        draft.unlink()
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path, password: bytes | None, *, production: bool) -> Any:
    """The private key in a file that nobody else can read.

    Raises:
        SignerUnavailable: missing, readable by others, unencrypted in production, or not to be opened.
    """
    try:
        mode = path.stat().st_mode & 0o777
        data = path.read_bytes()
    except OSError as error:
        raise SignerUnavailable(f"the key file {path.name} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SignerUnavailable(
            f"the key file {path.name} can be read by others (mode {mode:04o}); run chmod 600 on it"
        )
    encrypted = b"ENCRYPTED" in data
    if production and not encrypted:
        raise SignerUnavailable(f"the key file {path.name} is not encrypted; production refuses it")
    try:
        return serialization.load_pem_private_key(data, password if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignerUnavailable(f"the key file {path.name} does not open with the given password") from error


@cache
def _es256() -> ec.ECDSA:
    """Made once: asking the library whether it knows RFC 6979 costs as much as a signature."""
    return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class RecordKey:
    """One P-256 key in a file, such as an inspector's own: signs statements, and keeps no log."""

    def __init__(self, path: Path, password: bytes | None = None, *, production: bool = False) -> None:
        """Open the key file.

        Raises:
            SignerUnavailable: it is missing, readable by others, no P-256 key, or does not open.
        """
        key = _load(path, password, production=production)
        if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
            raise SignerUnavailable(f"the key file {path.name} holds no P-256 key")
        self._key = key
        numbers = key.public_key().public_numbers()
        point = {name: base64url.encode(n.to_bytes(32)) for name, n in (("x", numbers.x), ("y", numbers.y))}
        self.kid = thumbprint({"kty": "EC", "crv": "P-256", **point})
        self.public_jwk = {
            "kty": "EC",
            "crv": "P-256",
            **point,
            "kid": self.kid,
            "alg": "ES256",
            "use": "sig",
        }

    def sign(self, signing_input: bytes) -> bytes:
        """ES256 with the nonce of RFC 6979: the same input gives the same signature."""
        der = self._key.sign(signing_input, _es256())
        r, s = decode_dss_signature(der)
        return r.to_bytes(32) + s.to_bytes(32)

    def sign_many(self, signing_inputs: Sequence[bytes]) -> list[bytes | SignerUnavailable]:
        """Each by itself."""
        signed: list[bytes | SignerUnavailable] = []
        for signing_input in signing_inputs:
            try:
                signed.append(self.sign(signing_input))
            except SignerUnavailable as error:
                signed.append(error)
        return signed


class FileSigner(RecordKey):
    """The signer in this process: for tests, trials, and inside the signer process."""

    def __init__(self, path: Path, password: bytes | None = None, *, production: bool = False) -> None:
        """Open both keys of the operator whose record key lies at `path`.

        Raises:
            SignerUnavailable: a key file is missing, readable by others, or does not open.
        """
        super().__init__(path, password, production=production)
        log_key = _load(log_path(path), password, production=production)
        if not isinstance(log_key, ed25519.Ed25519PrivateKey):
            raise SignerUnavailable(f"the key file {log_path(path).name} holds no Ed25519 key")
        self._log_key = log_key
        self.log_public_key = log_key.public_key().public_bytes_raw()

    def checkpoint_size(self) -> int | None:
        """None: this signer remembers nothing."""
        return None

    def sign_note(self, text: bytes, consistency: Sequence[bytes] = ()) -> bytes:  # noqa: ARG002 - remembers nothing
        """The note over a checkpoint; this signer has no memory, so it cannot refuse a fork."""
        return assemble_note(text, self.log_public_key, self._log_key.sign(text))


class RemoteSigner:
    """A signer behind a socket: knows the public keys, asks for signatures, never sees a private key."""

    def __init__(self, socket_path: Path, operator: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Nothing is asked until it is needed."""
        self.socket_path = socket_path
        self.operator = check_operator(operator)
        self.timeout_s = timeout_s
        self._public: dict[str, Any] | None = None

    def ensure_key(self, did: str) -> None:
        """Let the signer make the operator's keys if there are none, and bind them to one issuer.

        Raises:
            SignerUnavailable: no answer, or the operator already issues under another DID.
        """
        self._public = self._ask({"op": "ensure_key", "operator": self.operator, "did": did})

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the record key."""
        return str(self.public_jwk["kid"])

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The record key's public half."""
        jwk: dict[str, Any] = self._known()["jwk"]
        return jwk

    @property
    def log_public_key(self) -> bytes:
        """The log key's public half, 32 bytes."""
        return base64url.decode(self._known()["log_key"])

    def sign(self, signing_input: bytes) -> bytes:
        """The ES256 signature over header and payload of a record, after the signer's own checks."""
        answer = self._ask(
            {"op": "sign_record", "operator": self.operator, "input": signing_input.decode("ascii")}
        )
        return base64url.decode(answer["signature"])

    def sign_many(self, signing_inputs: Sequence[bytes]) -> list[bytes | SignerUnavailable]:
        """As many as fit into one message are asked for at once; each is signed or refused by itself."""
        signed: list[bytes | SignerUnavailable] = []
        for group in _by_size(signing_inputs, MOST_SIGNED_BYTES):
            request = {
                "op": "sign_records",
                "operator": self.operator,
                "inputs": [one.decode("ascii") for one in group],
            }
            try:
                answers = self._ask(request)["answers"]
            except SignerUnavailable as error:
                # Whoever does not answer now is not asked again for the rest.
                return signed + [error] * (len(signing_inputs) - len(signed))
            signed += [_signature(answer) for answer in answers]
        return signed

    def sign_note(self, text: bytes, consistency: Sequence[bytes] = ()) -> bytes:
        """The signed note over a checkpoint that extends the last one."""
        answer = self._ask(
            {
                "op": "sign_note",
                "operator": self.operator,
                "text": text.decode(),
                "consistency": [base64url.encode(node) for node in consistency],
            }
        )
        return str(answer["note"]).encode()

    def checkpoint_size(self) -> int | None:
        """How many leaves the last signed checkpoint had; None before the first."""
        answer = self._ask({"op": "public", "operator": self.operator})
        size: int | None = answer["checkpoint_size"]
        return size

    def _known(self) -> dict[str, Any]:
        if self._public is None:
            self._public = self._ask({"op": "public", "operator": self.operator})
        return self._public

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The signer's answer to one request on one connection.

        Raises:
            SignerUnavailable: no connection, no answer in time, an answer that is none, or not now.
            SignerRefused: the request breaks a rule.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection, socket_address(self.socket_path) as address:
                connection.settimeout(self.timeout_s)
                connection.connect(address)
                send_message(connection, request)
                answer = receive_message(connection)
        except TimeoutError as error:
            raise SignerUnavailable(f"the signer gave no answer within {self.timeout_s:g} s") from error
        except (OSError, StrictJsonError) as error:
            raise SignerUnavailable(f"the signer cannot be reached: {error}") from error
        if answer is None:
            raise SignerUnavailable("the signer closed the line without an answer")
        if (trouble := _trouble(answer)) is not None:
            raise trouble
        return answer


def _trouble(answer: Mapping[str, Any]) -> SignerUnavailable | None:
    """What an answer says instead of a result."""
    if "refused" in answer:
        return SignerRefused(f"the signer refused: {answer['refused']}")
    if "unavailable" in answer:
        return SignerUnavailable(f"the signer cannot: {answer['unavailable']}")
    return None


def _signature(answer: Mapping[str, Any]) -> bytes | SignerUnavailable:
    return _trouble(answer) or base64url.decode(answer["signature"])


def _by_size(inputs: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """The inputs in their order, in groups of so many bytes; one that is larger stands alone."""
    group: list[bytes] = []
    size = 0
    for one in inputs:
        if group and size + len(one) > most:
            yield group
            group, size = [], 0
        group.append(one)
        size += len(one)
    if group:
        yield group


class SignerProcess:
    """The signer as a child process: started on entry, ended on exit, and ended by itself when we die.

    It lives as long as the pipe to its standard input, so a killed parent leaves no signer behind.
    """

    def __init__(
        self,
        keys_dir: Path,
        socket_path: Path,
        *,
        password_file: Path | None = None,
        production: bool = False,
    ) -> None:
        """Nothing runs until the block is entered.

        Args:
            keys_dir: folder of the key files and of the signer's own memory; made 0700 when missing.
            socket_path: where it listens; its folder is made 0700 when missing.
            password_file: holds the password of the key files; None means `keys_dir/password`, which is made
                with a random password when missing, and which production refuses.
            production: refuse unencrypted keys and a password that lies beside them.
        """
        self.keys_dir = keys_dir
        self.socket_path = socket_path
        self.password_file = password_file
        self.production = production
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it listens.

        Raises:
            SignerUnavailable: it did not come up; the sentence is its own.
        """
        command = [sys.executable, "-m", "passport.signing.signer_process"]
        command += ["--keys", str(self.keys_dir), "--socket", str(self.socket_path)]
        if self.password_file:
            command += ["--password-file", str(self.password_file)]
        if self.production:
            command.append("--production")
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C reaches us first; the signer ends when the pipe closes
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().decode().strip()
        if said != "ready":
            self.__exit__()
            raise SignerUnavailable(f"the signer did not start: {said or 'it ended without a word'}")
        return self

    def __exit__(self, *_: object) -> None:
        """End it and wait."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @property
    def pid(self) -> int:
        """Its process number while it runs."""
        if self._process is None:
            raise SignerUnavailable("the signer is not running")
        return self._process.pid

    def signer(self, operator: str) -> RemoteSigner:
        """The signer of one operator, as seen from here."""
        return RemoteSigner(self.socket_path, operator)


def send_message(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """One JSON object behind its length in four bytes, most significant first."""
    data = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive_message(connection: socket.socket) -> dict[str, Any] | None:
    """The next object on the line; None when the other side closed it between two messages.

    Raises:
        StrictJsonError: longer than a megabyte, cut off, or no object in strict JSON.
    """
    head = _receive(connection, _LENGTH.size)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head) if len(head) == _LENGTH.size else (0,)
    if not 0 < length <= MAX_MESSAGE_BYTES:
        raise StrictJsonError(f"a message has 1 to {MAX_MESSAGE_BYTES} bytes, {length} were announced")
    message = loads_own(_receive(connection, length), limit_bytes=MAX_MESSAGE_BYTES)
    if not isinstance(message, dict):
        raise StrictJsonError("a message is one JSON object")
    return message


def _receive(connection: socket.socket, length: int) -> bytes:
    """Up to `length` bytes; fewer when the other side closed the line."""
    parts = []
    while length:
        part = connection.recv(length)
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """A name of at most 100 bytes for a socket file, however deep its folder lies."""
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
