"""Identifiers against GS1's own answers, read from beside the project."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest

from schemas import gs1
from schemas.gs1 import ValueInvalid
from schemas.identifier import LinkInvalid, build_link, parse_link

Shared = Callable[[str], Path]


def rows(shared: Shared, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shared(f"vectors/gs1/{name}.jsonl").read_text("utf-8").splitlines()]


def bracketed(text: str) -> list[tuple[str, str]]:
    return re.findall(r"\((\d{2,4})\)((?:[^(]|\((?!\d{2,4}\)))*)", text)


def accepted(uri: str) -> bool:
    try:
        return parse_link(uri).scheme == "gs1"
    except LinkInvalid:
        return False


def test_every_battery_link_is_judged_as_the_gs1_engine_judges_it(shared: Shared) -> None:
    for row in rows(shared, "battery_uris"):
        assert accepted(row["uri"]) == row["valid"], row
        if row["valid"]:
            link = parse_link(row["uri"])
            assert link.canonical == row["canonical"]
            assert "".join(f"({ai}){value}" for ai, value in link.ais) == row["ai_data"]


def test_an_invalid_battery_link_is_no_iec_link_either(shared: Shared) -> None:
    for row in rows(shared, "battery_uris"):
        if not row["valid"]:
            with pytest.raises(LinkInvalid) as refusal:
                parse_link(row["uri"])
            assert len(str(refusal.value)) > 15


def test_digital_links_of_the_gs1_engine_s_own_tests(shared: Shared) -> None:
    """Rows with a leniency switched on (zero-suppressed GTINs, short names) are what we refuse on purpose."""
    lenient = 0
    for row in rows(shared, "dl_parse"):
        if row.get("options"):
            lenient += 1
            assert not accepted(row["uri"]), row
            continue
        assert accepted(row["uri"]) == row["valid"], row
        if row["valid"]:
            text = "".join(f"{ai}{value}" for ai, value in parse_link(row["uri"]).ais)
            assert text == row["element_string"].replace("^", ""), row
    assert lenient < 12


def test_links_are_built_as_the_gs1_engine_builds_them(shared: Shared) -> None:
    for row in rows(shared, "dl_generate"):
        if row.get("options"):
            continue  # unknown application identifiers are not accepted here
        ais = bracketed(row["ai_data"])
        if row["valid"]:
            assert build_link(row["stem"], ais) == row["uri"]
        else:
            with pytest.raises(LinkInvalid):
                build_link(row["stem"], ais)


def test_key_and_qualifier_sequences(shared: Shared) -> None:
    for row in rows(shared, "path_sequences"):
        assert gs1.key_sequence(row["ais"][0], row["ais"][1:]) == row["valid"], row


def test_values_of_application_identifiers(shared: Shared) -> None:
    for row in rows(shared, "ai_content"):
        try:
            for ai, value in bracketed(row["ai_data"]):
                gs1.check_value(ai, value)
            valid = True
        except ValueInvalid:
            valid = False
        assert valid == row["valid"], row


def test_check_digits(shared: Shared) -> None:
    for row in rows(shared, "check_digit"):
        value = row["value"]
        right = (
            len(value) > 1
            and value.isascii()
            and value.isdigit()
            and gs1.gtin_check_digit(value[:-1]) == value[-1]
        )
        assert right == row["valid"], row


def test_check_pairs(shared: Shared) -> None:
    for row in rows(shared, "check_pair"):
        value = row["value"]
        try:
            right = len(value) > 1 and gs1.check_pair(value[:-2]) == value[-2:]
        except ValueError:
            right = False
        assert right == row["valid"], row


@pytest.mark.parametrize(
    ("name", "characters"), [("cset82", gs1.CHARACTERS_82), ("cset39", gs1.CHARACTERS_39)]
)
def test_character_sets(shared: Shared, name: str, characters: frozenset[str]) -> None:
    for row in rows(shared, name):
        assert (set(row["value"]) <= characters) == row["valid"], row


def test_percent_decoding_happens_once_and_leaves_what_is_no_escape(shared: Shared) -> None:
    for row in rows(shared, "uri_unescape"):
        assert unquote_to_bytes(row["in"]).decode("latin-1") == row["path"]
    for row in rows(shared, "uri_escape"):
        assert quote(row["in"], safe="") == row["path"]


def test_compressed_links_are_refused_with_a_reason(shared: Shared) -> None:
    for row in rows(shared, "compression"):
        for field in ("compressed", "compressed_no_optimisation"):
            uri = row.get(field)
            if uri is None or uri == row["uri"]:
                continue
            with pytest.raises(LinkInvalid):
                parse_link(uri)


def test_what_is_not_covered_is_known(shared: Shared) -> None:
    """Every file of vectors is either read above or named here with the reason."""
    read = {
        "battery_uris", "dl_parse", "dl_generate", "path_sequences", "ai_content", "check_digit",
        "check_pair", "cset82", "cset39", "uri_unescape", "uri_escape", "compression",
    }  # fmt: skip
    elsewhere = {
        "resolver_cases": "tests/passport/web/test_resolver.py",
    }
    not_ours = {
        "ai_parse": "bracketed element strings are no links; values in them are checked by ai_content",
        "toolkit_js": "an older program that accepts what the engine refuses: never the expected answer",
        "short_names": "gtin, lot, ser left the standard; links with them are refused",
        "epcis_level": "EPCIS has stricter rules than links",
        "epc_urn": "no URN is printed on a battery",
    }
    present = {path.stem for path in shared("vectors/gs1").glob("*.jsonl")}
    assert present <= read | set(elsewhere) | set(not_ours)
