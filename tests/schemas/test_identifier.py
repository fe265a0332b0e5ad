"""Identifiers: reading, building, one spelling, and what hostile text does."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gs1 import CHARACTERS_82, ValueInvalid, check_value
from schemas.identifier import (
    LinkInvalid,
    build_link,
    check_public_url,
    grouped,
    gtin_check_digit,
    identifier_path,
    identifier_url,
    new_serial,
    parse_link,
    parse_path,
    qr_text,
)

GTIN = "09520123456788"


def test_the_check_digit_of_a_gtin_worked_out_by_hand() -> None:
    # 095201234567 8: from the right 8*3+7+6*3+5+4*3+3+2*3+1+0*3+2+5*3+9+0*3 = 102, and 110 - 102 = 8
    assert gtin_check_digit("0952012345678") == "8"


def test_a_link_with_serial_and_date_is_read() -> None:
    link = parse_link(f"https://id.example.com/x/01/{GTIN}/10/L1/21/BAT%2F26?11=261120&linkType=gs1:pip&x=1")
    assert link.ais == (("01", GTIN), ("10", "L1"), ("21", "BAT/26"), ("11", "261120"))
    assert link.path == f"/01/{GTIN}/10/L1/21/BAT%2F26"
    assert link.canonical == f"https://id.gs1.org/01/{GTIN}/10/L1/21/BAT%2F26?11=261120"
    assert link.query == (("linkType", "gs1:pip"), ("x", "1"))
    assert link.key == "01"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("https://a.example/01/" + "9" * 3000, "2048", id="too long to read"),
        pytest.param("ftp://a.example/01/" + GTIN, "https://", id="another scheme"),
        pytest.param("HtTps://a.example/01/" + GTIN, "https://", id="mixed case scheme"),
        pytest.param("https://me@a.example/01/" + GTIN, "host", id="a user in the host"),
        pytest.param("https:///01/" + GTIN, "host", id="no host"),
        pytest.param("https://a.example", "path", id="no path"),
        pytest.param("https://a.example/01/09520123456789", "check digit", id="wrong check digit"),
        pytest.param(f"https://a.example/01/{GTIN}/21/A/10/B", "order", id="lot after serial"),
        pytest.param(f"https://a.example/01/{GTIN}/21/A%00B", "characters", id="NUL"),
        pytest.param(f"https://a.example/01/{GTIN}/21/%E4", "characters", id="latin letter"),
        pytest.param(f"https://a.example/01/{GTIN}?10=A", "belongs in the path", id="lot in the query"),
        pytest.param(f"https://a.example/01/{GTIN}?8200=x", "may not stand in the query", id="no attribute"),
        pytest.param(f"https://a.example/01/{GTIN}?11=260230", "calendar", id="30 February"),
        pytest.param(f"https://a.example/01/{GTIN}?11=261120&11=261121", "twice", id="two dates"),
        pytest.param(f"https://a.example/01/{GTIN}?999=1", "no application identifier", id="unknown number"),
        pytest.param(f"https://a.example/01/{GTIN}?3103=000195&3102=001950", "twice", id="two net weights"),
        pytest.param("https://a.example/8004/9520123?11=261120", "needs one of", id="a date of an asset"),
        pytest.param("https://a.example/gtin/" + GTIN, "left the standard", id="short names"),
        pytest.param("https://id.gs1.org/ARFUYt4cug", "compressed", id="compressed"),
        pytest.param("https://a.example/10/L1", "no key", id="a qualifier alone"),
        pytest.param("http://batteries.example.com/B-1", "https", id="identifying link without TLS"),
        pytest.param(
            "https://batteries.example.com/", "names no battery", id="identifying link to a home page"
        ),
        pytest.param("https://batteries.example.com/a/../b", "rewrite", id="identifying link with dots"),
        pytest.param("https://batteries.example.com/" + "a" * 300, "255", id="identifying link too long"),
        pytest.param(
            "https://batteries.example.com/100%", "hexadecimal", id="identifying link with a bare percent"
        ),
        pytest.param("https://192.0.2.1/B-1", "keep unique", id="identifying link at a bare address"),
    ],
)
def test_a_wrong_link_is_refused_with_its_reason(uri: str, reason: str) -> None:
    with pytest.raises(LinkInvalid, match=reason):
        parse_link(uri)


def test_day_00_of_a_date_means_the_month() -> None:
    assert parse_link(f"https://a.example/01/{GTIN}?11=261100").ais[-1] == ("11", "261100")


def test_29_february_needs_a_leap_year() -> None:
    assert parse_link(f"https://a.example/01/{GTIN}?11=280229")
    with pytest.raises(LinkInvalid):
        parse_link(f"https://a.example/01/{GTIN}?11=270229")


def test_another_identifying_link_keeps_its_path_and_loses_the_case_of_its_host() -> None:
    link = parse_link("HTTPS://Batteries.Example.COM/p/Ab-1?x=1")
    assert (link.scheme, link.canonical, link.path) == (
        "iec61406",
        "https://batteries.example.com/p/Ab-1?x=1",
        None,
    )


def test_a_slash_at_the_end_is_tolerated_in_a_resolver_s_path_only() -> None:
    assert parse_path(f"/01/{GTIN}/21/A/").path == f"/01/{GTIN}/21/A"
    with pytest.raises(LinkInvalid):
        parse_link(f"https://a.example/01/{GTIN}/21/A/")


def test_a_serial_is_decoded_once() -> None:
    assert parse_path(f"/01/{GTIN}/21/BAT%252F1").ais[1] == ("21", "BAT%2F1")
    assert parse_path(f"/01/{GTIN}/21/%3Cscript%3E").ais[1] == ("21", "<script>")


def test_the_texts_of_one_identifier() -> None:
    path = identifier_path("9520123456788", "BAT/26<")
    assert path == "/01/09520123456788/21/BAT%2F26%3C"
    assert identifier_url("HTTPS://ID.example.com/", path) == "https://id.example.com" + path
    assert qr_text("https://id.example.com:8443", path) == "HTTPS://ID.EXAMPLE.COM:8443" + path
    assert parse_link(qr_text("https://id.example.com:8443", path)).path == path


@pytest.mark.parametrize(
    "url", ["ftp://a", "a.example", "https://", "https://a/b", "https://u@a", "https://a:99999", "https://a:"]
)
def test_an_address_that_is_more_or_less_than_scheme_and_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        check_public_url(url)


@pytest.mark.parametrize(
    ("url", "one"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("HTTP://Example.COM:80/", "http://example.com"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_one_spelling_of_an_address(url: str, one: str) -> None:
    assert check_public_url(url) == one
    assert check_public_url(one) == one


def test_a_new_serial_has_sixteen_characters_of_base32() -> None:
    assert new_serial(bytes(range(10))) == "AAAQEAYEAUDAOCAJ"
    with pytest.raises(ValueError):
        new_serial(b"short")


def test_groups_of_four_are_the_whole_text() -> None:
    assert grouped("AAAQEAYEAUDAOCAJ") == ("AAAQ", "EAYE", "AUDA", "OCAJ")
    assert "".join(grouped("09520123456788")) == "09520123456788"


serials = st.text(st.sampled_from(sorted(CHARACTERS_82)), min_size=1, max_size=20)


@given(serials)
def test_every_serial_of_the_standard_comes_back_as_it_was(serial: str) -> None:
    path = identifier_path(GTIN, serial)
    link = parse_path(path)
    assert link.ais == (("01", GTIN), ("21", serial))
    assert link.path == path
    assert build_link("https://id.gs1.org", link.ais) == link.canonical


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    for uri in (
        text,
        "https://a.example/" + text,
        f"https://a.example/01/{GTIN}/21/{text}",
        f"https://a.example/8003/{text}",
    ):
        try:
            link = parse_link(uri)
        except LinkInvalid:
            continue
        else:
            json.dumps(link.canonical)
            assert parse_link(link.canonical).canonical == link.canonical


@given(
    st.sampled_from(
        ["00", "01", "11", "253", "255", "401", "402", "414", "7040", "8001", "8003", "8004", "8006"]
    ),
    st.text(max_size=40),
)
def test_any_value_of_an_application_identifier_passes_or_is_refused(ai: str, value: str) -> None:
    with contextlib.suppress(ValueInvalid):
        check_value(ai, value)
