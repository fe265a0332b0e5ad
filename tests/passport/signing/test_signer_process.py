import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from passport.errors import SignerUnavailable
from passport.signing import base64url, encode, log
from passport.signing.keys import RemoteSigner, SignerProcess, SignerRefused, receive_message, send_message
from passport.signing.sign import parse_jws, sign_record, sign_records, unsigned_jws, verify_jws
from passport.signing.signer_process import BURST, Rules
from schemas.strict_json import StrictJsonError
from schemas.terms import RecordKind
from tests.passport.signing.records import ISSUED, ISSUER, ORIGIN, PUBLIC_URL, unsigned

LEAVES = [log.leaf_hash(bytes([number])) for number in range(12)]


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signer")
    with SignerProcess(folder / "keys", folder / "run" / "signer.sock") as running:
        yield running


@pytest.fixture
def rules(tmp_path):
    """The same rules in this process, with keys of its own."""
    made = Rules(tmp_path, b"secret")
    assert "jwk" in made.answer({"op": "ensure_key", "operator": "demo", "did": ISSUER})
    yield made
    made.memory.close()


def signed(rules, made, **header):
    kid = rules.answer({"op": "public", "operator": "demo"})["jwk"]["kid"]
    arguments = {"kid": kid, "issued_at": ISSUED, "typ": "vc+sd-jwt", **header}
    text = unsigned_jws(made.payload, **arguments)
    return text, rules.answer({"op": "sign_record", "operator": "demo", "input": text.decode()})


def jwt_of(text, answer):
    return text + b"." + answer["signature"].encode()


def after(jwt, number, **changes):
    quoted = (f"{PUBLIC_URL}/r/RECORD{number}", hashlib.sha256(jwt).digest())
    return unsigned(version=number + 1, previous=quoted, **changes)


def test_the_process_makes_keys_signs_and_forgets_nothing_between_runs(tmp_path):
    # A folder so deep that its socket would not fit into an address of the kernel.
    folder = tmp_path / ("deep" * 30)
    with SignerProcess(folder / "keys", folder / "signer.sock") as running:
        signer = running.signer("demo")
        signer.ensure_key(ISSUER)
        first = sign_record(unsigned().payload, signer, ISSUED)
        verify_jws(parse_jws(first), signer.public_jwk)
        second = after(first, 1)
        followed = sign_record(second.payload, signer, ISSUED)
    with SignerProcess(folder / "keys", folder / "signer.sock") as running:
        signer = running.signer("demo")
        with pytest.raises(SignerUnavailable, match="version 2 was signed last, 1 cannot follow"):
            sign_record(unsigned().payload, signer, ISSUED)
        assert sign_record(second.payload, signer, ISSUED) == followed


def test_only_the_owner_reaches_keys_memory_and_socket(process):
    process.signer("demo").ensure_key(ISSUER)
    for folder in (process.keys_dir, process.socket_path.parent):
        assert folder.stat().st_mode & 0o077 == 0
    for path in [*process.keys_dir.iterdir(), process.socket_path]:
        assert path.stat().st_mode & 0o077 == 0, path
    names = {path.name for path in process.keys_dir.iterdir()}
    assert {"demo.pem", "demo-log.pem", "password", "signer.db", "signer.lock"} <= names
    assert b"ENCRYPTED" in (process.keys_dir / "demo.pem").read_bytes()


def test_the_password_is_neither_on_the_command_line_nor_in_the_environment(process):
    password = (process.keys_dir / "password").read_bytes().strip()
    for name in ("cmdline", "environ"):
        assert password not in Path(f"/proc/{process.pid}/{name}").read_bytes()


def test_many_ask_at_once(process):
    def issue(number):
        signer = process.signer("many")
        made = unsigned(identifier_url=f"{PUBLIC_URL}/01/09520123456788/21/N{number}")
        return sign_record(made.payload, signer, ISSUED)

    process.signer("many").ensure_key(ISSUER)
    with ThreadPoolExecutor(8) as pool:
        jwts = list(pool.map(issue, range(64)))
    jwk = process.signer("many").public_jwk
    for jwt in jwts:
        verify_jws(parse_jws(jwt), jwk)


def test_a_second_signer_on_the_same_keys_does_not_start(process, tmp_path):
    with (
        pytest.raises(SignerUnavailable, match="another signer already uses the keys"),
        SignerProcess(process.keys_dir, tmp_path / "other.sock"),
    ):
        pass


def test_production_wants_its_password_elsewhere(tmp_path):
    keys, sock = tmp_path / "keys", tmp_path / "signer.sock"
    with pytest.raises(SignerUnavailable, match="password file outside the key folder"):
        SignerProcess(keys, sock, production=True).__enter__()
    password = tmp_path / "password"
    password.write_text("hunter2\n")
    password.chmod(0o644)
    with pytest.raises(SignerUnavailable, match="can be read by others; run chmod 600"):
        SignerProcess(keys, sock, production=True, password_file=password).__enter__()
    password.chmod(0o600)
    with SignerProcess(keys, sock, production=True, password_file=password) as running:
        running.signer("demo").ensure_key(ISSUER)
    password.write_text("another\n")
    with (
        SignerProcess(keys, sock, production=True, password_file=password) as running,
        pytest.raises(SignerUnavailable, match="does not open with the given password"),
    ):
        _ = running.signer("demo").public_jwk


def test_a_killed_parent_leaves_no_signer_behind(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from passport.signing.keys import SignerProcess\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "with SignerProcess(folder / 'keys', folder / 's.sock') as running:\n"
        "    print(running.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        # Nobody reaps an orphan in some containers; a zombie has ended too.
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the signer outlived its parent by ten seconds")


def test_a_signer_that_is_not_there_is_a_plain_sentence(tmp_path):
    with pytest.raises(SignerUnavailable, match="the signer cannot be reached"):
        _ = RemoteSigner(tmp_path / "nobody.sock", "demo").kid


def test_a_signer_that_never_answers_is_left_after_the_timeout(tmp_path):
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(SignerUnavailable, match=r"no answer within 0.2 s"):
            _ = RemoteSigner(path, "demo", timeout_s=0.2).kid


def test_a_message_that_is_none_is_answered_and_the_process_goes_on(process):
    for data in (
        b"\x00\x00\x00\x05[1,2]",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x02{]",
        b"\x00",
    ):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(process.socket_path))
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            assert "no message" in receive_message(connection)["refused"]
    for request in (
        {},
        {"op": "drop"},
        {"op": "public"},
        {"op": ["public"]},
        {"op": "public", "operator": 5},
    ):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(process.socket_path))
            send_message(connection, request)
            assert "refused" in receive_message(connection)
    with pytest.raises(SignerUnavailable, match="no key for operator 'stranger'"):
        _ = process.signer("stranger").kid


def test_a_message_longer_than_a_megabyte_is_refused_before_it_is_read():
    left, right = socket.socketpair()
    with left, right:
        left.sendall((2_000_000).to_bytes(4))
        with pytest.raises(StrictJsonError, match="2000000 were announced"):
            receive_message(right)


def test_versions_follow_one_another_per_battery_and_kind(rules):
    text, answer = signed(rules, unsigned())
    first = jwt_of(text, answer)
    assert "signature" in answer
    # Cut off by a crash: the same content gets the same signature.
    assert signed(rules, unsigned())[1] == answer
    # Another content under the same number is a fork.
    assert (
        "version 1 was signed last, 1 cannot follow" in signed(rules, unsigned(simulated=True))[1]["refused"]
    )
    assert (
        "3 cannot follow"
        in signed(rules, unsigned(version=3, previous=(f"{PUBLIC_URL}/r/X", bytes(32))))[1]["refused"]
    )
    wrong = unsigned(version=2, previous=(f"{PUBLIC_URL}/r/X", bytes(32)))
    assert "does not quote version 1 as signed" in signed(rules, wrong)[1]["refused"]
    assert "signature" in signed(rules, after(first, 1))[1]
    assert "2 was signed last, 1 cannot follow" in signed(rules, unsigned())[1]["refused"]
    # Other kinds and batteries count by themselves.
    assert "signature" in signed(rules, unsigned(RecordKind.CONDITION))[1]
    assert "signature" in signed(rules, unsigned(identifier_url=f"{PUBLIC_URL}/01/1/21/OTHER"))[1]


def test_the_signer_signs_for_the_bound_issuer_alone(rules):
    stranger = unsigned(issuer_did="did:web:evil.example")
    assert "the record says 'did:web:evil.example'" in signed(rules, stranger)[1]["refused"]
    again = rules.answer({"op": "ensure_key", "operator": "demo", "did": "did:web:evil.example"})
    assert "issues as did:web:id.example.com:o:example-batteries" in again["refused"]
    assert (
        "an issuer is a did:web" in rules.answer({"op": "ensure_key", "operator": "b", "did": "x"})["refused"]
    )
    assert "refused" in rules.answer({"op": "ensure_key", "operator": "../b", "did": "did:web:b"})


def test_the_signer_signs_nothing_but_records_and_status_lists(rules):
    assert "nothing that this signer signs" in signed(rules, unsigned(), typ="JWT")[1]["refused"]
    assert "nothing that this signer signs" in signed(rules, unsigned(), typ="vc+jwt")[1]["refused"]
    assert "other came" in signed(rules, unsigned(), kid="another")[1]["refused"]
    jwk = rules.answer({"op": "public", "operator": "demo"})["jwk"]
    for header in (
        {"alg": "ES256", "kid": jwk["kid"], "typ": "vc+sd-jwt", "iat": 1, "jwk": jwk},
        {"alg": "none", "kid": jwk["kid"], "typ": "vc+sd-jwt", "iat": 1},
        {"alg": "ES256", "kid": jwk["kid"], "typ": "vc+sd-jwt"},
        {"alg": "ES256", "kid": jwk["kid"], "typ": "vc+sd-jwt", "iat": "1"},
    ):
        text = f"{base64url.encode(encode.json_bytes(header))}.{base64url.encode(unsigned().payload)}"
        answer = rules.answer({"op": "sign_record", "operator": "demo", "input": text})
        assert "the header of a record is" in answer["refused"]
    for text in ("", "a.b", "e30.e30", "e30", "é.é", 5, None):
        assert "refused" in rules.answer({"op": "sign_record", "operator": "demo", "input": text})
    wrong = encode.json_bytes({"issuer": ISSUER, "type": ["VerifiableCredential", "Diploma"]})
    assert "'Diploma' came" in signed(rules, encode.Unsigned(wrong, ()))[1]["refused"]


def test_the_rate_is_limited_and_recovers(tmp_path):
    now = [0.0]
    rules = Rules(tmp_path, b"secret", clock=lambda: now[0])
    rules.answer({"op": "ensure_key", "operator": "demo", "did": ISSUER})
    made = unsigned()
    text, answer = signed(rules, made)
    rules._buckets["demo"]._level = 0.0
    assert "more than 5000 signatures a second" in signed(rules, made)[1]["unavailable"]
    now[0] += 0.002
    assert signed(rules, made)[1] == answer
    now[0] += 1e9
    signed(rules, made)
    assert rules._buckets["demo"]._level == BURST - 1
    assert text
    rules.memory.close()


def note(rules, size, leaves=LEAVES, proof=(), origin=ORIGIN):
    text = log.checkpoint_text(origin, size, log.root(leaves[:size]))
    request = {"op": "sign_note", "operator": "demo", "text": text.decode()}
    return rules.answer({**request, "consistency": [base64url.encode(node) for node in proof]})


def test_a_checkpoint_extends_the_last_one_or_is_not_signed(rules):
    assert note(rules, 5)["note"].startswith(ORIGIN)
    assert note(rules, 5) == note(rules, 5)
    assert "the consistency proof is empty" in note(rules, 8)["refused"]
    assert "note" in note(rules, 8, proof=log.consistency_proof(5, LEAVES[:8]))
    assert "does not shrink from 8 to 5" in note(rules, 5)["refused"]
    forked = [*LEAVES[:7], LEAVES[11], *LEAVES[8:]]
    assert "two different roots for one size, 8" in note(rules, 8, forked)["refused"]
    assert "forked" in note(rules, 10, forked, log.consistency_proof(8, forked[:10]))["refused"]
    assert "not other.example" in note(rules, 8, origin="other.example")["refused"]
    assert "refused" in rules.answer({"op": "sign_note", "operator": "demo", "text": "anything\n"})


def test_a_refusal_is_for_good_and_trouble_is_for_now(rules, tmp_path):
    text = unsigned_jws(unsigned().payload, kid="x", issued_at=ISSUED, typ="vc+sd-jwt").decode()
    locked = Rules(tmp_path, b"another password")
    assert (
        "does not open"
        in locked.answer({"op": "sign_record", "operator": "demo", "input": text})["unavailable"]
    )
    locked.memory.close()
    rules.memory.close()
    answer = rules.answer({"op": "public", "operator": "demo"})
    assert "memory or key folder failed" in answer["unavailable"]


def test_the_signer_tells_how_far_its_last_checkpoint_reached(process):
    signer = process.signer("size")
    signer.ensure_key(ISSUER)
    assert signer.checkpoint_size() is None
    log.sign_checkpoint(log.checkpoint_text(ORIGIN, 5, log.root(LEAVES[:5])), signer)
    assert signer.checkpoint_size() == 5
    with pytest.raises(SignerRefused, match="the signer refused: a log does not shrink from 5 to 4"):
        log.sign_checkpoint(log.checkpoint_text(ORIGIN, 4, log.root(LEAVES[:4])), signer)


def test_the_memory_outlives_the_process(tmp_path):
    first = Rules(tmp_path, b"secret")
    first.answer({"op": "ensure_key", "operator": "demo", "did": ISSUER})
    note(first, 8)
    first.memory.close()
    second = Rules(tmp_path, b"secret")
    assert "does not shrink from 8 to 5" in note(second, 5)["refused"]
    assert second.answer({"op": "public", "operator": "demo"})["did"] == ISSUER
    second.memory.close()


# ----------------------------------------------------------------------------------------- several at once


def numbered(count, **changes):
    return [unsigned(identifier_url=f"{PUBLIC_URL}/01/1/21/{number}", **changes) for number in range(count)]


def inputs_of(rules, records):
    kid = rules.answer({"op": "public", "operator": "demo"})["jwk"]["kid"]
    return [unsigned_jws(one.payload, kid=kid, issued_at=ISSUED, typ="vc+sd-jwt").decode() for one in records]


def test_several_are_signed_as_each_would_be_alone(rules):
    records = numbered(3)
    answers = rules.answer({"op": "sign_records", "operator": "demo", "inputs": inputs_of(rules, records)})[
        "answers"
    ]
    assert answers == [signed(rules, one)[1] for one in records]


def test_one_that_breaks_a_rule_is_refused_and_the_others_are_signed(rules):
    good, stranger, other = inputs_of(
        rules, [*numbered(1), unsigned(issuer_did="did:web:evil.example"), unsigned()]
    )
    answers = rules.answer(
        {"op": "sign_records", "operator": "demo", "inputs": [good, stranger, None, other]}
    )["answers"]
    assert [next(iter(one)) for one in answers] == ["signature", "refused", "refused", "signature"]
    fork = inputs_of(rules, [unsigned(simulated=True)])[0]
    assert (
        "1 was signed last"
        in rules.answer({"op": "sign_record", "operator": "demo", "input": fork})["refused"]
    )
    for inputs in (None, "text", {"0": good}):
        assert "refused" in rules.answer({"op": "sign_records", "operator": "demo", "inputs": inputs})


def test_of_several_none_leaves_when_the_memory_fails(rules, monkeypatch):
    remember, calls = rules.memory.remember_version, []

    def full(*arguments):
        remember(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(rules.memory, "remember_version", full)
    request = {"op": "sign_records", "operator": "demo", "inputs": inputs_of(rules, numbered(3))}
    assert "memory or key folder failed" in rules.answer(request)["unavailable"]
    assert rules.memory.last_version("demo", f"{PUBLIC_URL}/01/1/21/0", "passport") is None
    monkeypatch.undo()
    assert len(rules.answer(request)["answers"]) == 3


def test_more_than_fits_into_a_message_is_asked_for_in_several(process):
    signer = process.signer("many")
    signer.ensure_key(ISSUER)
    # 70 records of about 14 kB as signing inputs: two messages of at most half a megabyte.
    records = numbered(70, incomplete="x" * 9000)
    jwts = sign_records([(one.payload, ISSUED) for one in records], signer)
    assert len(jwts) == 70
    for jwt, made in zip(jwts, records, strict=True):
        assert parse_jws(jwt).payload == made.payload
        verify_jws(parse_jws(jwt), signer.public_jwk)


def test_without_a_signer_every_one_of_several_gets_the_reason(process, tmp_path):
    kid = process.signer("demo")
    kid.ensure_key(ISSUER)
    nobody = RemoteSigner(tmp_path / "nothing.sock", "demo")
    answers = nobody.sign_many([b"a.b", b"c.d"])
    assert [type(one) for one in answers] == [SignerUnavailable, SignerUnavailable]
    refused, _ = kid.sign_many([b"a.b", b"c.d"])
    assert isinstance(refused, SignerRefused)
