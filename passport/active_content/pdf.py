"""PDF: every object is looked at, attachments with the rules of every other file.

A PDF may hold links that a person follows, forms that a person fills in, signatures and attachments. It may
not act: no script, no program, no form that sends itself, no film, nothing that opens with the page.

Source: ISO 32000-2, 12.6 (actions), 12.5.6 (annotations), 7.11 (file specifications), 12.7.8 (XFA).
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pikepdf

from passport.errors import ContentActive, ContentTooLarge, ContentUnreadable, DocumentRefused

MOST_PAGES: Final = 3_000
MOST_OBJECTS: Final = 200_000
_MOST_VALUES: Final = 5_000_000
_MOST_ATTACHMENTS: Final = 100
_LARGEST_ATTACHMENT: Final = 25 * 1024 * 1024
_DEEPEST: Final = 2

_ACTIONS: Final = {
    "/JavaScript": "a script",
    "/Launch": "the start of a program",
    "/SubmitForm": "a form that sends its content",
    "/ImportData": "the import of data",
    "/GoToR": "a jump into another file",
    "/GoToE": "a jump into an attachment",
    "/Rendition": "a film or sound",
    "/Movie": "a film",
    "/Sound": "a sound",
    "/RichMediaExecute": "rich media",
    "/GoTo3DView": "a 3D model",
}
_SUBTYPES: Final = {
    "/RichMedia": "rich media",
    "/Movie": "a film",
    "/Sound": "a sound",
    "/Screen": "a film or sound",
    "/3D": "a 3D model",
    "/PS": "a PostScript program",
}
_KEYS: Final = {
    "/JS": "a script",
    "/JavaScript": "a script",
    "/XFA": "an XFA form",
    "/AA": "actions that run by themselves",
    "/RichMediaContent": "rich media",
    "/RichMediaSettings": "rich media",
}
_AT_OPENING: Final = frozenset({"/GoTo", "/GoToDp", "/Named"})
_SCHEME: Final = re.compile(rb"\s*([A-Za-z][A-Za-z0-9+.\-]*)\s*:")
_SCHEMES: Final = frozenset({b"http", b"https", b"mailto", b"tel"})
# What lenient viewers may still find where the file's own index does not lead.
_RAW: Final = (b"/JavaScript", b"/Launch", b"/RichMedia", b"/SubmitForm")


def set_limits() -> None:
    """Limits of the reader for the whole process: bounded nesting, containers and unpacked streams."""
    from pikepdf import settings

    settings.set_qpdf_limits(
        doc_max_warnings=100,
        parser_max_nesting=200,
        parser_max_container_size=2_000_000,
        max_stream_filters=4,
        flate_max_memory=2 * _LARGEST_ATTACHMENT,
        run_length_max_memory=2 * _LARGEST_ATTACHMENT,
        png_max_memory=2 * _LARGEST_ATTACHMENT,
        tiff_max_memory=2 * _LARGEST_ATTACHMENT,
        dct_max_memory=2 * _LARGEST_ATTACHMENT,
    )


def inspect_pdf(data: bytes, *, depth: int, attachment: Callable[[bytes], object]) -> tuple[str, str]:
    """Media type and words of a PDF.

    Args:
        data: the file; it begins with `%PDF-` and ends with its end.
        depth: how many files it is attached inside of.
        attachment: judges the bytes of an attached file.

    Raises:
        ContentActive: it would act by itself, or an attachment would.
        ContentUnreadable: damaged or encrypted.
        ContentTooLarge: over a limit of pages, objects or attachments.
        DocumentRefused: an attachment is refused, for its own reason.
    """
    for words in _RAW:
        if words in data:
            raise ContentActive(f"the PDF holds {words.decode()}; export it as plain PDF, best PDF/A")
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False, suppress_warnings=True) as opened:
            return _look(opened, depth, attachment)
    except pikepdf.PasswordError as error:
        raise ContentUnreadable("the PDF asks for a password; save it without one") from error
    except DocumentRefused:
        raise
    except (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ContentUnreadable(
            f"the PDF is damaged: {str(error).splitlines()[0][:120] if str(error) else type(error).__name__};"
            " export it again"
        ) from error


def _look(opened: Any, depth: int, attachment: Callable[[bytes], object]) -> tuple[str, str]:
    if opened.is_encrypted:
        raise ContentUnreadable("the PDF is encrypted; save it without encryption, so that it can be checked")
    count = len(opened.objects)
    if count > MOST_OBJECTS:
        raise ContentTooLarge(f"a PDF has at most {MOST_OBJECTS} objects; this one has {count}")
    pages = len(opened.pages)
    if not 0 < pages <= MOST_PAGES:
        raise ContentTooLarge(f"a PDF has 1 to {MOST_PAGES} pages; this one has {pages}")
    attached: dict[tuple[int, int], Any] = {}
    links = 0
    for value, held in _values(opened):
        links += _judge(value, held, attached)
    if len(attached) > _MOST_ATTACHMENTS:
        raise ContentTooLarge(f"a PDF has at most {_MOST_ATTACHMENTS} attachments")
    for stream in attached.values():
        _judge_attachment(stream, depth, attachment)
    if opened.get_warnings():
        raise ContentUnreadable("the PDF is damaged in places; export it again")
    told = [f"{pages} page{'' if pages == 1 else 's'}"]
    told += [f"{links} link{'' if links == 1 else 's'}"] if links else []
    told += [f"{len(attached)} attachment{'' if len(attached) == 1 else 's'}"] if attached else []
    return "application/pdf", ", ".join(["PDF", *told])


def _values(opened: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every dictionary and stream of the file, at any depth, once, with what stands under its keys."""
    seen = 0
    for top in (opened.trailer, *opened.objects):
        waiting = [top]
        while waiting:
            value = waiting.pop()
            if isinstance(value, pikepdf.Array):
                children = list(value)
            elif isinstance(value, _WITH_KEYS):
                held = dict(value.items())
                yield value, held
                children = list(held.values())
            else:
                continue
            seen += len(children)
            if seen > _MOST_VALUES:
                raise ContentTooLarge(f"a PDF has at most {_MOST_VALUES} values")
            # What another object holds is looked at when that object's turn comes.
            waiting += [one for one in children if isinstance(one, pikepdf.Object) and not one.is_indirect]


_WITH_KEYS: Final = (pikepdf.Dictionary, pikepdf.Stream)
# A dictionary with none of these keys does nothing.
_TELLING: Final = frozenset({*_KEYS, "/S", "/Subtype", "/OpenAction", "/FS", "/EF", "/URI"})


def _judge(value: Any, held: dict[str, Any], attached: dict[tuple[int, int], Any]) -> int:
    """Refuse what would act; note attachments; how many links it is."""
    if isinstance(value, pikepdf.Stream):
        if "/F" in held or "/Ref" in held:
            raise _active("content that lies in another file")
        if _name(held, "/Type") == "/EmbeddedFile":
            attached[value.objgen] = value
    if _TELLING.isdisjoint(held):
        return 0
    for key, words in _KEYS.items():
        if key in held:
            raise _active(words)
    if (action := _name(held, "/S")) in _ACTIONS:
        raise _active(_ACTIONS[action])
    if (subtype := _name(held, "/Subtype")) in _SUBTYPES:
        raise _active(_SUBTYPES[subtype])
    if "/OpenAction" in held:
        _judge_opening(held["/OpenAction"])
    if _name(held, "/FS") == "/URL":
        raise _active("a file that would be fetched")
    files = held.get("/EF")
    if isinstance(files, pikepdf.Dictionary):
        attached |= {one.objgen: one for _, one in files.items() if isinstance(one, pikepdf.Stream)}
    if "/URI" in held and not isinstance(held["/URI"], pikepdf.Dictionary):
        _judge_link(bytes(held["/URI"]) if isinstance(held["/URI"], pikepdf.String) else b"?:")
        return 1
    return 0


def _active(words: str) -> ContentActive:
    return ContentActive(f"the PDF holds {words}; export it as plain PDF, best PDF/A")


def _name(held: Mapping[str, Any] | Any, key: str) -> str:
    """The name under a key; empty for anything else."""
    found = held.get(key)
    return str(found) if isinstance(found, pikepdf.Name) else ""


def _judge_opening(action: Any) -> None:
    if isinstance(action, pikepdf.Dictionary) and _name(action, "/S") not in _AT_OPENING:
        raise _active("something that happens when it is opened")


def _judge_link(address: bytes) -> None:
    """A link without a scheme is a name for a viewer to complete; with one, only those that open a page."""
    scheme = _SCHEME.match(address)
    if (scheme is not None and scheme[1].lower() not in _SCHEMES) or address.startswith((b"\\\\", b"//")):
        shown = address[:40].decode("ascii", "replace")
        raise ContentActive(f"the PDF holds a link to {shown!r}; links may lead to web pages and addresses")


def _judge_attachment(stream: Any, depth: int, attachment: Callable[[bytes], object]) -> None:
    if depth + 1 > _DEEPEST:
        raise ContentTooLarge(f"attachments stand at most {_DEEPEST} deep in each other")
    data = stream.read_bytes()
    if len(data) > _LARGEST_ATTACHMENT:
        raise ContentTooLarge(f"an attachment has at most {_LARGEST_ATTACHMENT // 2**20} MiB")
    try:
        attachment(data)
    except DocumentRefused as error:
        raise type(error)(f"an attachment of the PDF: {error}") from error
