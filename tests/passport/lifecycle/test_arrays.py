"""Pieces: where neighbouring points are cut, and what is summed over them; worked out by hand."""

import numpy as np

from passport.lifecycle.arrays import Steps, before, doubled, pieces_of


def steps(joined, first):
    count = len(joined)
    bounds = np.array([*first, count])
    return Steps(
        rows=None,
        present=np.array([3, 7])[: len(first)],
        first=bounds[:-1],
        last=bounds[1:] - 1,
        time=np.arange(count) * 1000,
        step=np.where(joined, 1000, 0),
        joined=np.array(joined),
    )


def test_pieces_end_where_the_code_changes_a_step_is_broken_or_a_segment_ends():
    code = np.array([1, 1, 0, 0, 0, 1, 1])
    found = pieces_of(steps([False, True, True, True, False, True, True], [0, 5]), code)
    assert found.first.tolist() == [0, 2, 4, 5]
    assert found.last.tolist() == [1, 3, 4, 6]
    assert found.owner.tolist() == [3, 3, 3, 7]
    assert found.joined.tolist() == [False, True, False, True]
    assert found.total(np.arange(7)).tolist() == [1, 5, 4, 11]
    assert found.most(np.arange(7)).tolist() == [1, 3, 4, 6]


def test_the_first_and_the_last_point_of_a_piece_where_something_holds():
    found = pieces_of(steps([True] * 5, [0]), np.array([1, 1, 1, 2, 2]))
    wanted = np.array([False, True, True, False, False])
    assert found.first_where(wanted).tolist() == [1, -1]
    assert found.last_where(wanted).tolist() == [2, -1]


def test_the_point_before_the_first_is_the_one_that_the_state_carries():
    values, first = np.array([1, 2, 3, 4]), np.array([0, 2])
    assert before(values, first, [10, 20]).tolist() == [10, 1, 20, 3]
    assert doubled(values, first, [10, 20]).tolist() == [11, 3, 23, 7]
