"""The append-only log of one operator: Merkle tree, checkpoints, proofs; all of it checkable from a file.

Every version is one leaf, hashed over the exact bytes of its issuer-signed part without disclosures, so one
byte string is one record. An empty tree has a root but no history: a consistency proof from size 0 must be
empty and the root of size 0 must be the hash of nothing; some implementations accept any root there, and a
verifier that was never told a size would then be told anything.

Source: RFC 6962 section 2.1 and RFC 9162 section 2.1 (tree and proofs); C2SP signed-note, tlog-checkpoint and
tlog-proof (texts).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from passport.errors import VerificationFailed
from passport.signing.signer import Signer

Node = Callable[[int, int], bytes]

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
PROOF_HEADING: Final = b"c2sp.org/tlog-proof@v1"
# 2**63 - 1 leaves is what other implementations hold; a proof has at most one hash per bit.
_LARGEST_SIZE: Final = 2**63 - 1
_MOST_SIGNATURES: Final = 64
_LARGEST_NOTE_BYTES: Final = 65_536
_ED25519: Final = b"\x01"
_NAME: Final = re.compile(r"[^\s+]+\Z")
_NUMBER: Final = re.compile(rb"(?:0|[1-9][0-9]{0,18})\Z")


def leaf_hash(jwt: bytes) -> bytes:
    """Hash of one leaf: the issuer-signed part of a record, byte for byte."""
    return hashlib.sha256(b"\x00" + jwt).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes in their order.

    >>> root([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    frontier = Frontier()
    for leaf in hashes:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """The right edge of a tree: enough to append a leaf in O(log n) and to know the root.

    Attributes:
        size: how many leaves were appended.
        nodes: roots of the complete subtrees from left (largest) to right; one per bit set in `size`.
    """

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """Go on from what was stored.

        Raises:
            ValueError: the number of nodes does not fit the size.
        """
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_BYTES for node in nodes):
            raise ValueError(f"a tree of {size} leaves has {max(size, 0).bit_count()} edge nodes of 32 bytes")
        self.size = size
        self.nodes = list(nodes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; the nodes that became complete, as (level, index in level, hash), leaf first."""
        completed = [(0, self.size, leaf)]
        node, level, size = leaf, 0, self.size
        while size & 1:
            node = node_hash(self.nodes.pop(), node)
            level, size = level + 1, size >> 1
            completed.append((level, size, node))
        self.nodes.append(node)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Root of the tree so far."""
        if not self.nodes:
            return EMPTY_ROOT
        result = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            result = node_hash(node, result)
        return result


def inclusion_proof(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Sibling hashes from the leaf at `index` up to the root of the tree over all `hashes`.

    Raises:
        ValueError: there is no such leaf.
    """
    return inclusion_path(index, len(hashes), _over(hashes))


def consistency_proof(size: int, hashes: Sequence[bytes]) -> list[bytes]:
    """What proves that the tree over the first `size` leaves is the beginning of the tree over all of them.

    Empty when the two are the same and when the first is empty.

    Raises:
        ValueError: the smaller tree is the larger one.
    """
    return consistency_path(size, len(hashes), _over(hashes))


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """An inclusion proof from stored nodes: O(log n) of them are asked for.

    Args:
        index: position of the leaf, from 0.
        size: of the tree to prove it in.
        node: hash of a complete subtree by level and index, as `Frontier.append` gave it.

    Source: RFC 6962 section 2.1.1.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _left(last - first)
        if index < middle:
            path.append(subtree_root(middle, last, node))
            last = middle
        else:
            path.append(subtree_root(first, middle, node))
            first = middle
    return path[::-1]


def consistency_path(first_size: int, second_size: int, node: Node) -> list[bytes]:
    """A consistency proof from stored nodes; arguments as for `inclusion_path`.

    Source: RFC 6962 section 2.1.2.

    Raises:
        ValueError: the smaller tree is the larger one.
    """
    if not 0 <= first_size <= second_size:
        raise ValueError(f"a tree of {second_size} leaves does not begin with {first_size}")
    if first_size in (0, second_size):
        return []
    path: list[bytes] = []
    first, last = 0, second_size
    while last != first_size:
        middle = first + _left(last - first)
        if first_size <= middle:
            path.append(subtree_root(middle, last, node))
            last = middle
        else:
            path.append(subtree_root(first, middle, node))
            first = middle
    # The verifier knows the root of the first tree; it needs this node only when it is a part of that tree.
    if first:
        path.append(subtree_root(first, last, node))
    return path[::-1]


def subtree_root(first: int, last: int, node: Node) -> bytes:
    """Root over the leaves from `first` up to, not including, `last`; `first` is where a subtree begins."""
    width = last - first
    if width.bit_count() == 1:
        level = width.bit_length() - 1
        return node(level, first >> level)
    middle = first + _left(width)
    return node_hash(subtree_root(first, middle, node), subtree_root(middle, last, node))


def _left(width: int) -> int:
    """Leaves of the left child: the largest power of two smaller than the width."""
    return 1 << (width - 1).bit_length() - 1


def _over(hashes: Sequence[bytes]) -> Node:
    """Complete subtrees over leaf hashes in memory."""
    return lambda level, index: root(hashes[index << level : (index + 1) << level])


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Nothing, when the leaf is at `index` of the tree of that size and root.

    Source: RFC 9162 section 2.1.3.2.

    Raises:
        VerificationFailed: it is not, or the proof has the wrong length.
    """
    _check_hashes(proof, expected_root)
    if not 0 <= index < size <= _LARGEST_SIZE:
        raise VerificationFailed(f"a tree of {size} leaves has no leaf {index}")
    node, first, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise VerificationFailed("the inclusion proof is longer than the tree is high")
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise VerificationFailed("the inclusion proof is shorter than the tree is high")
    if node != expected_root:
        raise VerificationFailed("the inclusion proof leads to another root: these bytes are not in the log")


def verify_consistency(
    first_size: int, second_size: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Nothing, when the first tree is the beginning of the second.

    Source: RFC 9162 section 2.1.4.2; the empty first tree is decided at the top of this file.

    Raises:
        VerificationFailed: it is not, or the proof has the wrong length.
    """
    _check_hashes([*proof, first_root], second_root)
    if not 0 <= first_size <= second_size <= _LARGEST_SIZE:
        raise VerificationFailed(f"a log does not shrink from {first_size} to {second_size}")
    if first_size in (0, second_size):
        if proof:
            raise VerificationFailed("a consistency proof where none is needed")
        if first_size == 0 and first_root != EMPTY_ROOT:
            raise VerificationFailed("the root of an empty tree is the hash of nothing")
        if first_size == second_size and first_root != second_root:
            raise VerificationFailed(f"two different roots for one size, {first_size}: the log has forked")
        return
    nodes = list(proof)
    if first_size & (first_size - 1) == 0:
        nodes.insert(0, first_root)
    if not nodes:
        raise VerificationFailed("the consistency proof is empty")
    first, last = first_size - 1, second_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise VerificationFailed("the consistency proof is longer than the tree is high")
        if first & 1 or first == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new = node_hash(new, node)
        first, last = first >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise VerificationFailed("the consistency proof does not join the two roots: the log has forked")


def _check_hashes(proof: Sequence[bytes], expected_root: bytes) -> None:
    if any(len(node) != HASH_BYTES for node in (*proof, expected_root)):
        raise VerificationFailed("a hash in a proof has 32 bytes")


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself.

    Attributes:
        origin: name of the log, an address without scheme.
        size: number of leaves.
        root: root hash of the tree of that size.
    """

    origin: str
    size: int
    root: bytes


def checkpoint_text(origin: str, size: int, tree_root: bytes) -> bytes:
    """The text that a log signs: origin, size, root.

    Raises:
        ValueError: the origin has blanks, a plus sign or nothing; the root is no SHA-256.
    """
    if not _NAME.match(origin):
        raise ValueError(f"the origin of a log has no blanks and no plus sign; {origin!r} came")
    if len(tree_root) != HASH_BYTES or not 0 <= size <= _LARGEST_SIZE:
        raise ValueError("a checkpoint has a size and a root of 32 bytes")
    return f"{origin}\n{size}\n{base64.b64encode(tree_root).decode()}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Origin, size and root of a checkpoint's text; its signature is another question.

    Raises:
        VerificationFailed: not three lines of that form. Extension lines are refused: nobody can audit them.
    """
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _NUMBER.match(lines[1]):
        raise VerificationFailed(
            "a checkpoint is three lines: origin, size in decimal digits, root in base64"
        )
    try:
        origin = lines[0].decode()
    except UnicodeDecodeError as error:
        raise VerificationFailed("the origin of a checkpoint is UTF-8") from error
    size = int(lines[1])
    if size > _LARGEST_SIZE:
        raise VerificationFailed(f"no log has {size} leaves")
    return Checkpoint(origin, size, _hash(lines[2], "the root"))


def sign_checkpoint(text: bytes, signer: Signer, consistency: Sequence[bytes] = ()) -> bytes:
    """The signed note over a checkpoint's text; the key's name is the origin.

    Raises:
        SignerUnavailable: the signer did not answer, or the tree does not extend its last checkpoint.
    """
    return signer.sign_note(text, consistency)


def key_id(origin: str, public_key: bytes) -> bytes:
    """The four bytes by which a note names an Ed25519 key."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def vkey(origin: str, public_key: bytes) -> str:
    """An Ed25519 log key as people hand it on: name, key id in hex, type and key in base64.

    Args:
        origin: name of the log.
        public_key: 32 bytes.
    """
    if not _NAME.match(origin) or len(public_key) != HASH_BYTES:
        raise ValueError(f"a log key has a name without blanks or plus and 32 bytes; {origin!r} came")
    return f"{origin}+{key_id(origin, public_key).hex()}+{base64.b64encode(_ED25519 + public_key).decode()}"


def parse_vkey(text: str) -> tuple[str, bytes]:
    """Name and public key of a log key.

    Raises:
        ValueError: not of the form `vkey` writes, or its id does not fit its key.
    """
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not parts[0]:
        raise ValueError(f"a log key reads name+id+key; {text!r} came")
    try:
        key = base64.b64decode(parts[2], validate=True)
    except binascii.Error as error:
        raise ValueError(f"the key of the log key {parts[0]!r} is not base64") from error
    if key[:1] != _ED25519 or len(key) != 1 + HASH_BYTES or vkey(parts[0], key[1:]) != text.strip():
        raise ValueError(f"the log key {parts[0]!r} is no Ed25519 key, or its id does not fit it")
    return parts[0], key[1:]


def assemble_note(text: bytes, public_key: bytes, signature: bytes) -> bytes:
    """Text and signature line as one signed note; the key is named by the text's first line."""
    name = text.split(b"\n", 1)[0].decode()
    line = base64.b64encode(key_id(name, public_key) + signature).decode()
    return text + f"\n\u2014 {name} {line}\n".encode()


def open_checkpoint(note: bytes, log_key: str) -> Checkpoint:
    """The checkpoint in a signed note, after its signature by this log key was verified.

    Signatures of other keys are ignored; a line of this key that does not fit makes the whole note worthless.

    Raises:
        VerificationFailed: no note, no signature by this key, or one that does not fit.
        ValueError: the log key itself is malformed.
    """
    name, public_key = parse_vkey(log_key)
    text, signatures = split_note(note)
    expected = key_id(name, public_key)
    ours = [data[4:] for signed_by, data in signatures if signed_by == name and data[:4] == expected]
    if not ours:
        names = ", ".join(sorted({signed_by for signed_by, _ in signatures}))
        raise VerificationFailed(f"the checkpoint is not signed by {name}, only by {names}")
    key = Ed25519PublicKey.from_public_bytes(public_key)
    for signature in ours:
        try:
            key.verify(signature, text)
        except InvalidSignature:
            raise VerificationFailed(f"the signature of {name} does not fit the checkpoint") from None
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != name:
        raise VerificationFailed(f"the checkpoint is of {checkpoint.origin}, the key is of {name}")
    return checkpoint


def split_note(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Text of a signed note and its signatures as (key name, key id and signature), none verified.

    Raises:
        VerificationFailed: not of the form; control characters; more signatures than anybody needs.
    """
    if len(note) > _LARGEST_NOTE_BYTES:
        raise VerificationFailed(f"a note has at most {_LARGEST_NOTE_BYTES} bytes, {len(note)} came")
    try:
        decoded = note.decode()
    except UnicodeDecodeError as error:
        raise VerificationFailed(f"a note is UTF-8, byte {error.start} is not") from error
    if any(character < " " and character != "\n" for character in decoded):
        raise VerificationFailed("a note has no control characters but line ends")
    text, separator, block = decoded.rpartition("\n\n")
    lines = block.split("\n")
    if not separator or len(lines) < 2 or lines[-1] or len(lines) > _MOST_SIGNATURES:
        raise VerificationFailed("a note is a text, an empty line, and signature lines")
    signatures = []
    for line in lines[:-1]:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or not _NAME.match(parts[1]):
            raise VerificationFailed("a signature line is a dash, a key name and base64")
        signatures.append((parts[1], _base64(parts[2].encode(), "a signature")))
    return (text + "\n").encode(), signatures


@dataclass(frozen=True)
class TlogProof:
    """Everything that proves one record's place in a log.

    Attributes:
        index: position of the leaf, from 0.
        hashes: inclusion proof from the leaf's sibling to the root's child.
        note: the signed checkpoint, byte for byte.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes


def tlog_proof(index: int, hashes: Sequence[bytes], note: bytes) -> bytes:
    """The `.tlog-proof` file of one record.

    Args:
        index: position of the leaf, from 0.
        hashes: its inclusion proof in the tree of the checkpoint.
        note: the signed checkpoint.
    """
    lines = [PROOF_HEADING, b"index %d" % index, *(base64.b64encode(node) for node in hashes)]
    return b"\n".join(lines) + b"\n\n" + note


def parse_tlog_proof(data: bytes) -> TlogProof:
    """The parts of a `.tlog-proof` file; nothing in it is verified yet.

    Raises:
        VerificationFailed: not of the form. An `extra` line is passed over: nothing vouches for it.
    """
    head, separator, note = data.partition(b"\n\n")
    lines = head.split(b"\n")
    if not separator or lines[0] != PROOF_HEADING:
        raise VerificationFailed(f"a log proof begins with the line {PROOF_HEADING.decode()}")
    rest = lines[2:] if len(lines) > 1 and lines[1].startswith(b"extra ") else lines[1:]
    if not rest or not rest[0].startswith(b"index ") or not _NUMBER.match(rest[0][6:]):
        raise VerificationFailed("a log proof gives the index of its leaf in decimal digits")
    if len(rest) > 64:
        raise VerificationFailed("a log proof has at most 63 hashes")
    return TlogProof(
        int(rest[0][6:]), tuple(_hash(line, "a hash of the log proof") for line in rest[1:]), note
    )


def _base64(text: bytes, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise VerificationFailed(f"{what} is not base64") from error
    if base64.b64encode(data) != text:
        raise VerificationFailed(f"{what} has more than one spelling in base64; this is not the plain one")
    return data


def _hash(text: bytes, what: str) -> bytes:
    data = _base64(text, what)
    if len(data) != HASH_BYTES:
        raise VerificationFailed(f"{what} has 32 bytes, {len(data)} came")
    return data
