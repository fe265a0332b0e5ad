"""JSON and YAML: one meaning, the same plain values, nothing that unfolds."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.importing import documents
from passport.importing.findings import ImportRefused
from tests.passport.importing.books import answers

YAML = b"""
models:
- model_identifier: EX-5      # a remark
  rated_capacity: 100.50
  warranty_period: 120
  placed: 2027-02-18
  good: true
  said: yes
  norway: no
  nothing: ~
  text: "100"
  octal: 0777
"""


def test_yaml_and_json_give_decimals_and_text_and_never_a_float_or_a_day():
    (model,) = documents.read_yaml(YAML)["models"]
    assert model == {
        "model_identifier": "EX-5",
        "rated_capacity": Decimal("100.50"),
        "warranty_period": 120,
        "placed": "2027-02-18",
        "good": True,
        "said": "yes",
        "norway": "no",
        "nothing": None,
        "text": "100",
        "octal": "0777",
    }
    assert str(model["rated_capacity"]) == "100.50"
    assert str(documents.read_json(b'{"a": 100.50}')["a"]) == "100.50"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x", "line 1, column 4.*anchors"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!float 3", "tag"),
        ("a: 1\na: 2", "'a' stands twice"),
        ("a: 1\n---\nb: 2", "second document"),
        ("a: [" + "[" * 40 + "]" * 41, "nested deeper than 32"),
        ("[1]: 2", "text as a name"),
        ("a: 'open", "no YAML"),
        ("a: \x01", "no YAML"),
    ],
)
def test_what_yaml_can_do_beyond_data_is_refused_with_its_place(text, words):
    with pytest.raises(ImportRefused, match=words):
        documents.read_yaml(text.encode())


def test_json_with_two_meanings_is_refused():
    with pytest.raises(ImportRefused, match="stands twice"):
        documents.read_json(b'{"items": [], "items": []}')


@settings(deadline=None, database=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="ab:-[]{}&*!#|>'\" \n\t?,1.~%@", max_size=80).map(str.encode),
    )
)
def test_whatever_bytes_come_are_a_value_or_a_refusal(noise):
    for read in (documents.read_yaml, documents.read_json):
        assert answers(lambda read=read: read(noise))
