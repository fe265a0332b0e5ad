"""Public pages and files over a real database with really issued records."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from passport.commands.verify import command
from passport.errors import SignerUnavailable
from passport.issue import Issuer
from passport.ledger import batteries, database, versions
from passport.signing.signer import Signer
from passport.signing.verify import verify_file
from passport.web import create_flask
from schemas.terms import PassportStatus, RecordKind
from tests.passport.web.web_house import GTIN, NOW, OPERATOR, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_a_scan_leads_in_one_hop_to_a_page_that_shows_the_record(house: House) -> None:
    battery = house.battery()
    client = house.client()
    hop = client.get(battery.identifier)
    assert (hop.status_code, hop.headers["Location"]) == (307, f"/p/{battery.passport_id}")
    page = client.get(hop.headers["Location"])
    assert page.status_code == 200
    assert b"Voltaro R-102" in page.data
    assert b"51.2\xc2\xa0V" in page.data
    assert b"Simulated." in page.data


def test_public_pages_set_no_cookie_and_allow_nothing(house: House) -> None:
    battery = house.battery()
    client = house.client()
    for path in ("/", f"/p/{battery.passport_id}", "/p/AAAAAAAAAAAAAAAA", battery.identifier, "/nothing"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert "Set-Cookie" not in answer.headers
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Permissions-Policy" in answer.headers


def test_the_downloaded_bundle_verifies_offline_with_the_operator_s_keys(house: House) -> None:
    battery = house.battery()
    house.issue(battery, battery_mass="47")
    client = house.client()
    bundle = client.get(f"/p/{battery.passport_id}/bundle").data
    keys = client.get(f"/o/{OPERATOR}/jwks.json").get_json()["keys"]
    log_keys = client.get(f"/o/{OPERATOR}/log-keys").get_data(as_text=True).split()
    lines = {line.name: line.answer for line in verify_file(bundle, jwks=keys, log_keys=log_keys, now=NOW)}
    for name in ("signature", "disclosures", "validity", "issuer", "schema", "chain", "log", "status"):
        assert lines[name] == "yes", name


def test_the_commands_on_the_page_lead_to_yes(house: House, tmp_path: Path) -> None:
    battery = house.battery()
    client = house.client()
    html = client.get(f"/p/{battery.passport_id}").get_data(as_text=True)
    section = html[html.index('id="verify"') :]
    folder = tmp_path / "downloads"
    folder.mkdir()
    for href, name in re.findall(r'<a href="([^"]+)" download="([^"]+)">', section):
        answer = client.get(href)
        assert answer.headers.get("Content-Disposition", f'attachment; filename="{name}"').endswith(
            f'filename="{name}"'
        )
        (folder / name).write_bytes(answer.data)
    found = re.search(r"<code>cellpass verify ([^<]+)</code>", section)
    assert found is not None
    arguments = [
        str(folder / word) if not word.startswith("--") and "=" not in word else word
        for word in found[1].split()
    ]
    result = CliRunner().invoke(command, [*arguments, "--now", "2026-11-20T12:30:00Z", "--json"])
    told = {line["line"]: line["answer"] for line in json.loads(result.output)["lines"]}
    unknown = {name for name, answer in told.items() if answer != "yes"}
    assert (result.exit_code, unknown) == (0, {"subject", "timestamp"})


def test_a_revoked_version_is_told_by_its_own_bundle(house: House) -> None:
    battery = house.battery()
    client = house.client()
    with database.writing(house.engine) as connection:
        version = versions.latest(connection, battery.id, RecordKind.PASSPORT)
        assert version is not None
        versions.revoke(connection, version, why="wrong pack", at=NOW)
    keys = client.get(f"/o/{OPERATOR}/jwks.json").get_json()["keys"]
    bundle = client.get(f"/p/{battery.passport_id}/bundle").data
    lines = {line.name: line.answer for line in verify_file(bundle, jwks=keys, now=NOW)}
    assert lines["status"] == "no"


def test_a_bundle_is_the_same_for_an_hour_and_its_status_is_never_older(house: House) -> None:
    battery = house.battery()
    path = f"/p/{battery.passport_id}/bundle"
    house.now = NOW + timedelta(days=3, minutes=1)
    first = house.client().get(path)
    house.now = NOW + timedelta(days=3, minutes=59)
    assert house.client().get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    house.now = NOW + timedelta(days=3, minutes=60)
    assert house.client().get(path).data != first.data
    keys = house.client().get(f"/o/{OPERATOR}/jwks.json").get_json()["keys"]
    (status,) = (line for line in verify_file(first.data, jwks=keys, now=house.now) if line.name == "status")
    assert status.reason == "not revoked as of 2026-11-23T12:00:00Z"


@pytest.mark.parametrize("issuer", ["none", "without a signer"])
def test_without_a_signer_the_bundle_goes_without_a_status(house: House, issuer: str) -> None:
    battery = house.battery()

    def gone(_: str) -> Signer:
        raise SignerUnavailable("no signer listens")

    absent = None if issuer == "none" else Issuer(house.engine, house.settings, gone)
    client = create_flask(replace(house.context, issuer=absent)).test_client()
    answer = client.get(f"/p/{battery.passport_id}/bundle")
    assert answer.status_code == 200
    assert "status_list" not in answer.get_json()
    assert {"record", "proof", "jwks"} <= answer.get_json().keys()


def test_one_changed_byte_of_the_record_is_found(house: House) -> None:
    battery = house.battery()
    client = house.client()
    answer = client.get(f"/p/{battery.passport_id}/record")
    assert answer.mimetype == "application/vc+sd-jwt"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="battery-passport-AAAQEAYEAUDAOCAJ.sdjwt"'
    )
    keys = client.get(f"/o/{OPERATOR}/did.json").get_json()["verificationMethod"]
    jwks = [{**method["publicKeyJwk"]} for method in keys]
    good = {line.name: line.answer for line in verify_file(answer.data, jwks=jwks, now=NOW)}
    assert good["signature"] == "yes"
    place = answer.data.index(b".") + 30
    changed = bytearray(answer.data)
    changed[place] ^= 1
    bad = {line.name: line.answer for line in verify_file(bytes(changed), jwks=jwks, now=NOW)}
    assert bad["signature"] == "no"


def test_a_record_is_served_as_it_was_signed_and_may_be_kept_for_ever(house: House) -> None:
    battery = house.battery()
    client = house.client()
    told = client.get(f"/p/{battery.passport_id}/history").get_json()["versions"][0]
    path = told["url"].removeprefix(house.public_url)
    answer = client.get(path)
    assert answer.data == client.get(f"/p/{battery.passport_id}/record").data
    assert "immutable" in answer.headers["Cache-Control"]
    import hashlib

    assert hashlib.sha256(answer.data.split(b"~")[0]).hexdigest() == told["sha256"]


def test_the_public_json_holds_public_values_only(house: House) -> None:
    battery = house.battery()
    content = house.client().get(f"/p/{battery.passport_id}/json").get_json()
    assert content["values"]["rated_capacity"]["value"] == "102"
    assert "battery_status" not in content["values"]
    assert "operator_identifier" not in content["values"]
    assert content["simulated"] is True


def test_programs_are_told_what_is_voluntary_and_why_one_is_incomplete(house: House) -> None:
    client = house.client()
    told = []
    for serial, day in (("EARLY", date(2027, 2, 17)), ("OWED", date(2027, 2, 18))):
        passport_id = house.battery(serial, placed_on=day).passport_id
        told.append(client.get(f"/p/{passport_id}/json").get_json()["record"])
        told.append(client.get(f"/p/{passport_id}/history").get_json()["versions"][0])
        told.append(client.get(f"/api/batteries/{passport_id}").get_json()["records"][0])
    assert [(one["voluntary"], one["incomplete"]) for one in told] == [(True, None)] * 3 + [
        (False, "trial")
    ] * 3


def test_code_and_label_say_the_identifier(house: House) -> None:
    battery = house.battery("BAT/26<a>")
    client = house.client()
    png = client.get(f"/p/{battery.passport_id}/qr.png")
    text = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.data)))[0].text
    assert text == f"HTTP://127.0.0.1:8000/01/{GTIN}/21/BAT%2F26%3Ca%3E"
    assert client.get(f"/p/{battery.passport_id}/qr.svg").mimetype == "image/svg+xml"
    label = client.get(f"/p/{battery.passport_id}/label.svg").get_data(as_text=True)
    assert "Voltaro R-102" in label
    assert "SIMULATED" in label
    assert "BAT/ 26&lt;a &gt;" in label


def test_an_ended_passport_is_gone_with_its_class_data_kept(house: House) -> None:
    battery = house.battery()
    client = house.client()
    assert client.get(f"/p/{battery.passport_id}").status_code == 200
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, battery.id, PassportStatus.ARCHIVED)
    answer = client.get(f"/p/{battery.passport_id}")
    assert answer.status_code == 410
    assert b"This passport has ended" in answer.data
    assert b"102\xc2\xa0Ah" in answer.data
    assert client.get(battery.identifier).status_code == 307


def test_a_battery_without_a_version_has_no_page_yet(house: House) -> None:
    battery = house.battery(issue=False)
    client = house.client()
    for below in ("", "/record", "/bundle", "/json", "/history"):
        answer = client.get(f"/p/{battery.passport_id}{below}")
        assert answer.status_code == 404 or (below == "/history" and answer.get_json()["versions"] == [])


def test_the_landing_page_lists_simulated_batteries_only(house: House) -> None:
    simulated = house.battery()
    real = house.battery("REAL2345REAL2345", simulated=False, placed_on=None)
    text = house.client().get("/").get_data(as_text=True)
    assert simulated.passport_id in text
    assert real.passport_id not in text
    assert "REAL2345" not in text


@pytest.mark.parametrize("form", ["{url}{path}", "{upper}{path}", "{path}", "{passport}", "{battery}"])
def test_what_a_person_pastes_into_the_field_leads_to_the_page(house: House, form: str) -> None:
    battery = house.battery()
    asked = form.format(
        url=house.public_url,
        upper=house.public_url.upper(),
        path=battery.identifier,
        passport=battery.passport_id,
        battery=battery.id,
    )
    answer = house.client().get("/", query_string={"q": asked})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/p/{battery.passport_id}")


@pytest.mark.parametrize(
    "asked", ["x", "https://elsewhere.example/01/1", "<script>alert(1)</script>", "\x00", "9" * 400]
)
def test_what_names_nothing_is_told_so_without_an_echo_of_markup(house: House, asked: str) -> None:
    answer = house.client().get("/", query_string={"q": asked})
    assert answer.status_code == 404
    assert b"Nothing is known under this identifier" in answer.data
    assert b"<script" not in answer.data


def test_unknown_and_malformed_ids_get_the_same_answer(house: House) -> None:
    house.battery()
    client = house.client()
    answers = []
    for name in ("AAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaa", "1", "..%2f..%2fetc", "%00", "A" * 300, "<script>"):
        answer = client.get(f"/p/{name}", headers={"Accept": "text/html"})
        answers.append((answer.status_code, answer.data))
    assert set(answers) == {(404, answers[0][1])}


def test_status_list_and_checkpoint_are_served(house: House) -> None:
    house.battery()
    client = house.client()
    assert client.get(f"/o/{OPERATOR}/status/0").mimetype == "application/vc+jwt"
    assert client.get(f"/o/{OPERATOR}/status/9").status_code == 404
    note = client.get(f"/o/{OPERATOR}/checkpoint").get_data(as_text=True)
    assert note.splitlines()[1] == "1"
    assert client.get("/o/nobody/jwks.json").status_code == 404
    assert client.get("/o/nobody/checkpoint").status_code == 404


def test_vocabulary_and_registry_are_served(house: House) -> None:
    client = house.client()
    assert client.get("/ns/cellpass/v1").mimetype == "application/ld+json"
    assert client.get("/schemas/registry/2026.11").get_json()["registry_version"] == "2026.11"
    for version in ("2020.01", "..", "2026.11.json", "__init__"):
        assert client.get(f"/schemas/registry/{version}").status_code == 404


def test_health_and_metrics(house: House) -> None:
    client = house.client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    text = client.get("/metrics").get_data(as_text=True)
    assert "\ncellpass_registration_proofs_pressing 0\n" in text
    assert re.search(r"^cellpass_pages_rendered_total \d+$", text, re.MULTILINE)


def test_files_answer_304_to_what_the_client_has(house: House) -> None:
    battery = house.battery()
    client = house.client()
    for below in ("/record", "/bundle", "/json", "/qr.svg"):
        first = client.get(f"/p/{battery.passport_id}{below}")
        again = client.get(
            f"/p/{battery.passport_id}{below}", headers={"If-None-Match": first.headers["ETag"]}
        )
        assert again.status_code == 304


def test_a_new_version_shows_at_once(house: House) -> None:
    battery = house.battery()
    client = house.client()
    assert b"46.5\xc2\xa0kg" in client.get(f"/p/{battery.passport_id}").data
    house.now = NOW + timedelta(days=1)
    house.issue(battery, battery_mass="47.25")
    text = client.get(f"/p/{battery.passport_id}").data
    assert b"47.25\xc2\xa0kg" in text
    assert b"version 2" in text


def test_the_json_of_the_did_names_the_keys_that_signed(house: House) -> None:
    house.battery()
    client = house.client()
    document = client.get(f"/o/{OPERATOR}/did.json").get_json()
    assert document["id"] == "did:web:127.0.0.1%3A8000:o:example-cells"
    assert document["verificationMethod"][0]["publicKeyJwk"]["crv"] == "P-256"
    assert "d" not in document["verificationMethod"][0]["publicKeyJwk"]
