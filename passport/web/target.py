"""The request's target as it was sent, percent-encoded: `%2F` in a serial is legal, and routers decode it.

1. gunicorn hands the raw target over as `RAW_URI`, waitress as `REQUEST_URI`: that is the truth.
2. granian hands over `PATH_INFO` alone, decoded once. A serial (21), a serial (235) or an asset number
   (8004) is the last value of its path, so everything behind it is that value: its slashes are written as
   `%2F` again. What was `%252F` arrives as `%2F` and becomes `%252F`: nothing is decoded twice.

What cannot be known under (2) is told in docs/decisions/0061.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from schemas import gs1

# Values that end a path: what follows is theirs. 8004 may be followed by 7040, which has four characters.
_LAST: Final = frozenset({"21", "235", "254", "8011", "8003", "8013"})
_KEPT: Final = "!$&'()*+,;=:@~-._"  # characters of a path segment that need no encoding (RFC 3986)


def request_target(environ: Mapping[str, Any]) -> str:
    """Path and query as sent, beginning with a slash; ASCII, every other byte percent-encoded."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if isinstance(raw, str) and raw:
        return _ascii(_origin_form(raw))
    path = rebuilt_path(str(environ.get("PATH_INFO", "")))
    query = str(environ.get("QUERY_STRING", ""))
    return path + ("?" + _ascii(query) if query else "")


def _origin_form(raw: str) -> str:
    """Some clients and proxies send the whole address."""
    if raw.startswith("/"):
        return raw
    parts = urlsplit(raw)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ascii(text: str) -> str:
    """What came stays, except bytes that may not stand in a target; a server hands those on as Latin-1."""
    return quote(text, safe="!#$%&'()*+,/:;=?@[]~-._", encoding="latin-1", errors="replace")


def rebuilt_path(decoded: str) -> str:
    """A path whose percent-encoding a server took away, encoded again.

    >>> rebuilt_path("/01/09520123456788/21/BAT/26")
    '/01/09520123456788/21/BAT%2F26'
    >>> rebuilt_path("/01/09520123456788/21/BAT%2F26")
    '/01/09520123456788/21/BAT%252F26'
    """
    segments = decoded.split("/")
    head, value = _split_at_last_value(segments)
    text = "/".join(_segment(segment) for segment in head)
    if value is None:
        return text
    # One slash at the end is a habit of people, not a character of a serial.
    ending = "/" if value.endswith("/") and len(value) > 1 else ""
    return f"{text}/{_segment(value.removesuffix('/') if ending else value)}{ending}"


def _split_at_last_value(segments: list[str]) -> tuple[list[str], str | None]:
    """Segments up to and with the application identifier whose value ends the path, and that whole value.

    The value is None where no such identifier follows a primary key: then a slash is a slash.
    """
    for place, segment in enumerate(segments):
        if segment not in gs1.KEYS:
            continue
        rest = place
        while rest + 1 < len(segments) and gs1.known(segments[rest]):
            ai = segments[rest]
            if ai in _LAST or (ai == "8004" and segments[-2:-1] != ["7040"]):
                return segments[: rest + 1], "/".join(segments[rest + 1 :])
            rest += 2
        break
    return segments, None


def _segment(text: str) -> str:
    # WSGI hands bytes over as Latin-1; they are encoded as the bytes they were.
    return quote(text, safe=_KEPT, encoding="latin-1", errors="replace")
