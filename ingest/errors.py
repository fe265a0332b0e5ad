"""Trouble on the way from bytes to the journal.

IngestError
├── FrameRefused          a frame's checksum, length or delimiter is wrong
├── CaptureRefused        a file is no capture we can read
├── ProtocolUnknown       no protocol of that name
│   └── MapRefused        a file that should describe one does not
├── RequestForbidden      a request is not on a protocol's allow-list
├── TransportFailed       a line could not be opened, or fell silent
│   └── SourceUnknown     what was named is neither a line nor a file
├── EnvelopeRefused       a batch is malformed
├── SiteRefused           a site's file says what cannot be done
├── SequenceConflict      other content is already stored under the same number
└── JournalUnavailable    the batch could not be made durable (disk full, locked)
"""

from typing import ClassVar


class IngestError(Exception):
    """Base of all refusals of ingestion; `code` is stable and documented."""

    code: ClassVar[str] = "ingest.error"


class FrameRefused(IngestError):
    """A frame failed its proof; nothing of it is believed."""

    code = "ingest.frame_refused"


class CaptureRefused(IngestError):
    """A file cannot be read as a capture."""

    code = "ingest.capture_refused"


class ProtocolUnknown(IngestError):
    """There is no protocol of that name."""

    code = "ingest.protocol_unknown"


class MapRefused(ProtocolUnknown):
    """A file that should describe a protocol cannot be read, or describes none.

    Attributes:
        sentences: everything that is wrong with it; the text of the error is the first of them.
    """

    code = "ingest.map_refused"

    def __init__(self, *sentences: str) -> None:
        more = f" (and {len(sentences) - 1} more; `cellpass map check` lists them)" if sentences[1:] else ""
        super().__init__(sentences[0] + more)
        self.sentences = sentences


class RequestForbidden(IngestError):
    """The request is not on the protocol's allow-list; devices are only read."""

    code = "ingest.request_forbidden"


class TransportFailed(IngestError):
    """A line could not be opened, or stayed silent."""

    code = "ingest.transport_failed"


class SourceUnknown(TransportFailed):
    """What was named is no address of a line, and no file that there is: wrong use."""

    code = "ingest.source_unknown"


class EnvelopeRefused(IngestError):
    """A batch of telemetry is malformed; nothing of it is stored."""

    code = "ingest.envelope_refused"


class SiteRefused(IngestError):
    """The file of a site cannot be followed; nothing was opened."""

    code = "ingest.site_refused"


class SequenceConflict(IngestError):
    """Another content is already stored under the same (source, epoch, sequence); the first stays."""

    code = "ingest.sequence_conflict"


class JournalUnavailable(IngestError):
    """The batch could not be made durable; send it again later."""

    code = "ingest.journal_unavailable"
