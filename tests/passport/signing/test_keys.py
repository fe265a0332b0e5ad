import json
import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from passport.errors import SignerUnavailable, VerificationFailed
from passport.signing import base64url
from passport.signing.keys import FileSigner, check_operator, create_key
from passport.signing.sign import parse_jws, sign_record, thumbprint, verify_jws
from tests.passport.signing.records import ISSUED

# RFC 6979 A.2.5, P-256: the private key, and the signature over "sample" with SHA-256.
RFC6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC6979_R = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
RFC6979_S = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"


@pytest.fixture
def signer(tmp_path):
    create_key(tmp_path / "demo.pem", password=b"secret")
    return FileSigner(tmp_path / "demo.pem", b"secret")


def test_both_keys_are_made_encrypted_and_for_their_owner_alone(tmp_path):
    create_key(tmp_path / "keys" / "demo.pem", password=b"secret")
    for name in ("demo.pem", "demo-log.pem"):
        path = tmp_path / "keys" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["demo-log.pem", "demo.pem"]
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(tmp_path):
    create_key(tmp_path / "demo.pem", password=b"secret")
    before = (tmp_path / "demo.pem").read_bytes()
    create_key(tmp_path / "demo.pem", password=b"other")
    assert (tmp_path / "demo.pem").read_bytes() == before


def test_a_missing_log_key_is_added(tmp_path):
    create_key(tmp_path / "demo.pem", password=b"secret")
    (tmp_path / "demo-log.pem").unlink()
    create_key(tmp_path / "demo.pem", password=b"secret")
    assert FileSigner(tmp_path / "demo.pem", b"secret").log_public_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path, mode):
    create_key(tmp_path / "demo.pem", password=b"secret")
    (tmp_path / "demo.pem").chmod(mode)
    with pytest.raises(SignerUnavailable, match=r"can be read by others .mode 0.*chmod 600"):
        FileSigner(tmp_path / "demo.pem", b"secret")


def test_an_unencrypted_key_is_good_for_trials_and_refused_in_production(tmp_path):
    create_key(tmp_path / "demo.pem", password=None)
    FileSigner(tmp_path / "demo.pem")
    with pytest.raises(SignerUnavailable, match="is not encrypted; production refuses it"):
        FileSigner(tmp_path / "demo.pem", production=True)


def test_a_wrong_password_and_a_missing_file_are_told_apart(tmp_path):
    create_key(tmp_path / "demo.pem", password=b"secret")
    with pytest.raises(SignerUnavailable, match="does not open with the given password"):
        FileSigner(tmp_path / "demo.pem", b"wrong")
    with pytest.raises(SignerUnavailable, match="does not open with the given password"):
        FileSigner(tmp_path / "demo.pem", None)
    with pytest.raises(SignerUnavailable, match=r"nobody.pem cannot be read: No such file"):
        FileSigner(tmp_path / "nobody.pem", b"secret")


def test_keys_of_another_kind_are_refused(tmp_path):
    def write(name, key):
        data = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        descriptor = os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    write("demo.pem", ec.generate_private_key(ec.SECP384R1()))
    write("demo-log.pem", ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(SignerUnavailable, match=r"demo.pem holds no P-256 key"):
        FileSigner(tmp_path / "demo.pem")
    write("demo.pem", ec.generate_private_key(ec.SECP256R1()))
    write("demo-log.pem", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(SignerUnavailable, match=r"demo-log.pem holds no Ed25519 key"):
        FileSigner(tmp_path / "demo.pem")


def test_signatures_have_the_nonce_of_rfc_6979(signer):
    signer._key = ec.derive_private_key(RFC6979_KEY, ec.SECP256R1())
    assert signer.sign(b"sample").hex().upper() == RFC6979_R + RFC6979_S


def test_a_thumbprint_is_that_of_rfc_7638_members_in_their_order():
    # RFC 9449 appendix: key of the DPoP proof in section 4.1 and its published `jkt`.
    key = {
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
        "use": "ignored",
    }
    assert thumbprint(key) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_a_signed_record_says_how_it_was_signed(signer):
    jwt = sign_record(b'{"a":"b"}', signer, ISSUED)
    jws = parse_jws(jwt)
    assert jws.header == {"alg": "ES256", "typ": "vc+sd-jwt", "kid": signer.kid, "iat": 1795176000}
    assert jws.payload == b'{"a":"b"}'
    assert len(jws.signature) == 64
    verify_jws(jws, signer.public_jwk)
    assert jwt == sign_record(b'{"a":"b"}', signer, ISSUED)


def test_the_public_half_holds_nothing_private(signer):
    assert set(signer.public_jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert signer.public_jwk["kid"] == thumbprint(signer.public_jwk) == signer.kid


def test_the_second_signature_of_the_same_bytes_verifies_and_is_another_byte_string(signer):
    # ECDSA is malleable: (r, n - s) fits as well. The log tells the two apart, see test_verify.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    jwt = sign_record(b"{}", signer, ISSUED)
    head, _, signature = jwt.rpartition(b".")
    raw = base64url.decode(signature.decode())
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    verify_jws(parse_jws(head + b"." + base64url.encode(other).encode()), signer.public_jwk)


def test_only_es256_with_a_key_for_it_verifies(signer):
    jwt = sign_record(b"{}", signer, ISSUED)
    jwk = signer.public_jwk
    wrong_keys = [
        {**jwk, "alg": "ES384"},
        {**jwk, "use": "enc"},
        {**jwk, "key_ops": ["sign"]},
        {**jwk, "crv": "P-384"},
        {**jwk, "kty": "OKP"},
        {**jwk, "x": jwk["y"], "y": jwk["x"]},
        {**jwk, "x": jwk["x"][:-4]},
        {**jwk, "x": jwk["x"] + "="},
        {**jwk, "x": 5},
        {name: value for name, value in jwk.items() if name != "y"},
        {"kty": "oct", "k": "AAAA"},
    ]
    for key in wrong_keys:
        with pytest.raises(VerificationFailed):
            verify_jws(parse_jws(jwt), key)


def header_of(**members):
    return base64url.encode(json.dumps(members).encode()).encode()


WRONG_TOKENS = {
    "two pieces": (b"e30.e30", "three pieces"),
    "four pieces": (b"e30.e30.e30.e30", "three pieces"),
    "a blank": (b"e30 .e30.", "the header is not base64url: ' ' at position 3"),
    "padding": (b"e30=.e30.", "the header is not base64url: '=' at position 3"),
    "the other alphabet": (b"e30.e3+/.", "the payload is not base64url"),
    "stray bits": (b"e31.e30.", "the last character '1' carries bits that encode nothing"),
    "one character too many": (b"e30.e30AA.", "no whole number of bytes"),
    "no ASCII": ("e30.e30.é".encode(), "the signature is not base64url: byte 0xc3"),
    "a header that is no JSON": (b"e3w.e30.", "the header is refused: not JSON"),
    "a header that is a list": (b"W10.e30.", "the header is no JSON object"),
    "a header with a name twice": (base64url.encode(b'{"alg":1,"alg":2}').encode() + b"..", "stands twice"),
}


@pytest.mark.parametrize(("token", "sentence"), WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
def test_a_token_has_one_spelling(token, sentence):
    with pytest.raises(VerificationFailed, match=sentence):
        parse_jws(token)


@pytest.mark.parametrize(
    "members",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "es256"},
        {},
        {"alg": ["ES256"]},
        {"alg": "ES256", "crit": ["exp"]},
        {"alg": "ES256", "b64": False},
    ],
)
def test_another_algorithm_or_an_unknown_extension_is_refused(signer, members):
    signing_input = header_of(**members) + b".e30"
    token = signing_input + b"." + base64url.encode(signer.sign(signing_input)).encode()
    with pytest.raises(VerificationFailed, match="the header"):
        verify_jws(parse_jws(token), signer.public_jwk)


@pytest.mark.parametrize("length", [0, 63, 65, 66, 128])
def test_a_signature_of_another_length_is_refused(signer, length):
    signing_input = header_of(alg="ES256") + b".e30"
    token = signing_input + b"." + base64url.encode(bytes(length)).encode()
    with pytest.raises(VerificationFailed, match=f"has 64 bytes, {length} came"):
        verify_jws(parse_jws(token), signer.public_jwk)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "demo-log", "a" * 64, "a\n"])
def test_an_operator_is_named_so_that_it_can_name_a_file(name):
    with pytest.raises(ValueError, match="an operator's name is"):
        check_operator(name)
