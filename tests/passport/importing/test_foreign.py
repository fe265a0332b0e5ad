"""Passports of other formats: our own exports come back as far as their loss reports say."""

import pytest

from passport.exports import FORMATS, format_of
from passport.exports.format import Brought
from passport.importing import files
from passport.importing.findings import ImportRefused
from passport.importing.reading import NOT_DECLARED
from schemas.terms import Category, Level
from tests.passport.exports import subjects


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_recognised_and_comes_back_with_its_losses_told(form, category):
    path = f"/01/{subjects.GTINS[category]}/21/{subjects.SERIALS[category]}"
    exported = format_of(form).export(subjects.everything(category))
    entries = files.read([(f"passport{exported.suffix}", exported.data)])
    (entry,) = entries.of(Level.ITEM)
    assert entry.key == (path,)
    assert entry.sound, [str(one) for one in entry.findings if not one.warning]
    told = {loss.attribute for loss in exported.losses} | {one.attribute for one in entry.findings}
    stated = set(subjects.facts(category)) - NOT_DECLARED
    assert stated - set(entry.facts) <= told
    assert not set(entry.facts) & NOT_DECLARED


@pytest.mark.parametrize(
    "said", [None, "urn:uuid:0b5a3e5e-7e5b-4b43-8a50-5d1f6a4b1a11", "https://example.com/battery/7"]
)
def test_a_foreign_passport_without_an_identifier_of_ours_asks_for_one(monkeypatch, said):
    brought = Brought({"battery_category": "ev", "battery_id": said}, identifier=said)
    monkeypatch.setattr(format_of("ready"), "read", lambda _data: brought)
    with pytest.raises(ImportRefused, match="--identifier"):
        files.read([("a.json", b"{}")], form="ready")
    entries = files.read([("a.json", b"{}")], form="ready", identifier="/01/09520123456788/21/S1")
    assert [entry.facts for entry in entries.of(Level.ITEM)] == [{"battery_category": "ev"}]


def test_a_foreign_document_that_is_damaged_is_refused_with_its_name():
    with pytest.raises(ImportRefused, match=r"^passport\.json: "):
        files.read([("passport.json", b'{"Battery_Passport": 5}')], form="ready")
    with pytest.raises(ImportRefused, match=r"^x\.bin: expected"):
        files.read([("x.bin", b"\x00\x01")])
