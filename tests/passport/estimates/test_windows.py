from dataclasses import replace

import numpy as np
import pytest

from passport.estimates.capacity import Measurement, classify
from passport.estimates.estimate import EvidenceClass
from passport.estimates.windows import Example, WindowModel, charge_between, learn
from passport.lifecycle.session import Session
from tests.passport.estimates.cells import Cell
from tests.passport.estimates.sessions_of import sessions_of


def _charge(health: float, start: float = 0.0, ohm: float = 0.006) -> tuple[Session, float, Cell]:
    cell = Cell("Li-ion NMC", health=health, ohm=ohm)
    (session,) = sessions_of(cell.run(start, 0.3), cell.basis)
    return session, cell.capacity / cell.rated, cell


def _examples(batteries: int) -> list[Example]:
    chance = np.random.default_rng(4)
    found = []
    for battery in range(batteries):
        for health in (1.0, 0.95, 0.9, 0.85, 0.8):
            session, share, _ = _charge(health, ohm=float(chance.uniform(0.005, 0.008)))
            found.append(Example(f"b{battery}", session, share))
    return found


@pytest.fixture(scope="module")
def model() -> WindowModel:
    return learn(_examples(4), 10.0, owner="operator", of="model")


def test_a_window_learned_from_sisters_tells_a_battery_that_was_left_out(model: WindowModel) -> None:
    assert model.windows
    assert all(window.sd <= 2 for window in model.windows)
    off = []
    for health in (0.97, 0.88, 0.82):
        # Not from empty: class A has nothing to say.
        session, share, cell = _charge(health, start=0.12, ohm=0.0065)
        assert not isinstance(classify(session, cell.basis), Measurement)
        measured = classify(session, cell.basis, model=model)
        assert isinstance(measured, Measurement)
        assert measured.evidence is EvidenceClass.B
        assert measured.method == f"cap.window.v1:{model.digest}"
        off.append(100 * (measured.capacity / 10 - share))
    assert max(abs(one) for one in off) < 2


@pytest.mark.parametrize("batteries", [3, 4, 6])
def test_a_windows_doubt_is_that_of_a_battery_left_out_and_more_where_they_are_few(batteries: int) -> None:
    # By another program: leave each battery out, fit a line to the rest, take the battery's mean square.
    examples = _examples(batteries)
    found = learn(examples, 10.0, owner="operator", of="model").windows[0]
    names = [one.battery for one in examples]
    crossed = [charge_between(one.session, found.edges) for one in examples]
    points = [(n, c / 10, one.capacity) for n, c, one in zip(names, crossed, examples, strict=True) if c]
    squares = []
    for out in sorted({name for name, _, _ in points}):
        x, y = zip(*[(x, y) for name, x, y in points if name != out], strict=True)
        line = np.polyfit(x, y, 1)
        squares.append(np.mean([(np.polyval(line, x) - y) ** 2 for name, x, y in points if name == out]))
    # The best of many windows on three batteries is doubted twice as much, on six a third more.
    factor = {3: 2.0, 4: (5 / 2) ** 0.5, 6: (7 / 4) ** 0.5}[batteries]
    assert found.batteries == batteries
    assert found.sd == pytest.approx(100 * float(np.sqrt(np.mean(squares))) * factor, rel=1e-4)


def test_too_few_batteries_teach_nothing() -> None:
    assert learn(_examples(2), 10.0, owner="operator", of="model").windows == ()


def test_a_window_without_a_relation_is_refused_by_its_own_spread() -> None:
    chance = np.random.default_rng(9)
    shuffled = [replace(one, capacity=float(chance.uniform(0.7, 1))) for one in _examples(4)]
    assert learn(shuffled, 10.0, owner="operator", of="model").windows == ()


def test_another_current_or_temperature_is_not_read_through_the_window(model: WindowModel) -> None:
    session, _, cell = _charge(0.9, start=0.12)
    assert model.capacity_of(session, cell.rated) is not None
    assert model.capacity_of(replace(session, mean_ma=2 * session.mean_ma), cell.rated) is None
    assert model.capacity_of(replace(session, mean_temperature=50), cell.rated) is None
    assert model.capacity_of(replace(session, mean_temperature=None), cell.rated) is None


def test_a_charge_outside_of_what_was_seen_is_not_extrapolated(model: WindowModel) -> None:
    session, _, cell = _charge(0.4, start=0.12)
    assert model.capacity_of(session, cell.rated) is None


def test_a_part_that_was_not_crossed_whole_spoils_the_window() -> None:
    session, _, _ = _charge(0.9)
    edges = [edge for edge, _ in session.windows][2:6]
    whole = charge_between(session, edges)
    assert whole is not None
    torn = replace(session, windows=tuple(one for one in session.windows if one[0] != edges[1]))
    assert charge_between(torn, edges) is None


def test_a_model_read_back_is_the_model_written_and_its_hash_knows_its_owner(model: WindowModel) -> None:
    assert WindowModel.from_wire(model.to_wire()) == model
    assert replace(model, owner="another").digest != model.digest
    assert learn(_examples(4), 10.0, owner="operator", of="model").digest == model.digest
