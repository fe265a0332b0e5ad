"""`GET /api/batteries/{id}/export`: another format over HTTP, within the rights of the key."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from passport import grants
from passport.exports import available, en18223
from passport.ledger import database
from schemas.terms import Audience
from tests.passport.web.web_house import NOW, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def ask(house: House, question: str, key: str = "") -> Any:
    """The answer about a battery made for this question."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    battery = house.battery()
    return house.client().get(f"/api/batteries/{battery.passport_id}/export{question}", headers=headers)


def key_for(house: House, audience: Audience) -> str:
    with database.writing(house.engine) as connection:
        return grants.create(
            connection, audience=audience, purpose="test", now=NOW, expires_at=NOW + timedelta(days=1)
        )


def test_without_a_key_it_is_the_public_copy_and_a_file_with_a_name(house: House) -> None:
    answer = ask(house, "?format=en18223")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"].endswith('.en18223.json"')
    assert answer.headers["Cache-Control"] == "no-store"
    assert en18223.recognises(answer.data, "")
    assert answer.json["record"]["audience"] == "public"


def test_a_key_widens_it_and_the_copy_is_in_the_audit(house: House) -> None:
    answer = ask(house, "?format=en18223-full", key_for(house, Audience.AUTHORITY))
    told = json.dumps(answer.json)
    assert '"authority"' in told
    with database.reading(house.engine) as connection:
        newest = connection.exec_driver_sql(
            "SELECT action, audience, detail FROM audit ORDER BY id DESC LIMIT 1"
        ).one()
    assert tuple(newest) == ("read", "authority", "export en18223-full")


def test_what_is_lost_is_told_as_json(house: House) -> None:
    answer = ask(house, "?format=en18223&part=losses")
    assert (answer.json["format"], answer.json["audience"]) == ("en18223", "public")
    assert "rated_capacity" in {loss["attribute"] for loss in answer.json["losses"]}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", "format"),
        ("?format=xml", "no format is called 'xml'; known are"),
        ("?format=en18223&part=all", "part"),
        ("?format=en18223&shoe_size=44", "shoe_size"),
    ],
)
def test_a_wrong_question_is_refused_by_name(house: House, question: str, words: str) -> None:
    answer = ask(house, question)
    assert answer.status_code == 400
    assert words in answer.json["detail"]
    assert "rated_energy_min" not in answer.json["detail"], "parameters of another operation"


def test_a_battery_without_a_record_is_404(house: House) -> None:
    battery = house.battery(issue=False)
    answer = house.client().get(f"/api/batteries/{battery.passport_id}/export?format=en18223")
    assert answer.status_code == 404


def test_the_page_of_a_passport_links_its_public_copy(house: House) -> None:
    battery = house.battery()
    page = house.client().get(f"/p/{battery.passport_id}").text
    (link,) = re.findall(r'href="(/api/batteries/[^"]+)"', page)
    assert en18223.recognises(house.client().get(link).data, "")


def test_the_description_lists_the_formats(house: House) -> None:
    spec = house.client().get("/api/openapi.json").json
    operation = spec["paths"]["/api/batteries/{passport_id}/export"]["get"]
    described = {one["name"]: one for one in operation["parameters"]}
    assert described["format"]["required"]
    assert all(name in described["format"]["description"] for name in available())
