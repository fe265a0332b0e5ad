"""What happens to a battery, as the public sees it: recalls, where it goes on, the end."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from passport.ledger import batteries, catalogue, database, notices, versions
from passport.ledger.batteries import Battery
from passport.life import acts
from passport.lifecycle.status import ActName
from passport.signing.verify import verify
from passport.web import views
from passport.web.documents import pdf_context
from schemas.terms import Audience, BatteryStatus, Category, Level, RecordKind
from schemas.validation import load_facts
from tests.passport.web.web_house import FACTS, GTIN, NOW, OPERATOR, House

DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def of_model(house: House, serial: str, model: str) -> Battery:
    with database.writing(house.engine) as connection:
        product = catalogue.put(
            connection, operator=OPERATOR, level=Level.MODEL, name=model, facts={}, at=NOW, by="test"
        )
        made = batteries.create(
            connection,
            operator=OPERATOR,
            category=Category.STATIONARY,
            identifier_path=f"/01/{GTIN}/21/{serial}",
            facts=load_facts({**FACTS, "model_identifier": model, "placed_on_market_date": "2026-05-04"}),
            placed_on=NOW.date(),
            simulated=True,
            at=NOW,
            model=product.id,
        )
    house.issue(made, battery_status="original")
    return made


def notice(house: House, target: str, level: Level, kind: str = "recall", **words: Any) -> notices.Notice:
    said = {"title": "Loose busbar", "text": "Stop using the battery and call the maker.", **words}
    with database.writing(house.engine) as connection:
        added, _ = notices.add(
            connection, target=target, level=level, kind=notices.Kind(kind), now=house.now, **said
        )
    return added


def page(house: House, battery: Battery, status: int = 200) -> str:
    answer = house.client().get(f"/p/{battery.passport_id}")
    assert answer.status_code == status
    return str(answer.get_data(as_text=True))


def as_json(house: House, battery: Battery, status: int = 200) -> dict[str, Any]:
    answer = house.client().get(f"/p/{battery.passport_id}/json")
    assert answer.status_code == status
    return dict(answer.json)


def repurposed(house: House, *originals: Battery) -> Battery:
    made = acts.NewBattery(
        f"/01/{GTIN}/21/SECOND", Category.STATIONARY, load_facts({"placed_on_market_date": "2026-06-01"})
    )
    return acts.new_life(
        house.issuer,
        [one.id for one in originals],
        made,
        BatteryStatus.REPURPOSED,
        at=house.now,
        now=house.now,
    ).battery


def recycled(house: House, battery: Battery) -> None:
    for act in (ActName.RECEIVED, ActName.RECYCLED):
        acts.tell(house.issuer, battery.id, act, at=house.now, now=house.now, by="Recycling Works")


def test_a_recall_of_a_model_stands_on_its_pages_at_once_and_on_no_other(house: House) -> None:
    first, second = of_model(house, "A1", "R-102"), of_model(house, "A2", "R-102")
    other = of_model(house, "B1", "S-50")
    assert "Recall" not in page(house, first)
    assert first.model is not None
    added = notice(house, first.model, Level.MODEL, url="https://cells.example/recall")
    for battery in (first, second):
        html = page(house, battery)
        assert html.index("Recall: Loose busbar") < html.index('id="name"')
        assert 'href="https://cells.example/recall"' in html
        (told,) = as_json(house, battery)["notices"]
        assert (told["kind"], told["level"], told["title"]) == ("recall", "model", "Loose busbar")
    assert "Recall" not in page(house, other)
    linkset = house.client().get(f"{first.identifier}?linkType=linkset").json
    (target,) = linkset["linkset"][0]["https://ref.gs1.org/voc/recallStatus"]
    assert target["href"].endswith("#recall-1")
    assert 'id="recall-1"' in page(house, first)
    with database.reading(house.engine) as connection:
        context = pdf_context(connection, first, Audience.PUBLIC, public_url=house.public_url)
    assert context.alerts[0][0] == "Recall: Loose busbar"
    with database.writing(house.engine) as connection:
        _, pages = notices.end(connection, added.id, why="all packs were exchanged", now=house.now + DAY)
    assert pages == 2
    assert "Recall" not in page(house, first)
    assert as_json(house, first)["notices"] == []
    (stood,) = house.client().get(f"/p/{first.passport_id}/history").json["notices"]
    assert stood["ended_why"] == "all packs were exchanged"


def test_the_layer_of_stored_pages_shows_a_recall_on_the_next_request(house: House) -> None:
    battery = house.battery()
    application = house.wsgi()

    def ask() -> bytes:
        environ = {
            "PATH_INFO": f"/p/{battery.passport_id}",
            "REQUEST_METHOD": "GET",
            "SERVER_NAME": "x",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": None,
            "wsgi.errors": None,
        }
        return b"".join(application(environ, lambda *_: None))

    assert b"Keep dry" not in ask()
    assert b"Keep dry" not in ask()
    notice(house, battery.id, Level.ITEM, "safety", title="Keep dry", text="Do not use it outdoors.")
    assert b"Safety notice: Keep dry" in ask()
    assert b"Safety notice: Keep dry" in ask()


def test_what_was_made_of_recalled_batteries_is_concerned_too(house: House) -> None:
    original = of_model(house, "A1", "R-102")
    made = repurposed(house, original)
    assert original.model is not None
    notice(house, original.model, Level.MODEL)
    html = page(house, made)
    assert "Recall: Loose busbar" in html
    assert "something that this battery was made of" in html


def test_a_notice_is_told_as_it_was_written_and_runs_nothing(house: House) -> None:
    battery = house.battery()
    notice(house, battery.id, Level.ITEM, title="<b>x</b>", text="<script>alert(1)</script>", language="de")
    html = page(house, battery)
    assert "<script" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert ' lang="de"' in html


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"title": " "}, "title is 1 to 200"),
        ({"title": "x" * 201}, "title is 1 to 200"),
        ({"text": "a\x00b"}, "text is 1 to 4000"),
        ({"url": "javascript:alert(1)"}, "leads to a web address"),
        ({"language": "german"}, "expected a language"),
    ],
)
def test_a_notice_that_nobody_could_read_is_refused(house: House, words: dict[str, str], told: str) -> None:
    battery = house.battery()
    with pytest.raises(Exception, match=told):
        notice(house, battery.id, Level.ITEM, **words)


def test_a_recall_of_a_large_model_is_two_statements(house: House) -> None:
    battery = of_model(house, "A1", "R-102")
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO battery (id, passport_id, operator, identifier, category, placed_on, simulated,"
            " created_at, passport_status, notice_revision, model)"
            " SELECT 'X' || i, 'P' || i, 'o', '/x/' || i, 'stationary', NULL, 1, '2026-01-01T00:00:00Z',"
            " 'Active', 0, ? FROM n",
            (battery.model,),
        )
    assert battery.model is not None
    with database.writing(house.engine) as connection:
        _, pages = notices.add(
            connection,
            target=battery.model,
            level=Level.MODEL,
            kind=notices.Kind.RECALL,
            title="t",
            text="t",
            now=NOW,
        )
    assert pages == 20_001


def test_an_old_code_still_resolves_and_its_page_leads_on(house: House) -> None:
    originals = [of_model(house, serial, "R-102") for serial in ("A1", "A2")]
    made = repurposed(house, *originals)
    client = house.client()
    for original in originals:
        hop = client.get(original.identifier)
        assert (hop.status_code, hop.headers["Location"]) == (307, f"/p/{original.passport_id}")
        html = page(house, original)
        assert html.index("The battery goes on in another passport") < html.index('id="name"')
        assert f'href="/p/{made.passport_id}"' in html
        assert "repurposed" not in html.lower()
        entry = client.get(f"{original.identifier}?linkType=linkset").json["linkset"][0]
        assert entry["successor-version"][0]["href"].endswith(f"/p/{made.passport_id}")
    html = page(house, made)
    for original in originals:
        assert f'href="/p/{original.passport_id}"' in html
    entry = client.get(f"{made.identifier}?linkType=linkset").json["linkset"][0]
    assert len(entry["predecessor-version"]) == 2


ENDED = ("json", "record", "bundle")


def test_after_recycling_everything_is_gone_but_what_is_true_of_the_model(house: House) -> None:
    serial = "SERIAL7QZ"
    battery = house.battery(serial, battery_status="original")
    house.issuer.issue(battery.id, RecordKind.CONDITION, now=house.now)
    with database.reading(house.engine) as connection:
        first = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    assert first is not None
    recycled(house, battery)
    client = house.client()
    hop = client.get(battery.identifier)
    assert (hop.status_code, hop.headers["Location"]) == (307, f"/p/{battery.passport_id}")
    html = page(house, battery, 410)
    assert "This passport has ended" in html
    assert "Voltaro R-102" in html
    told = as_json(house, battery, 410)
    assert told["values"]["rated_capacity"]["value"] == "102"
    assert told["values"]["passport_ceased_at"]["value"] == "2026-11-20"
    assert "serial_number" not in told["values"] or "value" not in told["values"]["serial_number"]
    for name in ENDED:
        answer = client.get(f"/p/{battery.passport_id}/{name}", headers={"If-None-Match": "*"})
        assert answer.status_code == 410
        assert answer.data
    bundle = client.get(f"/p/{battery.passport_id}/bundle").data
    assert "previous" not in json.loads(bundle)
    with database.reading(house.engine) as connection:
        keys = views.operators.jwks(connection, OPERATOR)["keys"]
    lines = {line.name: line.answer for line in verify(bundle, jwks=keys, now=house.now).lines}
    assert "no" not in lines.values()
    assert lines["schema"] == "yes"
    old = client.get(f"/r/{first.record_id}")
    assert old.status_code == 410
    assert b"eyJ" not in old.data
    with database.reading(house.engine) as connection:
        for audience in Audience:
            shown = views.records(connection, battery, audience)
            assert [view.version.kind for view in shown] == [RecordKind.PASSPORT]
            stated = {name for name, wire in shown[0].values.items() if "value" in wire}
            assert "serial_number" not in stated
            assert "manufacturing_date" not in stated
        assert pdf_context(connection, battery, Audience.PUBLIC, public_url=house.public_url).values[
            "serial_number"
        ] == {"absent": "not_applicable"}


def test_between_the_act_and_the_last_version_nothing_individual_is_given_out(house: House) -> None:
    battery = house.battery(battery_status="original")
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE battery SET passport_status = 'Archived' WHERE id = ?", (battery.id,)
        )
    told = as_json(house, battery, 410)
    assert "serial_number" not in told["values"]
    assert told["values"]["rated_capacity"]["value"] == "102"
    for name in ("record", "bundle"):
        answer = house.client().get(f"/p/{battery.passport_id}/{name}")
        assert answer.status_code == 410
        assert b"eyJ" not in answer.data
