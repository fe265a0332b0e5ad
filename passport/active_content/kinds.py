"""What a file is by its bytes, and the reader of its kind; in this process."""

from typing import Final

from passport.active_content import drawing, images, text
from passport.errors import ContentForeign, ContentUnreadable

# What comes often and is not taken: magic bytes, and what to say.
_FOREIGN: Final = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xfe\xed\xfa", "a macOS program"),
    (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a Java class or macOS program"),
    (b"\x00asm", "a WebAssembly program"),
    (b"#!", "a script"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"GIF8", "a GIF picture; save it as PNG"),
    (b"II*\x00", "a TIFF picture; save it as PDF or PNG"),
    (b"MM\x00*", "a TIFF picture; save it as PDF or PNG"),
    (b"BM", "a BMP picture; save it as PNG"),
    (b"{\\rtf", "an RTF document; export it as PDF"),
    (b"%!PS", "a PostScript program; export it as PDF"),
    (b"FWS", "a Flash film"),
    (b"CWS", "a Flash film"),
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIPPED: Final = (
    (b"vbaProject.bin", "an Office file with macros; export it as PDF"),
    (b"word/", "a Word file; export it as PDF"),
    (b"xl/", "an Excel file; export it as CSV or PDF, or bring its facts with `cellpass import`"),
    (b"ppt/", "a PowerPoint file; export it as PDF"),
    (b"opendocument", "an OpenDocument file; export it as PDF"),
    (b"META-INF/MANIFEST.MF", "a Java program"),
)
_ZIP_TAIL: Final = 65_557  # the longest end of a ZIP archive: 22 bytes and a comment of 65,535


def inspect(data: bytes, *, depth: int = 0) -> tuple[str, str]:
    """Media type and words of one file, in this process.

    Args:
        data: the file.
        depth: how many files it stands inside of.

    Raises:
        ContentForeign, ContentActive, ContentUnreadable, ContentTooLarge: as for `check.check`.
    """
    # 1. Something at all.
    if not data:
        raise ContentForeign("the file is empty")
    # 2. What programs begin with, before anything is read.
    refuse_foreign(data)
    # 3. One thing only.
    pdf = data.startswith(b"%PDF-")
    refuse_second_nature(data, pdf=pdf)
    # 4. The reader of its kind.
    if pdf:
        # Loading the reader of PDFs costs more than most files.
        from passport.active_content.pdf import inspect_pdf

        return inspect_pdf(data, depth=depth, attachment=lambda one: inspect(one, depth=depth + 1))
    if (found := images.inspect_image(data)) is not None:
        return found
    if b"\x00" in data[:4096]:
        raise ContentForeign(
            "the bytes are of no kind that is kept: expected PDF, PNG, JPEG, WebP, SVG, JSON, CSV or text"
        )
    words = text.decoded(data)
    if words.lstrip("\ufeff \t\r\n\f").startswith("<"):
        return drawing.inspect_svg(data, words)
    return text.inspect_text(words)


def refuse_foreign(data: bytes) -> None:
    """Nothing, for what does not begin like a program, an archive or a format that is not taken.

    Raises:
        ContentForeign: it does; the sentence names it.
    """
    for magic, words in _FOREIGN:
        if data.startswith(magic) and not (magic in _TEXT_TOO and _is_text(data)):
            raise ContentForeign(f"this is {words}")
    if data.startswith(_OLE):
        macros = b"_\x00V\x00B\x00A\x00" in data
        raise ContentForeign(
            f"this is an old Office file{' with macros' if macros else ''}; export it as PDF"
        )
    if data[257:262] == b"ustar":
        raise ContentForeign("this is a tar archive")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        for part, words in _ZIPPED:
            if part in data:
                raise ContentForeign(f"this is {words}")
        raise ContentForeign("this is a ZIP archive; add the files in it one by one")


# Two letters with which a sentence may begin as well.
_TEXT_TOO: Final = frozenset({b"MZ", b"BM", b"BZh", b"FWS", b"CWS"})


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return not any(byte < 9 for byte in data[:4096])


def refuse_second_nature(data: bytes, *, pdf: bool) -> None:
    """Nothing, for a file that only one kind of program would open.

    Raises:
        ContentForeign: it is an archive or a PDF as well.
        ContentUnreadable: a PDF goes on behind its end.
    """
    # Readers of archives begin at the end of a file.
    tail = data[-_ZIP_TAIL:]
    place = tail.rfind(b"PK\x05\x06")
    while place >= 0:
        end = len(data) - len(tail) + place
        size = int.from_bytes(data[end + 12 : end + 16], "little")
        if size and end >= size and data[end - size : end - size + 4] == b"PK\x01\x02":
            raise ContentForeign("this is an archive as well: a ZIP directory stands at its end")
        place = tail.rfind(b"PK\x05\x06", 0, place)
    if not pdf:
        # Readers of PDF look for its head within the first kilobyte.
        if b"%PDF-" in data[:1029]:
            raise ContentForeign("this is a PDF behind something else; a PDF begins with %PDF-")
        return
    end = data.rfind(b"%%EOF")
    if end < 0:
        raise ContentUnreadable("the PDF ends before its end (no %%EOF): it was cut; export it again")
    if data[end + 5 :].strip(b"\x00\t\n\f\r "):
        raise ContentForeign(
            f"{len(data) - end - 5} bytes stand behind the end of the PDF; export it again as a clean PDF"
        )
