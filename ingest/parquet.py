"""A Parquet file as rows of text, the way the same table stands in a CSV file; pyarrow, imported late."""

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any, Final

from ingest.errors import CaptureRefused

PARQUET: Final = b"PAR1"
_ROWS_AT_ONCE: Final = 10_000


def parquet_rows(data: bytes) -> Iterator[bytes]:
    """Pieces of CSV: the names of the columns first, then all rows.

    Raises:
        CaptureRefused: it is no Parquet file, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise CaptureRefused(
            "expected pyarrow for a Parquet file, it is not installed: "
            "pip install 'cellpass[analytics]', or in a checkout .venv/bin/pip install pyarrow"
        ) from None
    try:
        file = parquet.ParquetFile(BytesIO(data))
        yield _line(file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            columns = [column.to_pylist() for column in batch.columns]
            yield b"".join(_line(row) for row in zip(*columns, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise CaptureRefused(f"expected a Parquet file, came a damaged one: {error}") from None


def _line(row: Any) -> bytes:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow("" if cell is None else cell for cell in row)
    return out.getvalue().encode()
