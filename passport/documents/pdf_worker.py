"""The process that turns HTML into a PDF; `passport.documents.pdf` starts it and writes jobs to its input.

Why a process of its own: WeasyPrint is not safe in threads, its memory is given back only by an end, and a
document that never finishes can only be stopped from outside. It is spoken to through pipes: four bytes of
length (big endian), then JSON. Nothing is fetched: the HTML carries its style and drawings, and every address
it may name, `file:` and `data:` included, is refused. The end of the input is the end of the process.

The file is PDF/A-3a and PDF/UA-1 at once. WeasyPrint writes one claim; the second is added to the metadata
together with the extension schema that PDF/A asks for whenever a property is not one of its own.
"""

import base64
import binascii
import logging
import mimetypes
import struct
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

import orjson

VARIANT: Final = "pdf/a-3a"

# Address space of the process; a real document stays below 150 MB resident.
MEMORY_BYTES: Final = 1536 * 1024 * 1024

_HEADER: Final = struct.Struct(">I")
_MARK: Final = b"</rdf:RDF>"

# ISO 14289-1, 5 (the identifier) and ISO 19005-3, 6.6.2.3.3 (the schema that describes it).
_UNIVERSAL_ACCESS: Final = b"""
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that this file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next message, or None at the end of the stream (a half message counts as the end)."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    data = stream.read(length)
    return data if len(data) == length else None


def frame(data: bytes) -> bytes:
    """One message as it goes through the pipe."""
    return _HEADER.pack(len(data)) + data


def write_pdf(job: Mapping[str, Any], font_config: Any) -> bytes:
    """The PDF of one job; the same job gives the same bytes.

    Args:
        job: `html`, `created` (ISO time, used for every date inside), `identifier` (hex), `attachments`: each
            with `name`, `description`, `relationship`, `data` (base64).
        font_config: shared by all documents of the process, which keeps its memory flat.
    """
    import weasyprint
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class NothingOutside(URLFetcher):  # type: ignore[misc]
        """Refuses every address and stops the document: a template never names one, so a value did."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            del headers
            raise FatalURLFetchingError(f"a document fetches nothing; it asked for {url[:80]!r}")

    fetcher = NothingOutside(allowed_protocols=(), allow_redirects=False)
    created = datetime.fromisoformat(job["created"])
    document = weasyprint.HTML(string=job["html"], base_url=None, url_fetcher=fetcher).render(
        font_config=font_config, pdf_variant=VARIANT
    )
    write_metadata = document.metadata.generate_rdf_metadata

    def with_universal_access(*arguments: Any) -> bytes:
        rdf: bytes = write_metadata(*arguments)
        return rdf.replace(_MARK, _UNIVERSAL_ACCESS + _MARK)

    document.metadata.generate_rdf_metadata = with_universal_access
    document.metadata.attachments = [
        weasyprint.Attachment(
            string=base64.b64decode(one["data"]),
            name=one["name"],
            description=one["description"],
            relationship=one["relationship"],
            created=created,
            modified=created,
            url_fetcher=fetcher,
        )
        for one in job["attachments"]
    ]
    pdf: bytes = document.write_pdf(pdf_variant=VARIANT, pdf_identifier=binascii.unhexlify(job["identifier"]))
    return pdf


def main() -> None:
    """Answer jobs until the input ends: `P` and the PDF, or `E` and a sentence."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not fall between two frames
    _limit_memory()
    mimetypes.add_type("application/vc+sd-jwt", ".sdjwt")
    try:
        from weasyprint.text.fonts import FontConfiguration
    except (ImportError, OSError) as error:
        # Pango is a system library: its absence shows as OSError at import.
        target.write(frame(b"M" + str(error).encode()))
        target.flush()
        return
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)
    fonts = FontConfiguration()
    target.write(frame(b"R"))
    target.flush()
    while (data := read_frame(source)) is not None:
        try:
            answer = b"P" + write_pdf(orjson.loads(data), fonts)
        except BaseException as error:  # noqa: BLE001 (a refused fetch is no Exception; the process answers)
            answer = b"E" + f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:500]
        target.write(frame(answer))
        target.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on this system; the time limit still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main()
