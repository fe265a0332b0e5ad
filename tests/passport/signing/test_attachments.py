import io
import zlib

import pikepdf
import pytest

from passport.errors import InputRefused
from passport.signing import encode, verify
from passport.signing.attachments import attachments
from tests.passport.signing.records import NOW, Issuer


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


def pdf(files, **options):
    document = pikepdf.new()
    document.add_blank_page()
    for name, data in files.items():
        document.attachments[name] = pikepdf.AttachedFileSpec(document, data, filename=name)
    target = io.BytesIO()
    document.save(target, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress_streams": False},
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        {"linearize": True},
    ],
    ids=["plain", "uncompressed", "object streams", "linearized"],
)
def test_attachments_are_found_however_the_pdf_is_written(options):
    files = {"a.txt": b"first" * 50, "b.bin": bytes(range(256)) * 20}
    assert sorted(attachments(pdf(files, **options))) == sorted(files.values())


def test_a_record_in_a_pdf_is_verified_like_any_other(issuer):
    jwt, made = issuer.issue()
    data = pdf(
        {"record.sd-jwt": encode.view(jwt, [made.disclosures[0].encoded]), "x.tlog-proof": issuer.proof(0)}
    )
    found = {
        line.name: line.answer
        for line in verify.verify_file(data, jwks=issuer.jwks, log_keys=[issuer.log_key], now=NOW)
    }
    assert [found[name] for name in ("signature", "disclosures", "issuer", "schema", "log")] == ["yes"] * 5


def test_a_bundle_in_a_pdf_wins_over_the_record_in_it(issuer):
    jwt, _ = issuer.issue()
    data = pdf({"record.sd-jwt": jwt + b"~", "bundle.json": issuer.bundle(jwt)})
    lines = verify.verify_file(data, jwks=issuer.jwks, log_keys=[issuer.log_key], now=NOW)
    assert lines[6].answer == "yes"


def test_weasyprint_attachments_are_found(issuer):
    from weasyprint import HTML, Attachment

    jwt, _ = issuer.issue()
    attached = Attachment(string=(jwt + b"~").decode(), name="record.sd-jwt")
    data = HTML(string="<p>page</p>").write_pdf(attachments=[attached])
    assert verify.read_document(data).jwt == jwt


def test_two_records_in_one_pdf_are_refused(issuer):
    first, _ = issuer.issue()
    second, _ = issuer.issue()
    with pytest.raises(InputRefused, match="more than one record"):
        verify.read_document(pdf({"a": first + b"~", "b": second + b"~"}))


def test_a_pdf_without_a_record_and_an_encrypted_one_are_told_apart():
    with pytest.raises(InputRefused, match="has no record attached"):
        verify.read_document(pdf({"a.txt": b"hello"}))
    locked = pdf({"a.txt": b"hello"}, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(InputRefused, match="is encrypted"):
        verify.read_document(locked)


def stream(dictionary, data):
    head = b"%PDF-1.7\n1 0 obj\n<< /Type /EmbeddedFile " + dictionary
    return head + b" >>\nstream\n" + data + b"\nendstream\nendobj\n"


WRONG = {
    "a bomb": (stream(b"/Filter /FlateDecode", zlib.compress(bytes(2**24 + 1))), "more than 16777216 bytes"),
    "broken deflate": (stream(b"/Filter /FlateDecode", b"nonsense"), "does not unpack"),
    "another filter": (stream(b"/Filter /LZWDecode", b"x"), "packed in a way that is not read here"),
    "two filters": (stream(b"/Filter [/ASCIIHexDecode /FlateDecode]", b"x"), "packed in a way"),
    "too many": (stream(b"", b"x") * 65, "more than 64 attachments"),
}


@pytest.mark.parametrize(("data", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_an_attachment_that_cannot_be_read_is_refused(data, sentence):
    with pytest.raises(InputRefused, match=sentence):
        attachments(data)


def test_the_words_alone_are_no_attachment():
    assert (
        attachments(
            b"%PDF-1.7\n1 0 obj\n<< /Type /EmbeddedFile >>\nendobj\n2 0 obj\n<<>>\nstream\nx\nendstream"
        )
        == []
    )
    assert attachments(b"%PDF-1.7\n/Type /EmbeddedFile stream\nx\nendstream") == []
    assert attachments(b"%PDF-1.7\n1 0 obj\n<< /Type /EmbeddedFile >>\nstream\nno end") == []
