"""Telemetry on its way in: `POST /api/telemetry` hands the bytes of a batch to the journal.

Nothing of the body is looked at here; a receipt leaves only after the journal said that the batch is durable.
"""

from typing import Final

import orjson
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from passport import grants
from passport.errors import InputRefused, NotFound
from passport.ledger import database
from passport.web import counters, lanes
from passport.web.context import here

LARGEST_BATCH: Final = 1_048_576  # bytes

blueprint = Blueprint("intake", __name__)


class KeyMissing(InputRefused):
    """Telemetry needs the key of its source."""

    code = "key_missing"
    status = 401


class TooLarge(InputRefused):
    """A batch is larger than is read."""

    code = "too_large"
    status = 413


class LengthMissing(InputRefused):
    """A batch came without saying how long it is."""

    code = "length_missing"
    status = 411


class EncodingUnknown(InputRefused):
    """A batch is compressed, which this service does not undo."""

    code = "encoding_unknown"
    status = 415


@blueprint.post("/api/telemetry")
def telemetry() -> ResponseReturnValue:
    """Accept one batch of at most 1 MiB; the answer is its receipt."""
    context = here()
    accept = context.accept_telemetry
    if accept is None:
        raise NotFound("this service takes no telemetry")
    # 1. who: before a byte of the body is read
    key = _key()
    with database.reading(context.engine) as connection:
        grants.principal(connection, key, context.now())
    # 2. how, and how much: before a byte of the body is read
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise EncodingUnknown(f"expected a batch without Content-Encoding, found {encoding[:40]!r}")
    length = request.content_length
    if length is None:
        raise LengthMissing("telemetry is sent with its Content-Length")
    if length > LARGEST_BATCH:
        raise TooLarge(f"a batch has at most {LARGEST_BATCH} bytes, this one has {length}; send it in parts")
    # 3. what: the journal's business
    with lanes.BATCHES:
        body = request.get_data(cache=False)
    try:
        receipt = accept(body, key)
    except Exception:
        counters.add("telemetry_refused")
        raise
    counters.add("telemetry_accepted")
    response = Response(orjson.dumps(dict(receipt)), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _key() -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise KeyMissing("telemetry needs the key of its source: send the header Authorization: Bearer <key>")
    return key.strip()
