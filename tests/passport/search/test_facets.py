"""Counts: of what the reader may read, and of nothing else."""

from datetime import date

import pytest

from passport import grants, search
from passport.errors import Forbidden
from passport.ledger import database
from passport.search import facets
from schemas.terms import Audience
from tests.databases import migrated
from tests.passport.search.packs import Pack, judged, stated

TODAY = date(2026, 11, 28)
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
RESTRICTED = {"battery_status", "verdict", "grade", "calibrated", "use"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("facets"))
    with database.writing(engine) as connection:
        lfp = stated(battery_chemistry="Li-ion LFP", model_identifier="EX-5")
        nmc = stated(battery_chemistry="Li-ion NMC")
        for name, facts, said, operator in (
            ("A", lfp, judged("90", grade="A", uses=("home_storage", "backup")), "first"),
            ("B", lfp, judged("80", grade="B", uses=("backup",)), "first"),
            ("C", nmc, judged("70", grade="C", uses=()), "second"),
            ("D", nmc, None, "second"),
        ):
            search.index(connection, battery=Pack(name, operator=operator), facts=facts, assessment=said)
    yield engine
    engine.dispose()


def count(engine, reader, *pairs):
    with database.reading(engine) as connection:
        found = facets.facets(connection, search.parse(pairs), reader, today=TODAY)
    return {one.field.name: (dict(one.counts), one.unknown) for one in found.facets}, found


def test_a_person_with_a_legitimate_interest_sees_how_all_divide(engine):
    told, found = count(engine, INTEREST)
    assert told["chemistry"] == ({"Li-ion LFP": 2, "Li-ion NMC": 2}, 0)
    assert told["model"] == ({"EX-5": 2}, 2)
    assert told["grade"] == ({"A": 1, "B": 1, "C": 1}, 1)
    assert told["use"] == ({"backup": 2, "home_storage": 1}, 2)
    assert (found.counted, found.complete) == (4, True)


def test_counts_are_of_what_fits_the_question(engine):
    told, _ = count(engine, INTEREST, ("use", "backup"))
    assert told["chemistry"] == ({"Li-ion LFP": 2}, 0)
    assert told["grade"] == ({"A": 1, "B": 1}, 0)


@pytest.mark.parametrize("audience", [Audience.PUBLIC, Audience.AUTHORITY])
def test_who_may_not_read_a_field_gets_no_count_of_it(engine, audience):
    told, _ = count(engine, grants.Principal(audience))
    assert not RESTRICTED & set(told)
    assert told["chemistry"] == ({"Li-ion LFP": 2, "Li-ion NMC": 2}, 0)
    with pytest.raises(Forbidden, match="grade"):
        count(engine, grants.Principal(audience), ("grade", "A"))


def test_a_key_of_one_operator_counts_restricted_words_only_among_its_batteries(engine):
    scoped = grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second")
    told, _ = count(engine, scoped)
    assert told["chemistry"] == ({"Li-ion LFP": 2, "Li-ion NMC": 2}, 0)
    assert told["grade"] == ({"C": 1}, 1)
    assert told["use"] == ({}, 2)


def test_a_device_key_counts_nothing(engine):
    with pytest.raises(Forbidden, match="reads nothing"):
        count(engine, grants.Principal(None, right=grants.Right.INTAKE, key="d"))


def test_counting_stops_and_says_so(engine, monkeypatch):
    monkeypatch.setattr(facets, "MOST", 3)
    _, found = count(engine, INTEREST)
    assert (found.counted, found.complete) == (3, False)
