"""A record keeps the meaning of the registry that it names, however the registry goes on.

`old_records/` holds a passport and a condition record that the service signed when registry 2026.11 was in
force, and an assessment of 2026.12, as a person with a legitimate interest got them, and the operator's
public keys of those days. They are never made again. What a registry that differs more would bring is planted
below.
"""

import copy
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest

from passport.documents import matrix, page
from passport.documents.page import Past
from passport.errors import Forbidden
from passport.issue import _claims, view_of
from passport.judgement.compliance import Shown
from passport.ledger import database, versions
from passport.signing import base64url, encode
from passport.signing.disclosures import disclose
from passport.signing.sign import sign_record
from passport.signing.verify import verify_file
from schemas import history, registries
from schemas.registries import rows_of
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import Audience, Category, PassportStatus, RecordKind
from tests.passport.issuing import AFTER, NOW, installation

OLD = Path(__file__).parent / "old_records"
VERSION = "2026.11"
JWKS = json.loads((OLD / f"jwks-{VERSION}.json").read_text(encoding="utf-8"))["keys"]


def answers(data, jwks=JWKS):
    return {line.name: line for line in verify_file(data, jwks=jwks, now=NOW)}


@pytest.mark.parametrize("kind", ["passport", "condition"])
def test_a_record_of_an_older_registry_verifies_in_its_own_words(kind):
    found = answers((OLD / f"{kind}-{VERSION}.sdjwt").read_bytes())
    for name in ("signature", "disclosures", "validity", "issuer", "schema"):
        assert found[name].answer == "yes", found[name]
    assert found["schema"].reason.endswith("as registry 2026.11 has them")


def test_an_assessment_of_an_older_registry_verifies_in_its_own_words():
    jwks = json.loads((OLD / "jwks-2026.12.json").read_text(encoding="utf-8"))["keys"]
    found = answers((OLD / "assessment-2026.12.sdjwt").read_bytes(), jwks)
    for name in ("signature", "disclosures", "validity", "issuer", "schema"):
        assert found[name].answer == "yes", found[name]
    assert found["schema"].reason.endswith("as registry 2026.12 has them")


def said(kind="passport"):
    """What the old record says, attribute by attribute."""
    jwt, *disclosures, _ = (OLD / f"{kind}-{VERSION}.sdjwt").read_bytes().split(b"~")
    payload = orjson.loads(base64url.decode(jwt.split(b".")[1].decode()))
    claims = disclose(payload, [one.decode() for one in disclosures])
    return {name: wire for name, wire in claims["credentialSubject"].items() if name != "id"}


def test_an_older_record_is_shown_as_it_was_meant():
    view = said()
    shown = page.context(passport_of(view, VERSION))
    titles = {row.id: row.title for chapter in shown.chapters for row in chapter.given}
    assert titles["rated_capacity"] == rows_of(VERSION)["rated_capacity"].title
    assert shown.registry_version == VERSION


# ------------------------------------------------------------------------- a registry that differs more

PLANTED = "2026.10"


@pytest.fixture
def planted(monkeypatch):
    """An older registry that called things otherwise, and was more open than the one in force."""
    frozen = copy.deepcopy(dict(history.registry_of(VERSION)))
    frozen["registry_version"] = PLANTED
    rows = frozen["attributes"]
    rows["rated_capacity"] |= {"title": "Nominal charge", "unit": "kWh"}
    rows["test_reports"]["disclosure"] = "public"  # authorities alone today
    rows["paint"] = {**rows["operator_name"], "title": "Colour of the paint", "law": []}  # unknown today
    read, known = history.registry_of, (PLANTED, *history.versions())
    monkeypatch.setattr(registries, "registry_of", lambda name: frozen if name == PLANTED else read(name))
    monkeypatch.setattr(registries, "versions", lambda: known)
    rows_of.cache_clear()
    yield frozen
    rows_of.cache_clear()


SAID = {
    "rated_capacity": {"value": "5", "unit": "kWh", "source": "declared"},
    "test_reports": {"value": ["https://example.com/report.pdf"], "source": "declared"},
    "paint": {"value": "green", "source": "declared"},
}


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def old_version(house):
    """A released version of ours whose signed part speaks the planted registry."""
    battery = house.battery(placed_on=AFTER)
    version = house.issuer.issue(battery.id, RecordKind.PASSPORT, now=NOW, incomplete="planted")
    claims = _claims(version.jwt)
    claims["registryVersion"] = PLANTED
    claims["credentialSchema"]["id"] = claims["credentialSchema"]["id"].replace(REGISTRY_VERSION, PLANTED)
    claims["credentialSubject"] |= SAID
    del claims["credentialSubject"]["_sd"][-1]  # the class of one row was public, so one digest less
    signer = house.issuer.signers(battery.operator)
    jwt = sign_record(encode.json_bytes(claims), signer, version.issued_at)
    return replace(version, jwt=jwt, registry_version=PLANTED)


def test_values_are_checked_by_the_registry_of_the_record(house, planted):
    version = old_version(house)
    with database.reading(house.engine) as connection:
        jwks = versions.jwks(connection, version.operator)["keys"]
    found = answers(version.jwt + b"~", jwks)
    assert (found["signature"].answer, found["schema"].answer) == ("yes", "yes"), found["schema"].reason
    assert "as registry 2026.10 has them" in found["schema"].reason


def test_a_registry_that_was_never_released_is_unknown_and_not_wrong(house, planted, monkeypatch):
    version = old_version(house)
    rows_of.cache_clear()
    monkeypatch.setattr(registries, "versions", history.versions)
    with database.reading(house.engine) as connection:
        jwks = versions.jwks(connection, version.operator)["keys"]
    line = answers(version.jwt + b"~", jwks)["schema"]
    assert line.answer == "unknown"
    assert "'2026.10'" in line.reason
    assert "2026.11, 2026.12" in line.reason


@pytest.mark.parametrize("audience", [Audience.PUBLIC, Audience.LEGITIMATE_INTEREST])
def test_who_may_see_a_value_is_asked_of_the_registry_in_force(house, planted, audience):
    version = old_version(house)
    with database.reading(house.engine) as connection:
        view = view_of(connection, version, audience)
    assert view.values["rated_capacity"] == SAID["rated_capacity"]
    assert {"test_reports", "paint"} <= view.withheld
    assert not {"test_reports", "paint"} & view.values.keys()
    # The signed bytes hold both in clear, so these bytes are not for such readers any more.
    assert view.exposed == {"test_reports", "paint"}
    with pytest.raises(Forbidden, match=r"registry 2026\.10 and holds in clear .* paint, test_reports"):
        _ = view.record


def test_an_authority_still_may_not_have_what_no_registry_knows(house, planted):
    version = old_version(house)
    with database.reading(house.engine) as connection:
        view = view_of(connection, version, Audience.AUTHORITY)
    assert "test_reports" in view.values
    assert view.exposed == {"paint"}


def passport_of(view, registry):
    return page.Passport(
        passport_id="A" * 16,
        identifier="/01/09520123456788/21/S0",
        public_url="https://id.example.com",
        category=Category.STATIONARY,
        placed_on=AFTER,
        simulated=True,
        status=PassportStatus.ACTIVE,
        operator="example-cells",
        view=view,
        history=(Past(1, datetime(2026, 11, 20, 12, tzinfo=UTC), "R" * 16, "key"),),
        condition_at=None,
        registry_version=registry,
        today=date(2026, 11, 20),
    )


def test_title_and_unit_of_an_older_registry_are_printed(planted):
    view = {**said(), "rated_capacity": SAID["rated_capacity"]}
    shown = page.context(passport_of(view, PLANTED))
    rows = {row.id: row for chapter in shown.chapters for row in chapter.given}
    assert rows["rated_capacity"].title == "Nominal charge"
    assert rows["rated_capacity"].shown.text.split() == ["5", "kWh"]
    assert "paint" not in {row.id for chapter in shown.chapters for row in chapter.given}
    html = page.render(shown)
    assert "Nominal charge" in html
    assert "Colour of the paint" not in html


def test_the_matrix_of_an_older_record_speaks_its_words_and_withholds_by_today(planted):
    record = Shown.of(SAID, Category.STATIONARY, AFTER, date(2026, 11, 20), voluntary=False)
    judge = matrix.Judge(Audience.PUBLIC, record, PLANTED)
    rows = {row.attribute: row for part in matrix.chapters(SAID, judge) for row in part.rows}
    assert (rows["rated_capacity"].title, rows["rated_capacity"].unit) == ("Nominal charge", "kWh")
    assert rows["test_reports"].state is matrix.State.RESTRICTED
    assert rows["paint"].state is matrix.State.RESTRICTED
    assert rows["paint"].value == ""
    assert REGISTRY["rated_capacity"].title == "Rated capacity"
