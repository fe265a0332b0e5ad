"""The log in the database tells the same tree as the log computed from nothing."""

import pytest

from passport.ledger import database, leaves
from passport.signing import log
from schemas.terms import RecordKind
from tests.databases import migrated

COUNT = 37


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("log"))
    jwts = [f"jwt {n}".encode() for n in range(COUNT)]
    with database.writing(engine) as connection:
        for number, jwt in enumerate(jwts):
            index = leaves.append(
                connection, "o", jwt, battery="B", kind=RecordKind.PASSPORT, version=number + 1
            )
            assert index == number
            leaves.append(
                connection, "other", b"x", battery="B", kind=RecordKind.PASSPORT, version=number + 1
            )
    with database.reading(engine) as connection:
        yield connection, [log.leaf_hash(jwt) for jwt in jwts]
    engine.dispose()


def test_leaves_are_read_back_in_order(grown):
    connection, hashes = grown
    assert leaves.all_hashes(connection, "o") == hashes
    assert leaves.size(connection, "o") == COUNT
    assert leaves.size(connection, "nobody") == 0


@pytest.mark.parametrize("count", range(COUNT + 1))
def test_every_root_is_the_root_of_its_leaves(grown, count):
    connection, hashes = grown
    assert leaves.root(connection, "o", count) == log.root(hashes[:count])


@pytest.mark.parametrize("count", range(1, COUNT + 1))
def test_every_proof_is_the_proof_over_all_leaves(grown, count):
    connection, hashes = grown
    for index in range(count):
        assert leaves.inclusion(connection, "o", index, count) == log.inclusion_proof(index, hashes[:count])
    for first in range(count + 1):
        proof = leaves.consistency(connection, "o", first, count)
        assert proof == log.consistency_proof(first, hashes[:count])
        log.verify_consistency(first, count, proof, log.root(hashes[:first]), log.root(hashes[:count]))


@pytest.mark.parametrize("sizes", [(1, 2, 3, 31), (COUNT,), (0, 16, 0, 21)])
def test_many_leaves_at_once_are_the_same_tree(grown, tmp_path, sizes):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        done = 0
        for size in sizes:
            records = [
                (f"jwt {n}".encode(), "B", RecordKind.PASSPORT, n + 1) for n in range(done, done + size)
            ]
            assert leaves.append_all(connection, "o", records) == done
            done += size
        assert leaves.all_hashes(connection, "o") == grown[1]
        for query in (
            "SELECT * FROM log_leaf WHERE operator = 'o'",
            "SELECT * FROM log_node WHERE operator = 'o'",
        ):
            rows = [sorted(map(tuple, one.exec_driver_sql(query))) for one in (connection, grown[0])]
            assert rows[0] == rows[1]
    engine.dispose()


@pytest.mark.parametrize(("index", "count"), [(5, 5), (-1, 5), (0, 0)])
def test_a_leaf_outside_the_tree_has_no_proof(grown, index, count):
    with pytest.raises(ValueError, match="no leaf"):
        leaves.inclusion(grown[0], "o", index, count)


def test_a_log_does_not_begin_with_a_longer_one(grown):
    with pytest.raises(ValueError, match="does not begin"):
        leaves.consistency(grown[0], "o", 6, 5)


def test_a_node_that_is_not_there_is_said(grown):
    with pytest.raises(ValueError, match="has no node"):
        leaves.root(grown[0], "o", COUNT + 1)
