"""Files for tests of the document store, made here byte by byte: sound ones, and each kind of bad one."""

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, String
from PIL import Image


def pdf(change: Callable[[pikepdf.Pdf], None] | None = None, *, pages: int = 1, **saving: Any) -> bytes:
    """A PDF with so many empty pages, changed before it is saved."""
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(200, 200))
    if change is not None:
        change(made)
    target = io.BytesIO()
    made.save(target, deterministic_id="encryption" not in saving, **saving)
    return target.getvalue()


def acting(action: Dictionary) -> Callable[[pikepdf.Pdf], None]:
    """The first page gets a link with that action."""

    def change(made: pikepdf.Pdf) -> None:
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=action)
        made.pages[0].Annots = Array([made.make_indirect(link)])

    return change


def linking(address: str) -> bytes:
    """A PDF with a link to that address."""
    return pdf(acting(Dictionary(S=Name.URI, URI=String(address))))


def scripted(**saving: Any) -> bytes:
    """A PDF whose script runs when it is opened."""

    def change(made: pikepdf.Pdf) -> None:
        made.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))

    return pdf(change, **saving)


def attaching(name: str, data: bytes) -> bytes:
    """A PDF with a file attached."""

    def change(made: pikepdf.Pdf) -> None:
        made.attachments[name] = pikepdf.AttachedFileSpec(made, data, filename=name)

    return pdf(change)


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 6), **saving: Any) -> bytes:
    """A picture as Pillow writes it."""
    target = io.BytesIO()
    Image.effect_noise(size, 40).convert("RGB").save(target, kind, **saving)
    return target.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has that size, with next to no pixels in it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        whole = name + body
        return len(body).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\x00"))
        + chunk(b"IEND", b"")
    )


def zipped(**files: bytes) -> bytes:
    """A ZIP archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return target.getvalue()


def svg(inside: str = '<path d="M0 0h9v9z"/>', attributes: str = "", before: str = "") -> bytes:
    """A drawing."""
    head = f'{before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="0 0 9 9" {attributes}>{inside}</svg>'.encode()
