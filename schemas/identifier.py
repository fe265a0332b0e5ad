"""Identifiers of batteries: GS1 Digital Links and IEC 61406 links, read, checked, built and made alike.

An *identifier* is the path of a GS1 Digital Link in its one spelling, `/01/{gtin}/21/{serial}`. With the
service's address before it, it is the URL that is signed; with scheme and host in upper case, it is the text
in the QR code (which holds upper-case text in fewer modules). Application identifiers are in `schemas.gs1`.

Source: GS1 Digital Link URI Syntax; RFC 3986; IEC 61406-1:2022 (string rules; its text is licensed, so the
greatest length is that of its forerunner DIN SPEC 91406).
"""

import base64
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

from schemas import gs1
from schemas.gs1 import ValueInvalid, gtin_check_digit

__all__ = [
    "Link",
    "LinkInvalid",
    "build_link",
    "check_public_url",
    "grouped",
    "gtin_check_digit",
    "identifier_path",
    "identifier_url",
    "new_serial",
    "parse_link",
    "parse_path",
    "qr_text",
    "short_host",
]

CANONICAL_STEM: Final = "https://id.gs1.org"  # for comparing, never for printing
LONGEST_LINK: Final = 2048
LONGEST_IEC_LINK: Final = 255
_URI_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{0,5})?\Z")
_NAMED_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\.?\Z"
)
# Names for application identifiers, removed from the standard after 1.2.
_SHORT_NAMES: Final = frozenset(
    """
    sscc gtin cpv lot ser upui gdti gcn ginc gsin gln glnx payto refno partygln grai giai itip cpid cpsn gmn
    gsrnp gsrn srin
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


class LinkInvalid(ValueError):
    """The text is no link that we accept; the sentence says why, in words a label printer understands."""


@dataclass(frozen=True)
class Link:
    """A link that was read and found right.

    Attributes:
        scheme: `gs1`, or `iec61406` for any other address that identifies a thing by itself.
        ais: application identifiers with their decoded values: key, qualifiers, attributes, as they came.
        canonical: the one spelling, for comparing; GS1 links stand at `https://id.gs1.org`.
        path: key and qualifiers as a canonical path (`/01/.../21/...`); None for IEC 61406.
        query: parameters that are no application identifiers, as they came.
    """

    scheme: Literal["gs1", "iec61406"]
    ais: tuple[tuple[str, str], ...]
    canonical: str
    path: str | None = None
    query: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str | None:
        """The primary key's application identifier; None for IEC 61406."""
        return self.ais[0][0] if self.ais else None


# --- reading


def parse_link(uri: str) -> Link:
    """The link in `uri`.

    Raises:
        LinkInvalid: it is neither a GS1 Digital Link nor an IEC 61406 link; the sentence says what is wrong.
    """
    # 1. characters and length
    if not uri:
        raise LinkInvalid("the link is empty")
    if len(uri) > LONGEST_LINK:
        raise LinkInvalid(f"the link has {len(uri)} characters; more than {LONGEST_LINK} are not read")
    stranger = next((c for c in uri if c not in _URI_CHARACTERS), None)
    if stranger is not None:
        raise LinkInvalid(f"{stranger!r} may not stand in an address; write it percent-encoded")
    # 2. scheme and host
    scheme, mark, rest = uri.partition("://")
    if not mark or scheme not in ("http", "https", "HTTP", "HTTPS"):
        raise LinkInvalid("expected an address that starts with https:// or http://")
    rest = rest.partition("#")[0]
    before_query, _, query = rest.partition("?")
    host, slash, path = before_query.partition("/")
    if not _HOST.match(host):
        raise LinkInvalid(f"{host!r} is no host name" if host else "the host name is missing")
    if not slash:
        raise LinkInvalid("the address has no path, so it names no battery")
    # 3. a GS1 key in the path decides which standard speaks
    segments = path.split("/")
    start = _primary_key(segments)
    if start is not None:
        return _gs1_link(segments[start:], query)
    _refuse_near_misses(segments)
    return _iec_link(uri, scheme, host)


def parse_path(raw_path: str) -> Link:
    """The GS1 Digital Link whose encoded path (and query) is `raw_path`; one slash at the end is tolerated.

    Raises:
        LinkInvalid: as `parse_link`; also when the path names nothing by GS1's rules.
    """
    path, mark, query = raw_path.partition("?")
    link = parse_link(f"{CANONICAL_STEM}{path.removesuffix('/')}{mark}{query}")
    if link.scheme != "gs1":
        raise LinkInvalid("no GS1 key in the path")
    return link


def _primary_key(segments: Sequence[str]) -> int | None:
    """Where the key begins: the rightmost one, looking at pairs from the end, as GS1's own engine does."""
    for place in range(len(segments) - 2, -1, -2):
        if segments[place] in gs1.KEYS:
            return place
    return None


def _gs1_link(segments: Sequence[str], query: str) -> Link:
    pairs = [(segments[n], _unquote(segments[n + 1])) for n in range(0, len(segments), 2)]
    key, *qualifiers = (ai for ai, _ in pairs)
    # 4. only known qualifiers, in the standard's order
    for ai, value in pairs:
        if not gs1.known(ai):
            raise LinkInvalid(f"{ai!r} in the path is no application identifier of GS1")
        if not value:
            raise LinkInvalid(f"({ai}) has no value")
    if not gs1.key_sequence(key, qualifiers):
        raise LinkInvalid(
            f"({key}) may not be followed by {', '.join(f'({ai})' for ai in qualifiers)} in this order"
        )
    # 5. the query: known attributes, other words pass, unknown numbers do not
    attributes, others = _split_query(query, key, qualifiers)
    everything = (*pairs, *attributes)
    names = [ai for ai, _ in everything]
    double = next((ai for ai in names if names.count(ai) > 1), None)
    if double is not None:
        raise LinkInvalid(f"({double}) is given twice")
    # 6. every value by its own rules, then all together
    try:
        for ai, value in everything:
            gs1.check_value(ai, value)
        gs1.check_together(names)
    except ValueInvalid as error:
        raise LinkInvalid(str(error)) from error
    path_text = "".join(f"/{ai}/{_quote(value)}" for ai, value in pairs)
    return Link("gs1", everything, CANONICAL_STEM + path_text + _query_text(attributes), path_text, others)


def _split_query(
    query: str, key: str, qualifiers: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    attributes: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for part in query.split("&"):
        name, mark, value = part.partition("=")
        if not (name.isascii() and name.isdigit()):
            if part:
                others.append((name, value))
            continue
        if not mark or not value:
            raise LinkInvalid(f"({name}) in the query has no value")
        if not gs1.known(name):
            raise LinkInvalid(f"{name!r} in the query is no application identifier of GS1")
        if not gs1.may_be_attribute(name):
            raise LinkInvalid(f"({name}) may not stand in the query")
        if any(
            gs1.key_sequence(key, [*qualifiers[:n], name, *qualifiers[n:]])
            for n in range(len(qualifiers) + 1)
        ):
            raise LinkInvalid(f"({name}) belongs in the path, not in the query")
        attributes.append((name, _unquote(value.replace("+", " "))))
    return tuple(attributes), tuple(others)


def _refuse_near_misses(segments: Sequence[str]) -> None:
    """What was meant as a GS1 Digital Link is not taken for something else because it is wrong."""
    if any(segment.lower() in _SHORT_NAMES for segment in segments[:-1]):
        raise LinkInvalid("names such as gtin or ser left the standard: write the numbers, /01/ and /21/")
    if _compressed(segments[-1]):
        raise LinkInvalid("compressed GS1 Digital Links are not accepted: they can lose zeros of a serial")
    for place, segment in enumerate(segments):
        if segment.isascii() and segment.isdigit() and gs1.known(segment):
            if segment not in gs1.KEYS:
                raise LinkInvalid(f"({segment}) is no key that a link may start with")
            if place == len(segments) - 1 or not segments[place + 1]:
                raise LinkInvalid(f"({segment}) has no value")
            raise LinkInvalid(f"the path after ({segment}) is not made of pairs of number and value")


def _compressed(segment: str) -> bool:
    """Whether a last segment looks like GS1's compression: base64url whose first bits name a primary key."""
    if len(segment) < 10 or not set(segment) <= gs1.BASE64URL:
        return False
    # Base32 and plain numbers are what others write in their links; base64url mixes the cases.
    if segment.upper() == segment or segment.lower() == segment:
        return False
    first = base64.urlsafe_b64decode(segment[:4])
    high, low = first[0] >> 4, first[0] & 15
    if high > 9 or low > 9:
        return True  # codes of often used combinations
    digits = f"{high}{low}{first[1] >> 4}{first[1] & 15}"
    return digits[:2] in ("00", "01") or digits[:3] in gs1.KEYS or digits in gs1.KEYS


def _iec_link(uri: str, scheme: str, host: str) -> Link:
    name, _, port = host.lower().partition(":")
    if scheme not in ("https", "HTTPS"):
        raise LinkInvalid("no GS1 key in the path, and other identifying links must be https")
    if not _NAMED_HOST.match(name) or name.rstrip(".") == "id.gs1.org":
        raise LinkInvalid("no GS1 key in the path, and the host is no name that its owner can keep unique")
    if port and not 0 < int(port) < 65536:
        raise LinkInvalid(f"{port} is no port")
    if len(uri) > LONGEST_IEC_LINK:
        raise LinkInvalid(
            f"an identifying link has at most {LONGEST_IEC_LINK} characters, this one has {len(uri)}"
        )
    rest = uri.partition("://")[2].partition("/")[2]
    if not rest.partition("?")[0].strip("/") and not rest.partition("?")[2]:
        raise LinkInvalid("the address has no path, so it names no battery")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise LinkInvalid("% must be followed by two hexadecimal digits")
    if "//" in rest or re.search(r"(?:\A|/)\.{1,2}(?:/|\?|\Z)", rest):
        raise LinkInvalid("the path holds //, . or .., which others rewrite")
    return Link("iec61406", (), f"https://{host.lower()}/{rest}")


# --- writing


def build_link(stem: str, ais: Sequence[tuple[str, str]]) -> str:
    """The GS1 Digital Link at `stem` that says `ais`; key and qualifiers are found among them.

    >>> build_link("https://example.com", [("21", "A/1"), ("01", "09520123456788"), ("11", "261120")])
    'https://example.com/01/09520123456788/21/A%2F1?11=261120'

    Raises:
        LinkInvalid: a value is wrong, there is no key, or something cannot be said in a link.
    """
    values: dict[str, str] = {}
    for ai, value in ais:
        if values.setdefault(ai, value) != value:
            raise LinkInvalid(f"({ai}) is given twice with different values")
    key = next((ai for ai in values if ai in gs1.KEYS), None)
    if key is None:
        raise LinkInvalid("none of these can be the key of a link")
    sequence = max(
        ([ai for ai in allowed if ai in values] for allowed in gs1.KEYS[key]),
        key=len,
        default=[],
    )
    pairs = [(ai, values.pop(ai)) for ai in (key, *sequence)]
    uri = stem.rstrip("/") + "".join(f"/{ai}/{_quote(value)}" for ai, value in pairs)
    uri += _query_text(tuple(values.items()))
    parse_link(uri)
    return uri


def _query_text(attributes: Sequence[tuple[str, str]]) -> str:
    ordered = sorted(
        attributes, key=lambda pair: not gs1.fixed_length(pair[0])
    )  # stable: fixed lengths first
    return "?" + "&".join(f"{ai}={_quote(value)}" for ai, value in ordered) if ordered else ""


def _quote(value: str) -> str:
    return quote(value, safe="", encoding="latin-1")


def _unquote(text: str) -> str:
    """Percent-decoded once, byte by byte; what is no escape stays as it is."""
    return unquote_to_bytes(text).decode("latin-1")


def identifier_path(gtin: str, serial: str) -> str:
    """The identifier of one battery: `/01/{gtin, 14 digits}/21/{serial, percent-encoded}`.

    >>> identifier_path("9520123456788", "BAT/26")
    '/01/09520123456788/21/BAT%2F26'

    Raises:
        LinkInvalid: the check digit is wrong, or the serial is not 1 to 20 of GS1's 82 characters.
    """
    gtin = gtin.zfill(14)
    try:
        gs1.check_value("01", gtin)
        gs1.check_value("21", serial)
    except ValueInvalid as error:
        raise LinkInvalid(str(error)) from error
    return f"/01/{gtin}/21/{_quote(serial)}"


def serial_of(path: str) -> str | None:
    """The serial number in a canonical identifier path; None where it names no single item.

    The path was checked when it came; here it is only read.

    >>> serial_of("/01/09520123456788/21/A%2F1")
    'A/1'
    """
    pieces = path.split("/")[1:]
    serial = dict(zip(pieces[::2], pieces[1::2], strict=False)).get("21")
    return None if serial is None else _unquote(serial)


def identifier_url(public_url: str, path: str) -> str:
    """The URL that is signed: the service's address in its one spelling, then the identifier."""
    return check_public_url(public_url) + path


def qr_text(public_url: str, path: str) -> str:
    """The text in the QR code: scheme and host, which have no case, in upper case.

    >>> qr_text("https://id.example.com", "/01/09520123456788/21/ABC")
    'HTTPS://ID.EXAMPLE.COM/01/09520123456788/21/ABC'
    """
    return check_public_url(public_url).upper() + path


def new_serial(random: bytes) -> str:
    """Ten random bytes as sixteen characters A to Z and 2 to 7: a serial, a battery id or a passport id.

    Raises:
        ValueError: not ten bytes.
    """
    if len(random) != 10:
        raise ValueError(f"expected 10 random bytes, got {len(random)}")
    return base64.b32encode(random).decode("ascii")


def check_public_url(url: str) -> str:
    """The service's address in its one spelling: scheme, host and port in lower case, nothing after them.

    >>> check_public_url("HTTPS://ID.Example.com:443/")
    'https://id.example.com'

    Raises:
        ValueError: not http(s), or there is a path, a query, a user or a wrong port.
    """
    scheme, mark, rest = url.partition("://")
    scheme, host = scheme.lower(), rest.removesuffix("/").lower()
    if not mark or scheme not in ("http", "https"):
        raise ValueError(f"public_url must start with https:// or http://, got {url!r}")
    if not _HOST.match(host) or host.endswith(":"):
        raise ValueError(f"public_url must be scheme and host (and port) and nothing more, got {url!r}")
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not 0 < int(port) < 65536:
        raise ValueError(f"{port} is no port in public_url {url!r}")
    if port == {"http": "80", "https": "443"}[scheme]:
        host = name
    return f"{scheme}://{host}"


def short_host(public_url: str) -> str:
    """Host and port of the service, for people to read.

    >>> short_host("https://id.example.com")
    'id.example.com'
    """
    return check_public_url(public_url).partition("://")[2]


def grouped(text: str, size: int = 4) -> tuple[str, ...]:
    """A long identifier in groups for comparing by eye, the same on page and label.

    >>> grouped("ABCDEFGHIJ")
    ('ABCD', 'EFGH', 'IJ')
    """
    return tuple(text[n : n + size] for n in range(0, len(text), size))
