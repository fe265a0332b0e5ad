"""The example batteries of the other tests are complete, and every value is one that people may declare."""

from typing import Any

import pytest

from passport.disclosure import visible
from schemas.registry import OPINIONS, REGISTRY
from schemas.terms import Audience, Category, Obligation
from schemas.validation import MADE_BY_SERVICE, load_facts
from tests.passport.exports.subjects import everything, facts, subject


@pytest.mark.parametrize("category", Category)
def test_every_value_of_an_example_can_be_declared_and_is_spelt_as_the_wire_spells_it(
    category: Category,
) -> None:
    known = {name: value for name, value in facts(category).items() if name not in MADE_BY_SERVICE}
    loaded = load_facts(known)
    assert {name: REGISTRY[name].value.to_wire(value) for name, value in loaded.items()} == known


def test_every_row_but_the_opinions_has_a_value_in_some_category() -> None:
    stated: set[str] = {name for category in Category for name in facts(category)}
    assert stated == set(REGISTRY) - OPINIONS


@pytest.mark.parametrize("category", Category)
def test_an_example_leaves_out_little_that_its_category_may_state(category: Category) -> None:
    possible = {
        row.id
        for row in REGISTRY.values()
        if row.duty.of(category).obligation is not Obligation.NOT_APPLICABLE and row.id not in OPINIONS
    }
    left: dict[Category, set[str]] = {
        Category.EV: _lineage() | _recycled("lead"),
        Category.LMT: _lineage() | _recycled("lead"),
        Category.INDUSTRIAL: _lineage() | _recycled("cobalt") | _recycled("lithium") | _recycled("nickel"),
        Category.STATIONARY: _recycled("cobalt") | _recycled("nickel") | _recycled("lead"),
    }
    assert possible - set(facts(category)) == left[category]


def _lineage() -> set[str]:
    return {"second_life_operation", "passport_ceased_at"}


def _recycled(metal: str) -> set[str]:
    share = f"recycled_{metal}_share"
    return {share, f"pre_consumer_{share}", f"post_consumer_{share}"}


@pytest.mark.parametrize("audience", Audience)
def test_a_subject_holds_what_its_audience_may_see_and_no_more(audience: Audience) -> None:
    shown: Any = subject(Category.EV, audience).values
    assert set(shown) == visible(audience) - OPINIONS
    assert everything(Category.EV).given("rated_capacity") == "117.5"
