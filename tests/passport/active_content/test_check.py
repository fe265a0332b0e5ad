"""What the document store takes, and what it refuses under which name."""

import hashlib
import os
import subprocess
import sys

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Stream, String

from passport.active_content import apart, pdf
from passport.active_content.check import LARGEST, Checked, check
from passport.active_content.kinds import inspect
from passport.errors import (
    ContentActive,
    ContentForeign,
    ContentTooLarge,
    ContentUnreadable,
    DocumentRefused,
)
from tests.passport.active_content import files

SOUND = {
    "a PDF": (files.pdf(pages=3), "application/pdf", "PDF, 3 pages"),
    "a packed PDF": (
        files.pdf(object_stream_mode=pikepdf.ObjectStreamMode.generate),
        "application/pdf",
        "PDF, 1 page",
    ),
    "a linearised PDF": (files.pdf(linearize=True), "application/pdf", "PDF, 1 page"),
    "a PDF with a link": (
        files.linking("https://cells.example/manual"),
        "application/pdf",
        "PDF, 1 page, 1 link",
    ),
    "a PDF with a link to a mailbox": (files.linking("mailto:a@cells.example"), "application/pdf", None),
    "a PDF with a link without a scheme": (files.linking("www.cells.example"), "application/pdf", None),
    "a PDF with attachments": (
        files.attaching("record.json", b'{"a": "1"}'),
        "application/pdf",
        "PDF, 1 page, 1 attachment",
    ),
    "a PDF that opens at a page": (
        files.pdf(lambda made: made.Root.__setattr__("OpenAction", Array([made.pages[0].obj, Name.Fit]))),
        "application/pdf",
        None,
    ),
    "a PNG": (files.picture("PNG"), "image/png", "PNG, 8 x 6 pixels"),
    "a JPEG": (files.picture("JPEG"), "image/jpeg", "JPEG, 8 x 6 pixels"),
    "a progressive JPEG": (
        files.picture("JPEG", (70, 50), progressive=True),
        "image/jpeg",
        "JPEG, 70 x 50 pixels",
    ),
    "a WebP": (files.picture("WEBP"), "image/webp", "WebP, 8 x 6 pixels"),
    "a lossless WebP": (files.picture("WEBP", (9, 7), lossless=True), "image/webp", "WebP, 9 x 7 pixels"),
    "a drawing": (files.svg(), "image/svg+xml", "SVG, 2 elements"),
    "a drawing with head and comment": (
        files.svg(before='\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n'),
        "image/svg+xml",
        None,
    ),
    "a drawing with inner references": (
        files.svg('<defs><path id="a" d="M0 0"/></defs><use xlink:href="#a" style="fill:url(#b)"/>'),
        "image/svg+xml",
        None,
    ),
    "a drawing with a picture and a link": (
        files.svg(
            '<image href="data:image/png;base64,AAAA"/><a href="https://cells.example/"><path d=""/></a>'
        ),
        "image/svg+xml",
        None,
    ),
    "JSON": (b'{"mass": "46.5", "parts": [1, 2]}', "application/json", "JSON"),
    "CSV": (b"part;number\r\ncontactor;-12.5\r\nfuse;+49 30 123\r\n", "text/csv", "CSV, 3 lines"),
    "Markdown": (
        b"# Rescue\n\n- **Water**, large amounts; see [the sheet](https://cells.example/a)\n",
        "text/plain",
        "text, 3 lines",
    ),
    "Markdown that begins with a bracket": (b"[Manual](https://cells.example)\n", "text/plain", None),
    "text in another script": ("Осторожно: высокое напряжение\n".encode(), "text/plain", "text, 1 line"),
    "text that begins like a program": (b"MZ is where Mainz begins.\n", "text/plain", None),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_taken_as_what_it_is(name):
    data, media_type, about = SOUND[name]
    found, said = inspect(data)
    assert found == media_type
    assert about in (None, said)


@pytest.mark.parametrize("name", ["a PDF", "a PDF with attachments", "a PNG", "CSV"])
def test_the_door_gives_the_bytes_as_they_came_with_their_digest(name):
    data, media_type, about = SOUND[name]
    assert check(data) == Checked(data, hashlib.sha256(data).hexdigest(), media_type, about)


def rich(made):
    made.pages[0].Annots = Array(
        [Dictionary(Type=Name.Annot, Subtype=Name.RichMedia, Rect=Array([0, 0, 9, 9]))]
    )


def xfa(made):
    made.Root.AcroForm = Dictionary(Fields=Array([]), XFA=Stream(made, b"<xdp/>"))


def timed(made):
    made.pages[0].AA = Dictionary(O=Dictionary(S=Name.GoTo, D=Array([made.pages[0].obj, Name.Fit])))


def web_at_opening(made):
    made.Root.OpenAction = Dictionary(S=Name.URI, URI=String("https://cells.example"))


def deep_script(made):
    made.Root.Hidden = Array([Array([Dictionary(Next=Dictionary(S=Name.JavaScript))])])


def outside(made):
    made.Root.Far = made.make_indirect(Stream(made, b"", F=String("other.bin")))


ACTIVE = {
    "a script at opening": files.scripted(),
    "a script inside packed objects": files.scripted(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "a script deep inside": files.pdf(deep_script),
    "the start of a program": files.pdf(files.acting(Dictionary(S=Name.Launch, F=String("cmd.exe")))),
    "a form that sends": files.pdf(
        files.acting(Dictionary(S=Name.SubmitForm, F=String("https://x.example")))
    ),
    "a jump into another file": files.pdf(files.acting(Dictionary(S=Name.GoToR, F=String("//host/a.pdf")))),
    "a script as a link": files.linking("JavaScript:alert(1)"),
    "a file as a link": files.linking("file:///etc/passwd"),
    "a share as a link": files.linking("\\\\host\\share"),
    "rich media": files.pdf(rich, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "an XFA form": files.pdf(xfa),
    "actions of a page": files.pdf(timed),
    "a web page at opening": files.pdf(web_at_opening),
    "content from another file": files.pdf(outside),
    "an attached PDF with a script": files.attaching("a.pdf", files.scripted()),
    "a drawing with a script": files.svg("<script>alert(1)</script>"),
    "a drawing with an event": files.svg(attributes='onload="alert(1)"'),
    "a drawing with HTML in it": files.svg(
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'
    ),
    "a drawing with HTML beside it": files.svg('<p xmlns="http://www.w3.org/1999/xhtml"/>'),
    "a drawing that fetches a picture": files.svg('<image href="https://x.example/a.png"/>'),
    "a drawing that uses another": files.svg('<use href="https://x.example/a.svg#b"/>'),
    "a drawing with a scripted link": files.svg('<a href="java&#x73;cript:alert(1)"><path d=""/></a>'),
    "a drawing with a link into data": files.svg('<a href="data:text/html,x"><path d=""/></a>'),
    "a drawing with a style from elsewhere": files.svg("<style>@import url(https://x.example)</style>"),
    "a drawing that fetches by style": files.svg('<path d="" style="fill:url(https://x.example#a)"/>'),
    "a drawing that fetches by a hidden style": files.svg(r"<style>a{fill:\75rl(https://x.example)}</style>"),
    "a drawing that fetches by an attribute": files.svg('<path d="" fill="url(//x.example#a)"/>'),
    "a drawing that changes its links": files.svg('<set attributeName="href" to="#a"/>'),
    "a drawing with an entity": files.svg("&a;", before='<!DOCTYPE svg [<!ENTITY a "b">]>'),
    "a drawing with a document type": files.svg(before="<!DOCTYPE svg>"),
    "a drawing with a style sheet": files.svg(before='<?xml-stylesheet href="https://x.example"?>'),
    "Markdown with a script": b"# Manual\n\n<script>alert(1)</script>\n",
    "Markdown with an event": b"Look: <img src=x onerror=alert(1)>\n",
    "Markdown with a scripted link": b"[here](javascript:alert(1))\n",
    "CSV with a formula": b'name,value\nx,"=HYPERLINK(""https://x.example"")"\n',
    "CSV with a command": b"name,value\nx,+cmd|' /C calc'!A0\n",
    "CSV with a sum behind a sign": b"name,value\nx,-SUM(A1:A9)\n",
}


@pytest.mark.parametrize("name", ACTIVE)
def test_what_would_act_is_refused_as_active(name):
    with pytest.raises(ContentActive):
        inspect(ACTIVE[name])


@pytest.mark.parametrize("name", ["a script inside packed objects", "an attached PDF with a script"])
def test_a_refusal_comes_back_from_the_reader_s_own_process(name):
    with pytest.raises(ContentActive, match="the PDF"):
        check(ACTIVE[name])


FOREIGN = {
    "nothing": (b"", "empty"),
    "HTML": (b"<!DOCTYPE html><title>x</title>", "HTML"),
    "HTML behind blanks": (b" \n\n <html>", "HTML"),
    "XML": (b"<?xml version='1.0'?><note/>", "no SVG"),
    "an Office file": (files.zipped(word__document_xml=b"<w/>"), "Word"),
    "an Office file with macros": (
        files.zipped(word__document_xml=b"<w/>", word__vbaProject_bin=b"\x00"),
        "macros",
    ),
    "a workbook": (files.zipped(xl__workbook_xml=b"<w/>"), "Excel"),
    "an old Office file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Office"),
    "an archive": (files.zipped(a_txt=b"a"), "ZIP"),
    "a tar archive": (b"a.txt" + bytes(252) + b"ustar\x0000" + bytes(300), "tar"),
    "a gzip archive": (b"\x1f\x8b\x08\x00" + bytes(20), "gzip"),
    "a Windows program": (b"MZ\x90\x00\x03" + bytes(100), "Windows program"),
    "a Linux program": (b"\x7fELF\x02\x01" + bytes(100), "Linux program"),
    "a shell script": (b"#!/bin/sh\nrm -rf /\n", "script"),
    "a GIF": (b"GIF89a" + bytes(30), "GIF"),
    "random bytes": (bytes(range(256)), "no kind that is kept"),
    "text in UTF-16": ("Hallo".encode("utf-16"), "no kind that is kept"),
    "text in Latin-1": ("Rettungsblätter\n".encode("latin-1"), "UTF-8"),
    "text with a bell": (b"ding \x07\n", "control character U\\+0007"),
    "JSON that readers disagree on": (b'{"a": 1, "a": 2}', "twice"),
    "a PNG and a PDF": (files.picture("PNG")[:33] + b"%PDF-1.7" + files.picture("PNG")[33:], "PDF behind"),
    "a PNG and an archive": (files.picture("PNG") + files.zipped(a_txt=b"a"), "archive as well"),
    "a PDF and an archive": (files.pdf() + files.zipped(a_txt=b"a"), "archive as well"),
    "a PDF with an archive's end inside": (
        files.pdf().replace(b"%%EOF", files.zipped(a_txt=b"a") + b"\n%%EOF"),
        "archive as well",
    ),
    "a PDF with a page of HTML behind it": (files.pdf() + b"<script>alert(1)</script>", "behind the end"),
    "a PNG with something behind it": (files.picture("PNG") + b"x", "1 bytes stand behind"),
    "a JPEG with something behind it": (files.picture("JPEG") + b"<?php", "behind the end of the JPEG"),
    "a WebP with something behind it": (files.picture("WEBP") + b"xx", "behind the end of the WebP"),
    "a PDF with a program attached": (
        files.attaching("a.exe", b"MZ\x90\x00" + bytes(99)),
        "attachment.*Windows",
    ),
    "a PDF with macros attached": (
        files.attaching("a.docm", files.zipped(word__vbaProject_bin=b"x" * 99)),
        "archive as well|attachment.*macros",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_kept_is_refused_and_named(name):
    data, words = FOREIGN[name]
    with pytest.raises(ContentForeign, match=words):
        inspect(data)


UNREADABLE = {
    "half a PDF": files.pdf()[:300],
    "a PDF with a lost index": files.pdf().replace(b"startxref", b"startxxxx"),
    "a PDF with a password": files.pdf(encryption=pikepdf.Encryption(user="u", owner="o")),
    "a PDF locked against change": files.pdf(encryption=pikepdf.Encryption(owner="o")),
    "half a PNG": files.picture("PNG")[:-5],
    "a PNG with a flipped bit": files.picture("PNG").replace(b"IDAT", b"IDAU"),
    "half a JPEG": files.picture("JPEG")[:-40],
    "half a WebP": files.picture("WEBP")[:-4],
    "half a drawing": files.svg()[:-3],
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_to_its_end_is_refused(name):
    with pytest.raises(ContentUnreadable):
        inspect(UNREADABLE[name])


def test_too_much_is_refused_before_it_is_read():
    with pytest.raises(ContentTooLarge, match="at most 25 MiB"):
        check(b"a" * (LARGEST + 1))


@pytest.mark.parametrize(
    "data",
    [
        files.png_of(100_000, 100_000),
        files.svg("<g>" * 300 + "</g>" * 300),
        files.svg("<g/>" * 200_001),
    ],
    ids=["pixels", "levels", "elements"],
)
def test_a_file_that_unfolds_is_refused(data):
    with pytest.raises(ContentTooLarge):
        check(data)


def test_a_pdf_of_too_many_pages_or_objects_is_refused(monkeypatch):
    monkeypatch.setattr(pdf, "MOST_PAGES", 3)
    with pytest.raises(ContentTooLarge, match="1 to 3 pages"):
        inspect(files.pdf(pages=4))
    monkeypatch.setattr(pdf, "MOST_OBJECTS", 5)
    with pytest.raises(ContentTooLarge, match="at most 5 objects"):
        inspect(files.pdf(pages=3))


def bomb(megabytes: int) -> bytes:
    """A PDF whose attachment unpacks to so much, twice packed so that it is small."""

    def change(made):
        import zlib

        once = zlib.compress(bytes(megabytes << 20), 9)
        stream = Stream(made, zlib.compress(once, 9))
        stream.Type, stream.Filter = Name.EmbeddedFile, Array([Name.FlateDecode, Name.FlateDecode])
        spec = Dictionary(Type=Name.Filespec, F=String("a.txt"), EF=Dictionary(F=made.make_indirect(stream)))
        made.Root.Names = Dictionary(
            EmbeddedFiles=Dictionary(Names=Array([String("a"), made.make_indirect(spec)]))
        )

    return files.pdf(change, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def test_a_bomb_in_a_pdf_costs_its_reader_and_nobody_else():
    data = bomb(300)
    assert len(data) < 20_000
    with pytest.raises(DocumentRefused):
        check(data)


def test_a_reader_that_ends_or_never_ends_is_a_refusal(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ContentTooLarge, match="gave up"):
        apart.inspect_apart(b"%PDF-")

    def never(*_arguments, **options):
        raise subprocess.TimeoutExpired("reader", options["timeout"])

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(ContentTooLarge, match="within its time"):
        apart.inspect_apart(b"%PDF-")


def test_a_pdf_as_a_renderer_makes_it_is_taken():
    weasyprint = pytest.importorskip("weasyprint")
    words = "<html lang=en><h1>Declaration</h1><a href='https://cells.example'>maker</a>"
    made = weasyprint.HTML(string=words).write_pdf()
    assert check(made).about == "PDF, 1 page, 1 link"


# --- arbitrary and mutated bytes


@pytest.fixture(scope="module", autouse=True)
def limits():
    """In the reader's process they are always set."""
    pdf.set_limits()


def answers(data: bytes) -> None:
    """A sound answer or a typed refusal, nothing else."""
    said: tuple[str, ...]
    try:
        said = inspect(data)
    except DocumentRefused as error:
        said = (str(error),)
    assert all(said)


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_an_answer_or_a_typed_refusal(data):
    answers(data)


HEADS = [
    b"%PDF-1.7\n",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF\x10\x00\x00\x00WEBP",
    b"<svg",
    b"{",
    b"PK\x05\x06",
]


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.sampled_from(HEADS), st.binary(max_size=200), st.sampled_from([b"", b"\n%%EOF\n", b"\xff\xd9", b"/>"])
)
def test_a_right_head_before_arbitrary_bytes_gives_an_answer(head, data, tail):
    answers(head + data + tail)


SEEDS = [data for data, _, _ in SOUND.values()] + list(ACTIVE.values())


@settings(max_examples=300, deadline=None, database=None)
@given(st.data())
def test_mutated_files_give_an_answer_or_a_typed_refusal(data):
    changed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, max(len(changed) - 1, 0)))
        match data.draw(st.integers(0, 3)):
            case 0:
                changed[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case 1:
                del changed[place : place + data.draw(st.integers(1, 40))]
            case 2:
                changed[place:place] = changed[place : place + data.draw(st.integers(1, 40))]
            case _:
                changed[place:place] = data.draw(
                    st.sampled_from([b"<<", b">>", b"[", b"]", b"(", b"/S", b"\x00"])
                )
    answers(bytes(changed))


@settings(max_examples=60, deadline=None, database=None)
@given(
    st.text(max_size=200),
    st.sampled_from(["<svg xmlns='http://www.w3.org/2000/svg'>{}</svg>", "{}", "a,b\n{}"]),
)
def test_arbitrary_text_gives_an_answer_or_a_typed_refusal(words, frame):
    answers(frame.format(words).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("mode", list(pikepdf.ObjectStreamMode))
@pytest.mark.parametrize("linearize", [True, False])
def test_no_script_survives_any_way_of_saving(mode, linearize):
    with pytest.raises(ContentActive):
        inspect(files.scripted(object_stream_mode=mode, linearize=linearize))


def test_the_reader_of_pdfs_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "passport.active_content.apart"],
        input=files.scripted(),
        capture_output=True,
        check=True,
        env=dict(os.environ),
    )
    assert b'"refused": "ContentActive"' in done.stdout
