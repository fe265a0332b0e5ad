"""Offers for sale: who sees them, how long, and what ends them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from passport import grants, search
from passport.errors import Conflict, InputRefused
from passport.ledger import database
from passport.search import offers
from schemas.terms import Audience
from tests.databases import migrated
from tests.passport.search.packs import Pack, stated

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
PACK = Pack("AAAA")
TODAY = NOW.date()


@pytest.fixture
def engine(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        for name in ("AAAA", "BBBB"):
            contact = {"name": "Desk", "email": "desk@cells.example"}
            search.index(connection, battery=Pack(name), facts=stated(operator_contact=contact))
    yield engine
    engine.dispose()


def ask(engine, reader, *pairs, today=TODAY):
    with database.reading(engine) as connection:
        return search.query(connection, search.parse(pairs), reader, today=today).rows


def put(engine, pack=PACK, now=NOW, **more):
    with database.writing(engine) as connection:
        return offers.put(connection, pack, now=now, **more)


def test_an_offer_is_found_by_its_day_and_shown_with_price_and_contact(engine):
    put(engine, price="900", until=date(2026, 12, 24), contact="https://cells.example/used")
    (row,) = ask(engine, INTEREST, ("offered_since_min", "2026-11-28"))
    assert row.battery == "AAAA"
    assert row.offer == {
        "since": "2026-11-28",
        "until": "2026-12-24",
        "price": "900",
        "contact": "https://cells.example/used",
    }
    assert row.values["offered_since"] == "2026-11-28"
    assert ask(engine, INTEREST, ("offered_since_min", "2026-11-29")) == ()
    told = search.wire(row, "http://127.0.0.1:8000")
    assert told["offer"]["price"] == "900"
    assert told["contact"] == "desk@cells.example"


@pytest.mark.parametrize(
    "reader",
    [
        grants.VISITOR,
        grants.Principal(Audience.AUTHORITY, key="a"),
        grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second"),
    ],
    ids=["public", "authority", "another operator's key"],
)
def test_who_may_not_read_of_the_battery_sees_no_offer(engine, reader):
    put(engine, price="900", contact="secret@cells.example")
    for row in ask(engine, reader):
        assert row.offer is None
        assert "offered_since" in row.withheld
        assert "secret" not in str(search.wire(row, "http://127.0.0.1:8000"))


def test_an_offer_that_ended_is_none(engine):
    put(engine, until=date(2026, 11, 30))
    last, after = date(2026, 11, 30), date(2026, 12, 1)
    assert len(ask(engine, INTEREST, ("offered_since_min", "2026-01-01"), today=last)) == 1
    assert ask(engine, INTEREST, ("offered_since_min", "2026-01-01"), today=after) == ()
    row = next(one for one in ask(engine, INTEREST, today=after) if one.battery == "AAAA")
    assert (row.offer, row.values["offered_since"]) == (None, None)


def test_a_changed_offer_keeps_its_first_day_and_an_offer_made_anew_does_not(engine):
    put(engine, price="900")
    later = NOW + timedelta(days=5)
    assert put(engine, price="800", now=later).since == NOW.date()
    with database.writing(engine) as connection:
        offers.withdraw(connection, PACK, now=later)
    assert ask(engine, INTEREST, ("offered_since_min", "2026-01-01")) == ()
    assert put(engine, now=later).since == later.date()
    with database.reading(engine) as connection:
        rows = connection.exec_driver_sql("SELECT number, operator, price, until FROM offer ORDER BY number")
        # 28 November and 90 days; 3 December and 90 days; withdrawn; anew
        assert [tuple(row) for row in rows] == [
            (1, "first", "900", "2027-02-26"),
            (2, "first", "800", "2027-03-03"),
            (3, "first", None, None),
            (4, "first", None, "2027-03-03"),
        ]


def test_a_new_version_of_the_battery_leaves_the_offer(engine):
    put(engine, price="900")
    with database.writing(engine) as connection:
        search.index(connection, battery=PACK, facts=stated(model_identifier="EX-5"))
    assert ask(engine, INTEREST, ("model", "EX-5"))[0].offer["price"] == "900"


def test_what_is_not_offered_cannot_be_withdrawn(engine):
    with database.writing(engine) as connection, pytest.raises(Conflict, match="not offered"):
        offers.withdraw(connection, PACK, now=NOW)


def test_what_nobody_would_find_is_not_offered(engine):
    with pytest.raises(Conflict, match="issue a passport"):
        put(engine, Pack("UNKNOWN"))
    with database.reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM offer").scalar() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": "0"},
        {"price": "-5"},
        {"price": "NaN"},
        {"price": "1e30"},
        {"price": "12.345"},
        {"price": "nine"},
        {"until": date(2026, 11, 27)},
        {"until": date(2028, 1, 1)},
        {"contact": "javascript:alert(1)"},
        {"contact": "file:///etc/passwd"},
        {"contact": "https://"},
        {"contact": "https://cells.example/<script>"},
        {"contact": "nobody"},
        {"contact": "https://cells.example/" + "x" * 300},
    ],
    ids=str,
)
def test_a_price_day_or_contact_that_is_none_is_refused(engine, wrong):
    with pytest.raises(InputRefused):
        put(engine, **wrong)
