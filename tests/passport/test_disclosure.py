"""The lattice of Art. 77(2): twelve cells written by hand, and what follows for every attribute."""

import pytest

from passport.disclosure import audiences, disclosure_of, may_see, may_see_attribute, visible
from schemas.explain import READERS
from schemas.registry import REGISTRY
from schemas.terms import Audience, Disclosure

# rows: disclosure class; columns: public, legitimate interest, authority
LATTICE = {
    Disclosure.PUBLIC: (True, True, True),
    Disclosure.INTEREST_AND_AUTHORITIES: (False, True, True),
    Disclosure.AUTHORITIES: (False, False, True),
    Disclosure.INDIVIDUAL: (False, True, False),
}


@pytest.mark.parametrize("disclosure", Disclosure)
def test_each_cell_of_the_lattice(disclosure):
    asked = (Audience.PUBLIC, Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY)
    assert tuple(may_see(audience, disclosure) for audience in asked) == LATTICE[disclosure]
    assert audiences(disclosure) == {who for who in asked if may_see(who, disclosure)}


def test_authority_does_not_see_individual_data():
    assert not may_see_attribute(Audience.AUTHORITY, "state_of_charge")
    assert not may_see_attribute(Audience.AUTHORITY, "battery_status")


def test_legitimate_interest_does_not_see_test_reports():
    assert not may_see_attribute(Audience.LEGITIMATE_INTEREST, "test_reports")


def test_no_audience_beyond_the_public_contains_another():
    interested, authority = visible(Audience.LEGITIMATE_INTEREST), visible(Audience.AUTHORITY)
    assert visible(Audience.PUBLIC) < interested
    assert visible(Audience.PUBLIC) < authority
    assert not interested <= authority
    assert not authority <= interested


def test_counts_of_visible_attributes_by_hand():
    # 104 public, 13 of point 2, 14 for authorities, 48 individual
    assert len(visible(Audience.PUBLIC)) == 104
    assert len(visible(Audience.LEGITIMATE_INTEREST)) == 104 + 13 + 48
    assert len(visible(Audience.AUTHORITY)) == 104 + 13 + 14


@pytest.mark.parametrize("unknown", ["", "nonsense", "Rated_Capacity", "rated_capacity ", "__class__"])
@pytest.mark.parametrize("audience", Audience)
def test_an_attribute_without_a_class_is_withheld_from_everybody(audience, unknown):
    assert disclosure_of(unknown) is None
    assert not may_see_attribute(audience, unknown)
    assert unknown not in visible(audience)


def test_a_class_outside_the_table_is_withheld():
    assert not may_see(Audience.AUTHORITY, "secret")
    assert audiences("secret") == frozenset()


@pytest.mark.parametrize("audience", Audience)
def test_a_view_never_holds_a_class_its_audience_lacks(audience):
    for attribute_id in visible(audience):
        assert may_see(audience, REGISTRY[attribute_id].disclosure)
    for attribute_id in REGISTRY.keys() - visible(audience):
        assert not may_see(audience, REGISTRY[attribute_id].disclosure)


def test_the_words_of_the_docs_say_what_the_table_does():
    words = {
        "everyone": {Audience.PUBLIC, Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY},
        "legitimate interest and authorities": {Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY},
        "authorities, not legitimate interest": {Audience.AUTHORITY},
        "legitimate interest, not authorities": {Audience.LEGITIMATE_INTEREST},
    }
    for disclosure in Disclosure:
        assert audiences(disclosure) == words[READERS[disclosure]]
