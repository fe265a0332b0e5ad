"""The client against everything that a server may do to it."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passport.errors import InputRefused, RegistryRefused, RegistryUnavailable
from passport.settings import RegistrySettings
from passport.union_registry import RegistryClient, wire
from passport.union_registry import client as client_module
from tests.passport.union_registry import stub_registry
from tests.passport.union_registry.offices import START, settings
from tests.passport.union_registry.stub_registry import answering

PRODUCT = "https://id.example.com/01/09520123456788/21/A%2FB"
BODY = wire.entry(
    product=PRODUCT, passport="https://id.example.com/p/X", operator="DE1", endpoint="https://id.example.com"
)
NAMES = {"uniqueProductIdentifier": PRODUCT, "registrationId": "EU/1 ä", "correlationId": "c"}


@pytest.fixture
def registry():
    with stub_registry.running() as running:
        yield running


class Asked:
    """A client with its naps written down."""

    def __init__(self, registry, **more):
        self.naps = []
        self.client = RegistryClient(settings(registry, **more), now=lambda: START, sleep=self.naps.append)

    def register(self):
        with self.client as client:
            return client.register(BODY, key="k", product=PRODUCT)

    def proof(self):
        with self.client as client:
            return client.proof(NAMES)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_the_registry_asks_to_repeat_is_repeated_with_patience(registry, status):
    registry.faults.extend([answering(status), answering(status)])
    asked = Asked(registry)
    assert asked.register().registration_id == "EU-REG-0001"
    assert asked.naps == [1.0, 2.0]


def test_patience_ends(registry):
    registry.faults.extend([answering(503, {"message": [{"text": "closed on Sundays"}]})] * 9)
    asked = Asked(registry)
    with pytest.raises(RegistryUnavailable, match="answered 503: closed on Sundays"):
        asked.register()
    assert asked.naps == [1.0, 2.0, 4.0]
    assert len(registry.requests) == client_module.TRIES


@pytest.mark.parametrize(
    ("status", "body"),
    [(408, None), (520, None), (200, {"statusCode": "ServerInternalError"})],
)
def test_trouble_of_the_server_is_no_verdict_on_the_battery(registry, status, body):
    registry.faults.append(answering(status, body))
    with pytest.raises(RegistryUnavailable, match="whether the battery is registered is not known"):
        Asked(registry).register()


@pytest.mark.parametrize(
    ("wait", "nap"),
    [
        ("7", 7.0),
        ("0", 1.0),
        (format_datetime(START + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(START - timedelta(days=1), usegmt=True), 1.0),
        ("soon", 1.0),
        ("-3", 1.0),
        ("\u0663", 1.0),
    ],
)
def test_retry_after_is_kept(registry, wait, nap):
    registry.faults.append(answering(429, None, Retry_After=wait.encode().decode("latin-1")))
    asked = Asked(registry)
    asked.register()
    assert asked.naps == [nap]


def test_whoever_asks_for_an_hour_gets_it(registry):
    registry.faults.append(answering(429, None, Retry_After="3600"))
    asked = Asked(registry)
    with pytest.raises(RegistryUnavailable, match="left alone for 3600 s"):
        asked.register()
    assert asked.naps == []


def test_a_registration_whose_answer_is_late_is_not_repeated(registry):
    registry.faults.append(stub_registry.sleeping(1.5))
    asked = Asked(registry, timeout_s=1)
    with pytest.raises(RegistryUnavailable, match="its answer was lost: ReadTimeout"):
        asked.register()
    assert (len(registry.requests), asked.naps) == (1, [])


@pytest.mark.parametrize("fault", [stub_registry.losing_the_answer, stub_registry.breaking])
def test_only_reading_is_repeated_after_a_broken_connection(registry, fault):
    registry.faults.append(fault)
    with pytest.raises(RegistryUnavailable, match="is not known"):
        Asked(registry).register()
    registry.registrations.append((PRODUCT, "EU/1 ä"))
    registry.faults.append(fault)
    asked = Asked(registry)
    assert asked.proof()[1] == "application/json"
    assert asked.naps == [1.0]
    assert registry.requests[-1][1] == "/proofs/EU%2F1%20%C3%A4"


def test_a_registry_that_is_not_there_is_tried_again(registry):
    nowhere = RegistrySettings(url="http://127.0.0.1:9", timeout_s=1)
    naps = []
    with (
        RegistryClient(nowhere, now=lambda: START, sleep=naps.append) as client,
        pytest.raises(RegistryUnavailable, match="nothing was sent"),
    ):
        client.register(BODY, key="k", product=PRODUCT)
    assert naps == [1.0, 2.0, 4.0]


def test_a_server_without_a_certificate_is_not_spoken_to(registry):
    tls = RegistrySettings(url=registry.url.replace("http:", "https:"), timeout_s=2)
    naps = []
    with (
        RegistryClient(tls, now=lambda: START, sleep=naps.append) as client,
        pytest.raises(RegistryUnavailable, match="nothing was sent"),
    ):
        client.register(BODY, key="k", product=PRODUCT)
    assert naps == []


def test_certificates_are_checked(registry):
    with RegistryClient(settings(registry), now=lambda: START) as client:
        context = client._client._transport._pool._ssl_context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirection_leads_to_another_host(registry, status, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    with stub_registry.running() as other:
        registry.faults.append(answering(status, None, Location=f"{other.url}/v1/registerDPP"))
        with pytest.raises(RegistryUnavailable, match="not followed"):
            Asked(registry, token_file=secret).register()
        registry.faults.append(answering(status, None, Location="https://127.0.0.1/proofs/x"))
        with pytest.raises(RegistryUnavailable, match="not followed"):
            Asked(registry).proof()
        assert other.requests == []
    assert registry.requests[0][2]["Authorization"] == "Bearer s3cret"


def test_on_the_same_host_a_redirection_is_followed_and_not_for_ever(registry):
    registry.faults.append(answering(308, None, Location="/v1/registerDPP"))
    assert Asked(registry).register().registration_id == "EU-REG-0001"
    assert [request[3] for request in registry.requests] == [BODY, BODY]
    registry.faults.append(answering(302, None, Location="/v1/registerDPP"))
    with pytest.raises(RegistryUnavailable, match="not followed"):
        Asked(registry).register()
    registry.faults.extend([answering(302, None, Location="/proofs/x")] * 9)
    with pytest.raises(RegistryUnavailable, match="more than 3 times"):
        Asked(registry).proof()


def test_an_answer_without_end_is_left(registry):
    registry.faults.extend([stub_registry.endless, stub_registry.endless])
    with pytest.raises(RegistryUnavailable, match="more than 1048576 bytes"):
        Asked(registry).register()
    with pytest.raises(RegistryUnavailable, match="more than 16777216 bytes"):
        Asked(registry).proof()


def test_an_answer_that_drips_is_left(registry):
    passing = iter(range(0, 10_000, 5))
    with (
        RegistryClient(
            settings(registry), now=lambda: START, sleep=lambda _: None, monotonic=lambda: next(passing)
        ) as client,
        pytest.raises(RegistryUnavailable, match="took too long"),
    ):
        registry.faults.append(stub_registry.endless)
        client.register(BODY, key="k", product=PRODUCT)


def test_a_packed_answer_is_left_unopened(registry):
    registry.faults.append(answering(201, b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(RegistryUnavailable, match="packed as 'gzip'"):
        Asked(registry).register()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "holds no token"), (b"two words", "holds no token"), (b"\xff", "cannot be read"), (None, "read")],
)
def test_a_token_file_that_holds_none_is_refused_before_anybody_is_asked(registry, tmp_path, content, said):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputRefused, match=said):
        Asked(registry, token_file=path)
    assert registry.requests == []


def test_a_client_certificate_that_is_none_is_refused(registry, tmp_path):
    path = tmp_path / "client.pem"
    path.write_text("not PEM")
    with pytest.raises(InputRefused, match="client_certificate"):
        Asked(registry, client_certificate=path)


def pem(key, password=None) -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """A certificate for this machine that signed itself, its key, and the same with a locked key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now, here = datetime.now(UTC), x509.IPAddress(IPv4Address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    folder = tmp_path_factory.mktemp("papers")
    (folder / "open.pem").write_bytes(certificate + pem(key))
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(pem(key))
    (folder / "locked.pem").write_bytes(certificate + pem(key, b"secret"))
    return folder


@pytest.fixture
def guarded(papers):
    """A registry that lets nobody in without a certificate that it knows."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(papers / "open.pem")
    tls.load_verify_locations(papers / "certificate.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    with stub_registry.running(tls) as running:
        yield running


def test_a_certificate_that_nobody_vouches_for_is_refused_and_not_tried_again(guarded):
    asked = Asked(guarded)
    with pytest.raises(RegistryUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        asked.register()
    assert (asked.naps, guarded.requests) == ([], [])


@pytest.mark.parametrize(
    "files",
    [
        {"client_certificate": "open.pem"},
        {"client_certificate": "certificate.pem", "client_key": "key.pem"},
    ],
)
def test_a_registry_that_asks_for_a_certificate_gets_it(guarded, papers, monkeypatch, files):
    monkeypatch.setenv("SSL_CERT_FILE", str(papers / "certificate.pem"))
    asked = Asked(guarded, **{name: papers / file for name, file in files.items()})
    assert asked.register().registration_id == "EU-REG-0001"
    with pytest.raises(RegistryRefused, match="asks for a client_certificate"):
        Asked(guarded).register()
    assert len(guarded.requests) == 1


def test_a_locked_key_waits_for_nobody(guarded, papers):
    with pytest.raises(InputRefused, match="without password"):
        Asked(guarded, client_certificate=papers / "locked.pem")


def test_an_empty_proof_is_none(registry):
    registry.faults.append(answering(200, b""))
    with pytest.raises(RegistryUnavailable, match="empty proof"):
        Asked(registry).proof()
    registry.faults.append(answering(403, {"detail": "not yours"}))
    with pytest.raises(RegistryRefused, match="not yours"):
        Asked(registry).proof()
