"""The public page from a hand-made version: what it says, what it never says, how heavy it is."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import brotli
import jinja2
import pytest

from passport.documents import page
from passport.documents.values import NO_BREAK
from schemas.registry import REGISTRY
from schemas.terms import Audience, Category, Disclosure, PassportStatus, RecordKind

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def stated(value: Any, unit: str | None = None) -> dict[str, Any]:
    wire = {"value": value, "as_of": "2026-11-14T09:00:00Z", "source": "declared"}
    return wire | ({"unit": unit} if unit else {})


def passport(**changes: Any) -> page.Passport:
    view: dict[str, dict[str, Any]] = {
        row.id: {"absent": "not_yet_required" if row.applies.awaits else "not_provided"}
        for row in REGISTRY.values()
        if row.disclosure is Disclosure.PUBLIC and row.record is RecordKind.PASSPORT
    }
    view |= {
        "model_identifier": stated("Voltaro R-102"),
        "manufacturer_name": stated("Example Cells GmbH"),
        "operator_name": stated("Example Trade AB"),
        "serial_number": stated("AAAQEAYEAUDAOCAJ"),
        "battery_mass": stated("46.5", "kg"),
        "manufacturing_date": stated("2026-03"),
        "extinguishing_agent": stated(["Water"]),
        "nominal_voltage": stated("51.2", "V"),
        "maximum_voltage": stated("58.4", "V"),
        "battery_chemistry": stated("Li-ion LFP"),
        "rated_capacity": stated("102", "Ah"),
    }
    first = page.Past(1, datetime(2026, 5, 4, 9, 0, tzinfo=UTC), "RECORDONEABCDEFG", "k2Jx9QmTq0vE4sC6")
    second = page.Past(2, datetime(2026, 11, 14, 9, 0, tzinfo=UTC), "RECORDTWOABCDEFG", "k2Jx9QmTq0vE4sC6")
    made = page.Passport(
        passport_id="PPPPPPPPPPPPPPPP",
        identifier="/01/09520123456788/21/AAAQEAYEAUDAOCAJ",
        public_url="https://id.example.com",
        category=Category.STATIONARY,
        placed_on=None,
        simulated=False,
        status=PassportStatus.ACTIVE,
        operator="example-trade",
        view=view,
        history=(second, first),
        condition_at=None,
        registry_version="2026.11",
        today=date(2026, 11, 14),
    )
    return replace(made, **changes)


def rendered(**changes: Any) -> str:
    return page.render(page.context(passport(**changes)))


def text_of(html: str) -> str:
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace(NO_BREAK, " ").split())


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_order_is_identity_check_responders_figures_downloads_end_of_life_everything() -> None:
    text = text_of(rendered())
    places = [
        text.index(word)
        for word in (
            "Voltaro R-102",
            "Signed by Example Trade AB.",
            "Fire, damage, rescue",
            "Extinguish with",
            "At a glance",
            "Take it with you",
            "At the end of its life",
            "Everything that is public",
            "Not for everyone",
            "Check it yourself A page can claim anything",
            "History of versions",
        )
        if word != "Voltaro R-102"
    ]
    assert places == sorted(places)


def test_the_page_says_when_it_was_recorded_and_by_which_key() -> None:
    text = text_of(rendered())
    assert "Recorded 14 November 2026, version 2." in text
    assert "k2Jx 9QmT q0vE 4sC6" in text


def test_the_responder_block_holds_what_responders_ask_first() -> None:
    html = rendered()
    block = text_of(html[html.index('id="safety"') : html.index('id="glance"')])
    for words in (
        "Extinguish with Water",
        "Nominal voltage 51.2 V",
        "Maximum voltage 58.4 V",
        "Chemistry Li-ion LFP",
        "Mass 46.5 kg",
        "Hazardous substances Not provided",
    ):
        assert words in block


def test_every_public_attribute_is_there_with_a_value_or_in_words() -> None:
    ids = {attrs["id"] for _, attrs in Tags(rendered()).found if "id" in attrs}
    for row in REGISTRY.values():
        if row.disclosure is Disclosure.PUBLIC and row.record is RecordKind.PASSPORT:
            assert row.id in ids, row.id


def test_no_id_is_given_twice() -> None:
    ids = [
        attrs["id"]
        for _, attrs in Tags(rendered(simulated=True, placed_on=date(2026, 1, 1))).found
        if "id" in attrs
    ]
    assert len(ids) == len(set(ids))


def test_what_is_not_yet_required_names_the_act_that_is_awaited() -> None:
    text = text_of(rendered())
    assert "Not yet required Stays empty until an act gives" in text


def canaries(audience: Audience) -> set[Disclosure]:
    """Classes of the attributes whose value is on the page, when all of them are handed to it."""
    names = {f"CANARY{number}x": row for number, row in enumerate(REGISTRY.values())}
    view = {row.id: stated(name) for name, row in names.items()}
    html = rendered(view=view, condition_at=datetime(2026, 11, 1, tzinfo=UTC), audience=audience)
    return {row.disclosure for name, row in names.items() if name in html}


def test_a_value_of_a_restricted_attribute_never_reaches_the_page() -> None:
    assert canaries(Audience.PUBLIC) == {Disclosure.PUBLIC}


def test_the_page_of_an_authority_shows_points_2_and_3_and_not_point_4() -> None:
    shown = canaries(Audience.AUTHORITY)
    assert shown == {Disclosure.PUBLIC, Disclosure.INTEREST_AND_AUTHORITIES, Disclosure.AUTHORITIES}
    assert "Not the public page" in rendered(audience=Audience.AUTHORITY)


def test_restricted_groups_are_named_with_who_may_see_them_and_whom_to_ask() -> None:
    view = dict(passport().view) | {"manufacturer_email": stated("passports@cells.example")}
    html = rendered(view=view)
    text = text_of(html)
    assert "Condition and history of this battery 48" in text
    assert "For the owner and others with a legitimate interest" in text
    assert 'href="mailto:passports@cells.example"' in html


def test_whom_to_ask_is_never_an_address_that_is_not_there() -> None:
    text = text_of(rendered())
    assert "Ask Example Trade AB for access; this version names no address." in text
    view = dict(passport().view) | {"operator_address": stated("1 Example Street, 1000 Sampleton")}
    assert "at the address given in the chapter on identity" in text_of(rendered(view=view))


def test_an_operator_is_not_taken_for_the_maker_nor_a_category_for_a_model() -> None:
    view = {name: wire for name, wire in passport().view.items() if name != "manufacturer_name"}
    text = text_of(rendered(view=view))
    assert "Voltaro R-102 Maker not provided" in text
    del view["model_identifier"]
    text = text_of(rendered(view=view))
    assert "Model not provided Industrial battery for stationary storage Maker not provided" in text


def test_a_simulated_battery_cannot_be_taken_for_a_real_one() -> None:
    text = text_of(rendered(simulated=True))
    assert text.index("Simulated. No such battery exists") < text.index("Battery passport")
    assert "Signed by Example Trade AB (simulated)." in text
    assert "imulated" not in text_of(rendered(simulated=False))


def test_a_simulated_operator_is_not_marked_twice() -> None:
    view = dict(passport().view) | {"operator_name": stated("Example Cells (simulated)")}
    assert "Signed by Example Cells (simulated)." in text_of(rendered(simulated=True, view=view))


def test_a_chemistry_that_has_no_word_of_its_own_is_told_in_full_to_responders() -> None:
    view = dict(passport().view) | {
        "battery_chemistry": stated("other"),
        "battery_chemistry_name": stated("Lithium iron manganese phosphate"),
    }
    html = rendered(view=view)
    block = text_of(html[html.index('id="safety"') : html.index('id="glance"')])
    assert "Chemistry Lithium iron manganese phosphate" in block


def test_a_voluntary_and_incomplete_passport_says_both() -> None:
    past = page.Past(1, datetime(2026, 5, 4, tzinfo=UTC), "R" * 16, "k", True, "no declaration yet")
    text = text_of(rendered(history=(past,)))
    assert "Voluntary passport Placed on the market before 18 February 2027, or an" in text
    assert "The reason it gave: \u201cno declaration yet\u201d" in text
    text = text_of(rendered(history=(replace(past, incomplete=None),)))
    assert "Voluntary passport" in text
    assert "ncomplete" not in text
    text = text_of(rendered(history=(replace(past, voluntary=False, incomplete=None),)))
    assert "oluntary" not in text


def test_what_the_record_says_counts_and_not_what_was_declared_since() -> None:
    assert "oluntary" not in text_of(rendered(placed_on=date(2026, 3, 3)))


def test_the_day_of_placing_on_the_market_is_not_public() -> None:
    html = rendered(placed_on=date(2026, 3, 3))
    assert "2026-03-03" not in html
    assert "3 March 2026" not in text_of(html)


def test_an_ended_passport_keeps_what_is_true_of_the_model_and_nothing_of_the_battery() -> None:
    html = rendered(status=PassportStatus.ARCHIVED)
    assert "This passport has ended" in html
    assert 'id="rated_capacity"' in html
    assert 'id="serial_number"' not in html


def test_a_superseded_passport_leads_on() -> None:
    view = dict(passport().view) | {
        "successor_passport_ids": stated(["https://id.example.com/p/QQQQ", "javascript:x"])
    }
    html = rendered(view=view, status=PassportStatus.INACTIVE)
    assert '<a href="/p/QQQQ" rel="noreferrer">https://id.example.com/p/QQQQ</a>' in html
    assert "javascript:x" in html
    assert 'href="javascript' not in html


def test_hostile_values_are_text() -> None:
    view = {name: stated([HOSTILE] if REGISTRY[name].value.many else HOSTILE) for name in passport().view}
    past = page.Past(1, datetime(2026, 5, 4, tzinfo=UTC), HOSTILE, HOSTILE, incomplete=HOSTILE)
    html = rendered(view=view, history=(past,), operator=HOSTILE)
    tags = {tag for tag, _ in Tags(html).found}
    assert "script" not in tags
    assert "49" not in text_of(html).replace("{{7*7}}", "")
    assert all(not name.startswith("on") for _, attrs in Tags(html).found for name in attrs)


def test_the_page_is_one_file_that_fetches_nothing_and_is_light() -> None:
    html = rendered(simulated=True)
    for tag, attrs in Tags(html).found:
        assert tag not in ("script", "img", "iframe", "object", "embed", "base")
        assert "src" not in attrs
        assert "style" not in attrs  # the policy allows the one style sheet by its digest
        if tag == "link":
            assert attrs["href"] == "data:,"
    data = html.encode()
    assert len(data) <= 60_000
    assert len(gzip.compress(data, 9)) <= 15_000
    assert len(brotli.compress(data, quality=5)) <= 15_000


def test_the_policy_s_digest_is_that_of_the_style_sheet_in_the_page() -> None:
    import base64
    import hashlib

    css = re.search(r"<style>(.*?)</style>", rendered(), re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    assert page.style_hash() == f"sha256-{digest}"


def test_the_same_version_always_gives_the_same_bytes() -> None:
    assert rendered() == rendered()


def test_a_name_that_the_template_does_not_know_stops_it() -> None:
    with pytest.raises(jinja2.UndefinedError):
        page.environment().from_string("{{ nothing }}").render()


def test_an_error_page_escapes_what_came_and_reminds_of_the_label() -> None:
    html = page.render_error(title="T", status=404, detail=HOSTILE, what_now="", safety=True)
    assert "<script" not in html
    assert "The label on the battery itself names maker, chemistry and extinguishing agent" in html
