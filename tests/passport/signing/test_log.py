import base64

import pytest

from passport.errors import VerificationFailed
from passport.signing import log
from passport.signing.keys import FileSigner, create_key

ORIGIN = "id.example.com/o/demo/log"
LEAVES = [log.leaf_hash(bytes([number])) for number in range(40)]


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "demo.pem"
    create_key(path, password=b"x")
    return FileSigner(path, b"x")


@pytest.fixture(scope="module")
def note(signer):
    return log.sign_checkpoint(log.checkpoint_text(ORIGIN, 40, log.root(LEAVES)), signer)


def test_the_roots_are_those_of_the_reference_tree():
    # RFC 6962 reference leaves and roots (certificate-transparency test data): 8 leaves, these bytes.
    data = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [log.leaf_hash(bytes.fromhex(text)) for text in data]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, expected in roots.items():
        assert log.root(leaves[:size]).hex() == expected


def test_every_leaf_of_every_small_tree_is_proven_and_no_other():
    for size in range(1, 34):
        tree_root = log.root(LEAVES[:size])
        for index in range(size):
            proof = log.inclusion_proof(index, LEAVES[:size])
            log.verify_inclusion(LEAVES[index], index, size, proof, tree_root)
            with pytest.raises(VerificationFailed):
                log.verify_inclusion(LEAVES[(index + 1) % 40], index, size, proof, tree_root)


def test_every_small_tree_is_proven_to_begin_every_larger_one():
    for second in range(34):
        for first in range(second + 1):
            proof = log.consistency_proof(first, LEAVES[:second])
            log.verify_consistency(first, second, proof, log.root(LEAVES[:first]), log.root(LEAVES[:second]))
            if first not in (0, second):
                forked = log.root([*LEAVES[: first - 1], LEAVES[39]])
                with pytest.raises(VerificationFailed):
                    log.verify_consistency(first, second, proof, forked, log.root(LEAVES[:second]))


def test_an_empty_tree_has_one_root_and_no_proof():
    log.verify_consistency(0, 5, [], log.EMPTY_ROOT, log.root(LEAVES[:5]))
    with pytest.raises(VerificationFailed, match="the hash of nothing"):
        log.verify_consistency(0, 5, [], bytes(32), log.root(LEAVES[:5]))
    with pytest.raises(VerificationFailed, match="none is needed"):
        log.verify_consistency(0, 5, [bytes(32)], log.EMPTY_ROOT, log.root(LEAVES[:5]))


def test_a_log_neither_shrinks_nor_has_two_roots_of_one_size():
    with pytest.raises(VerificationFailed, match="does not shrink from 5 to 4"):
        log.verify_consistency(5, 4, [], log.root(LEAVES[:5]), log.root(LEAVES[:4]))
    with pytest.raises(VerificationFailed, match="two different roots for one size, 5"):
        log.verify_consistency(5, 5, [], log.root(LEAVES[:5]), log.root(LEAVES[1:6]))


def test_the_frontier_goes_on_from_what_was_stored_and_asks_for_few_nodes():
    stored = {}
    frontier = log.Frontier()
    for number, leaf in enumerate(LEAVES, start=1):
        completed = frontier.append(leaf)
        # Completed subtrees: the leaf, and one per trailing zero of the new size.
        assert len(completed) == 1 + (number & -number).bit_length() - 1
        stored.update({(level, index): node for level, index, node in completed})
        frontier = log.Frontier(frontier.size, frontier.nodes)
        assert frontier.root() == log.root(LEAVES[:number])
    asked = []

    def node(level, index):
        asked.append((level, index))
        return stored[level, index]

    assert log.inclusion_path(13, 40, node) == log.inclusion_proof(13, LEAVES)
    assert len(asked) <= 7
    assert log.consistency_path(13, 40, node) == log.consistency_proof(13, LEAVES)


@pytest.mark.parametrize(("size", "nodes"), [(1, []), (3, [bytes(32)]), (2, [b"short"]), (-1, [])])
def test_a_frontier_that_cannot_be_is_refused(size, nodes):
    with pytest.raises(ValueError, match="edge nodes of 32 bytes"):
        log.Frontier(size, nodes)


def test_there_is_no_proof_for_what_is_not_in_the_tree():
    with pytest.raises(ValueError, match="no leaf 5"):
        log.inclusion_proof(5, LEAVES[:5])
    with pytest.raises(ValueError, match="does not begin with 6"):
        log.consistency_proof(6, LEAVES[:5])


def test_a_checkpoint_is_three_lines_and_a_signature_by_its_origin(signer, note):
    lines = note.decode().split("\n")
    assert lines[0] == ORIGIN
    assert lines[1] == "40"
    assert base64.b64decode(lines[2]) == log.root(LEAVES)
    assert lines[3] == ""
    assert lines[4].startswith(f"\u2014 {ORIGIN} ")
    assert lines[5:] == [""]
    checkpoint = log.open_checkpoint(note, log.vkey(ORIGIN, signer.log_public_key))
    assert checkpoint == log.Checkpoint(ORIGIN, 40, log.root(LEAVES))


def test_a_log_key_known_elsewhere_is_read_and_written_the_same():
    # The verifier key that golang.org/x/mod/sumdb/note documents for its example key "PeterNeumann".
    known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    name, key = log.parse_vkey(known)
    assert name == "PeterNeumann"
    assert log.vkey(name, key) == known
    assert log.key_id(name, key).hex() == "c74f20a3"


def test_a_note_known_elsewhere_opens():
    # The example note of golang.org/x/mod/sumdb/note; its text is no checkpoint, its signature is good.
    known = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFY"
        "C2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    ).encode()
    text, signatures = log.split_note(known)
    assert text.endswith(b"problem is.\n")
    assert [name for name, _ in signatures] == ["PeterNeumann"]
    with pytest.raises(VerificationFailed, match="a checkpoint is three lines"):
        log.open_checkpoint(known, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


def test_signatures_of_strangers_are_passed_over_and_one_of_ours_that_fails_is_not(signer, note):
    key = log.vkey(ORIGIN, signer.log_public_key)
    stranger = "\u2014 witness.example " + base64.b64encode(bytes(68)).decode() + "\n"
    log.open_checkpoint(note + stranger.encode(), key)
    spoilt = (
        "\u2014 "
        + ORIGIN
        + " "
        + base64.b64encode(log.key_id(ORIGIN, signer.log_public_key) + bytes(64)).decode()
        + "\n"
    )
    with pytest.raises(VerificationFailed, match="does not fit the checkpoint"):
        log.open_checkpoint(note + spoilt.encode(), key)


WRONG_NOTES = {
    "no signature": b"a\n1\nx\n",
    "no final line end": None,
    "a control character": b"a\tb\n1\nx\n\n\xe2\x80\x94 a AAAA\n",
    "not UTF-8": b"\xff\n\n\xe2\x80\x94 a AAAA\n",
    "another dash": b"a\n1\nx\n\n- a AAAA\n",
    "a name with a plus sign": b"a\n1\nx\n\n\xe2\x80\x94 a+b AAAA\n",
    "base64 with stray bits": b"a\n1\nx\n\n\xe2\x80\x94 a AAB=\n",
    "too long": b"a" * 70_000,
}


@pytest.mark.parametrize("data", WRONG_NOTES.values(), ids=WRONG_NOTES.keys())
def test_what_is_no_note_is_refused(note, signer, data):
    with pytest.raises(VerificationFailed):
        log.open_checkpoint(data or note[:-1], log.vkey(ORIGIN, signer.log_public_key))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a\n1\n",
        b"a\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"a\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"a\n9999999999999999999\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"a\n1\nAAAA\n",
        b"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n",
        b"\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(VerificationFailed):
        log.parse_checkpoint(text)


@pytest.mark.parametrize(
    "key", ["", "a", "a+b", "a+00000000+AAAA", "a+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_what_is_no_log_key_is_refused(key):
    with pytest.raises(ValueError, match="log key"):
        log.parse_vkey(key)


def test_a_log_proof_is_a_file_that_reads_back(note):
    proof = log.tlog_proof(13, log.inclusion_proof(13, LEAVES), note)
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\nindex 13\n")
    parsed = log.parse_tlog_proof(proof)
    assert parsed == log.TlogProof(13, tuple(log.inclusion_proof(13, LEAVES)), note)
    extra = proof.replace(b"@v1\n", b"@v1\nextra AAAA\n")
    assert log.parse_tlog_proof(extra) == parsed
    single = log.tlog_proof(0, [], note)
    assert log.parse_tlog_proof(single).hashes == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\n",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex -1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\n"
        + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64
        + b"\nx",
    ],
)
def test_what_is_no_log_proof_is_refused(data):
    with pytest.raises(VerificationFailed):
        log.parse_tlog_proof(data)
