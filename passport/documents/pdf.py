"""The compliance PDF: one version of a passport, readable on paper, with the signed record inside.

The rules:

1. A document is made from a view that was already assembled for one audience. What the audience may not see
   never reaches this module; the document says so on every page.
2. The same context gives the same bytes: every date inside is the record's, the identifier is a digest of the
   input.
3. Rendering happens in processes of its own, with a time limit; results are kept on disk under a name that
   holds everything they depend on, so that a scan never renders.
4. No EU declaration of conformity is made here: that is the maker's act. The document says where it lies.
"""

import base64
import contextlib
import functools
import hashlib
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import jinja2
import orjson

from passport.documents import drawing, matrix, pdf_worker, qr, seen
from passport.documents.values import Document
from passport.errors import PassportError
from passport.judgement import compliance
from schemas.terms import Audience, Category, PassportStatus, RecordKind

TIME_LIMIT_S: Final = 20.0
START_LIMIT_S: Final = 30.0
DOCUMENTS_PER_PROCESS: Final = 200
CACHED_DOCUMENTS: Final = 2000

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"

DEBIAN_PACKAGES: Final = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")


class PdfUnavailable(PassportError):
    """No PDF now: a system library is missing, or the process was stopped at its time limit."""

    code: ClassVar[str] = "pdf_unavailable"
    status: ClassVar[int] = 503


@dataclass(frozen=True)
class Attached:
    """A file inside the PDF.

    Attributes:
        name: file name; its ending decides the media type (`.sdjwt`, `.json`).
        relationship: of ISO 32000-2: `Source` for what the document was made from, `Supplement` for proof.
        data: exact bytes; nothing changes them.
    """

    name: str
    description: str
    relationship: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, as hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class SignedRecord:
    """What the appendix says of one signed record.

    Attributes:
        sha256: of the signed part, as hex; the same for every audience.
        attribute_count: how many attributes this copy discloses with a value.
    """

    kind: RecordKind
    version: int
    url: str
    issued_at: datetime
    sha256: str
    kid: str
    registry_version: str
    attribute_count: int


@dataclass(frozen=True)
class PdfContext:
    """All that the template may know; already limited to what the audience may see.

    Attributes:
        values: stated values on the wire by attribute id, of all records shown.
        placed_on: day of placing on the market, for judging duties; it is not printed. None: not declared.
        voluntary: what the record says: no passport is owed for this battery.
        incomplete: the operator's written reason for issuing an incomplete record; None for a complete one.
        purpose: why this audience reads, for documents of a key's holder; None for the public.
        today: the day on which duties are judged, that of the passport record; printed.
        records: passport first, then condition and assessment where the audience may see them.
        documents: what is known of the documents that values name.
        alerts: what stands above everything else: recalls, the end, where the battery goes on; title, text
            and addresses.
        over_time: the battery as its versions saw it; None for those who may not read its condition.
    """

    identifier_url: str
    qr_text: str
    passport_id: str
    operator: str
    category: Category
    placed_on: date | None
    passport_status: PassportStatus
    simulated: bool
    voluntary: bool
    incomplete: str | None
    audience: Audience
    purpose: str | None
    language: str
    today: date
    values: Mapping[str, Mapping[str, Any]]
    records: tuple[SignedRecord, ...]
    attachments: tuple[Attached, ...]
    documents: tuple[Document, ...] = ()
    alerts: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    over_time: tuple[seen.Figure, ...] | None = None

    @property
    def record(self) -> SignedRecord:
        """The passport record; its issue is every date inside the file."""
        return self.records[0]


def html(context: PdfContext) -> str:
    """The document before it is a PDF: style and drawings inside, nothing to fetch."""
    shown = compliance.Shown.of(
        context.values, context.category, context.placed_on, context.today, voluntary=context.voluntary
    )
    judge = matrix.Judge(context.audience, shown, context.record.registry_version)
    chapters = matrix.chapters(context.values, judge)
    return (
        _environment()
        .get_template("pdf/passport.html")
        .render(
            c=context,
            chapters=chapters,
            summary=matrix.summary(chapters),
            in_full=matrix.in_full(context.values, judge),
            cover=matrix.cover(context.values, judge),
            qr=qr.svg(context.qr_text),
            css=(_TEMPLATES / "styles" / "pdf.css").read_text(encoding="utf-8"),
            words=_AUDIENCE_WORDS[context.audience],
            nothing_seen=seen.NOTHING,
        )
    )


def cache_name(context: PdfContext) -> str:
    """Holds everything the file depends on: record, audience, disclosed set, status, language, template."""
    parts = (
        context.identifier_url,
        context.audience,
        context.purpose or "",
        context.passport_status,
        context.language,
        context.today.isoformat(),
        str(context.simulated),
        str(context.voluntary),
        context.incomplete or "",
        template_digest(),
        *("\n".join((title, text, *links)) for title, text, links in context.alerts),
        *(f"{one.url} {one.sha256}" for one in context.records),
        *(f"{one.name} {one.sha256}" for one in context.attachments),
        *sorted(context.values),
        *(repr(one) for one in context.documents),
        repr(context.over_time),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def template_digest() -> str:
    """Of everything that shapes the document besides its content."""
    whole = hashlib.sha256()
    paths = [*sorted((_TEMPLATES / "pdf").glob("*")), *sorted((_TEMPLATES / "parts").glob("*"))]
    modules = (matrix, compliance, pdf_worker, qr, seen, drawing)
    sources = [Path(__file__), *(Path(str(module.__file__)) for module in modules)]
    for path in (*paths, _TEMPLATES / "styles" / "pdf.css", *sources):
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


class Renderer:
    """Makes PDFs in one or two processes and keeps them on disk.

    Safe to call from several threads: a call waits for a free process. Processes start at the first document.

    Args:
        cache: folder of finished documents; None keeps none.
        processes: how many at once.
    """

    def __init__(self, cache: Path | None, *, processes: int = 1, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._cache = cache
        self._limit_s = time_limit_s
        self._free = threading.BoundedSemaphore(processes)
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def pdf(self, context: PdfContext) -> bytes:
        """The document, from disk when it was made before.

        Raises:
            PdfUnavailable: a system library is missing, or the document took longer than the limit.
        """
        name = cache_name(context)
        stored = self._cache / f"{name}.pdf" if self._cache is not None else None
        if stored is not None:
            with contextlib.suppress(OSError):
                data = stored.read_bytes()
                os.utime(stored)
                return data
        data = self.render(html(context), context.record.issued_at, context.attachments)
        if stored is not None:
            _keep(stored, data)
        return data

    def render(self, text: str, created: datetime, attachments: tuple[Attached, ...] = ()) -> bytes:
        """The PDF of an HTML document; `created` is every date inside.

        Raises:
            PdfUnavailable: as in `pdf`.
        """
        files = [
            {
                "name": one.name,
                "description": one.description,
                "relationship": one.relationship,
                "data": base64.b64encode(one.data).decode("ascii"),
            }
            for one in attachments
        ]
        job = {"html": text, "created": created.isoformat(), "attachments": files}
        identifier = hashlib.sha256(orjson.dumps(job, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        with self._free:
            process = self._take()
            try:
                answer = process.ask(orjson.dumps({**job, "identifier": identifier}), self._limit_s)
            except BaseException:
                process.stop()
                raise
            self._give_back(process)
        if answer[:1] != b"P":
            raise PdfUnavailable(
                f"the document could not be rendered: {answer[1:].decode('utf-8', 'replace')}"
            )
        return answer[1:]

    def close(self) -> None:
        """Stop the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.stop()

    def _take(self) -> "_Process":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Process()

    def _give_back(self, process: "_Process") -> None:
        if process.documents >= DOCUMENTS_PER_PROCESS:
            process.stop()
            return
        with self._lock:
            self._idle.append(process)


class _Process:
    """One rendering process and its two pipes; used by one thread at a time."""

    def __init__(self) -> None:
        # Started as a module and not through multiprocessing: that would run the caller's own main module
        # again, and is refused inside the daemon processes of some servers.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "passport.documents.pdf_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.documents = 0
        try:
            first = self._read(time.monotonic() + START_LIMIT_S)
        except BaseException:
            self.stop()
            raise
        if first[:1] == b"M":
            self.stop()
            raise PdfUnavailable(missing_libraries(first[1:].decode("utf-8", "replace")))

    def ask(self, job: bytes, limit_s: float) -> bytes:
        """The answer to one job.

        Raises:
            PdfUnavailable: no answer within the limit, or the process ended.
        """
        assert self._process.stdin is not None
        deadline = time.monotonic() + limit_s
        # Writing cannot block for long: the process reads at once whenever it is idle.
        try:
            self._process.stdin.write(pdf_worker.frame(job))
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise PdfUnavailable("the rendering process ended; ask again") from error
        self.documents += 1
        return self._read(deadline)

    def stop(self) -> None:
        """End the process and its pipes."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _read(self, deadline: float) -> bytes:
        header = self._exactly(4, deadline)
        return self._exactly(int.from_bytes(header, "big"), deadline)

    def _exactly(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        data = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while len(data) < count:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise PdfUnavailable("the document was not ready within its time limit; it was given up")
                piece = os.read(pipe, min(count - len(data), 1 << 20))
                if not piece:
                    raise PdfUnavailable("the rendering process ended; ask again")
                data += piece
        return bytes(data)


def missing_libraries(reason: str) -> str:
    """What to install when the renderer cannot start."""
    return (
        "no PDF without Pango: install the system packages "
        f"{', '.join(DEBIAN_PACKAGES)} (Debian: apt-get install {' '.join(DEBIAN_PACKAGES)}); "
        f"the loader said: {reason.splitlines()[0][:200] if reason else 'nothing'}"
    )


def file_name(context: PdfContext) -> str:
    """`battery-passport-<serial>-<language>.pdf`, safe in every file system."""
    serial = context.identifier_url.rstrip("/").rpartition("/")[2]
    safe = (
        "".join(c for c in serial if c.isascii() and (c.isalnum() or c in "-_"))[:40] or context.passport_id
    )
    return f"battery-passport-{safe}-{context.language}.pdf"


_AUDIENCE_WORDS: Final[Mapping[Audience, tuple[str, str]]] = {
    Audience.PUBLIC: ("Public copy", "for everyone: Annex XIII point 1"),
    Audience.LEGITIMATE_INTEREST: (
        "Copy for a person with a legitimate interest",
        "Annex XIII points 1, 2 and 4; not point 3. Not to be passed on beyond its purpose",
    ),
    Audience.AUTHORITY: (
        "Copy for authorities",
        "for notified bodies, market surveillance, the Commission: Annex XIII points 1, 2 and 3; not 4",
    ),
}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["day"] = lambda at: at.strftime("%Y-%m-%d")
    environment.filters["moment"] = lambda at: at.strftime("%Y-%m-%d %H:%M UTC")
    environment.filters["groups"] = lambda text: [text[n : n + 8] for n in range(0, len(text), 8)]
    return environment


def _keep(path: Path, data: bytes) -> None:
    """Write whole or not at all; a cache that cannot be written is no reason to withhold a document."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
        _forget_oldest(path.parent)


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.pdf"), key=lambda one: one.stat().st_mtime)
    for old in files[:-CACHED_DOCUMENTS]:
        old.unlink(missing_ok=True)
