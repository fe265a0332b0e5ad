"""What every format has to keep, whatever it is given: the laws that the tests of single formats share."""

import csv
import json
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from marshmallow import ValidationError

from passport.errors import InputRefused
from passport.exports.format import Exported, Subject, Why
from schemas.registry import REGISTRY
from schemas.terms import Category
from schemas.validation import MADE_BY_SERVICE, FactsInvalid, field_of, load_facts
from tests.passport.exports import drawn
from tests.passport.exports.subjects import everything, facts

# What a subject says besides its values, so that a value of its own would contradict it.
_OF_THE_SUBJECT = frozenset({"passport_id", "battery_id", "battery_category"})
# What a document says of a category, although no value does.
BESIDE = frozenset({"battery_category", "industrial_subtype"})


@st.composite
def subjects(draw: Any) -> Subject:
    """Batteries of which much or little is stated, with numbers that nobody has ever seen."""
    category = draw(st.sampled_from(Category))
    known = facts(category)
    if draw(st.booleans()):
        kept = draw(st.sets(st.sampled_from(sorted(known))))
    else:
        kept = set(known) - draw(st.sets(st.sampled_from(sorted(known)), max_size=8))
    values = {name: known[name] for name in known if name in kept}
    foreign = {name: value for name, value in draw(drawn.rows(most=8)).items() if name not in _OF_THE_SUBJECT}
    return everything(category, values | foreign)


def lost(exported: Exported) -> set[str]:
    return {loss.attribute for loss in exported.losses}


def check_that_nothing_is_lost_unsaid(format_: ModuleType, subject: Subject) -> None:
    """Every stated value comes back as it was, or a loss names it; nothing comes back that nobody stated."""
    exported = format_.export(subject)
    brought = format_.read(exported.data)
    told = lost(exported)
    assert brought.identifier == subject.identifier_url
    for name, stated in subject.values.items():
        if stated.get("value") is None or name in told or name == "battery_id":
            continue
        if name in MADE_BY_SERVICE:
            assert str(stated["value"]) in exported.data.decode(), name
            continue
        assert name in brought.facts, f"{name} is neither in the document nor among the losses"
        field = field_of(name)
        assert field.deserialize(brought.facts[name]) == field.deserialize(stated["value"]), name
    stated_names = {name for name, stated in subject.values.items() if stated.get("value") is not None}
    extra = set(brought.facts) - stated_names - told - BESIDE
    assert not extra, f"nobody stated {extra}"
    for name, raw in brought.facts.items():
        try:
            field_of(name).deserialize(raw)
        except ValidationError as refused:
            raise AssertionError(f"{name}: our own document is refused: {refused}") from refused


def check_that_it_is_always_the_same(format_: ModuleType, subject: Subject) -> None:
    first, second = format_.export(subject), format_.export(subject)
    assert first == second
    assert format_.recognises(first.data, f"battery{first.suffix}")


def check_that_losses_are_in_reading_order(exported: Exported) -> None:
    order = [*REGISTRY, ""]
    places = [order.index(loss.attribute) for loss in exported.losses]
    assert places == sorted(places)
    assert all(loss.sentence and len(loss.sentence) < 500 for loss in exported.losses)


def check_that_missing_places_are_told(exported: Exported, missing: Iterable[str]) -> None:
    """The schema's complaints are missing places, each told as unfilled; and the other way round."""
    unfilled = {loss.path for loss in exported.losses if loss.why is Why.UNFILLED}
    absent = set(missing)
    for path in absent:
        assert any(one == path or one.startswith(f"{path}.") for one in unfilled), path
    for path in unfilled:
        assert any(path == one or path.startswith(f"{one}.") for one in absent), path


def missing_places(document: Any, schema: Mapping[str, Any], prefix: str = "$") -> list[str]:
    """Paths that the schema demands and the document has not; any other complaint fails the test."""
    from jsonschema import Draft4Validator

    paths = []
    for error in Draft4Validator(schema).iter_errors(document):
        assert error.validator == "required", f"{list(error.absolute_path)}: {error.message}"
        name = error.message.split("'")[1]
        paths.append(".".join([prefix, *map(str, error.absolute_path), name]))
    return paths


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["not stated", "0001-01-01", "data:,none", -9999, "2024-03-15", "unit:percent", "CAS"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: Any, document: bytes) -> bytes:
    """A document of ours in which some values became something else."""
    value = json.loads(document)
    for _ in range(draw(st.integers(1, 4))):
        node: Any = value
        parent, key = None, None
        while isinstance(node, (dict, list)) and node and (parent is None or draw(st.integers(0, 4))):
            parent = node
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            node = node[key]
        if parent is not None:
            parent[key] = draw(JSON_VALUES)
    return json.dumps(value).encode()


def check_that_reading_refuses_or_tells(format_: ModuleType, data: bytes) -> None:
    """Whatever comes: something is brought, which judging accepts or refuses by name; or it is refused."""
    format_.recognises(data, "any.json")
    try:
        brought = format_.read(data)
    except InputRefused:
        return
    assert set(brought.facts) <= set(REGISTRY)
    assert set(brought.paths) == set(brought.facts)
    assert set(_errors(brought.facts)) <= set(brought.facts)


def _errors(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        load_facts(raw)
    except FactsInvalid as refused:
        return refused.errors
    return {}


def audited_paths(shared: Any, column: str) -> dict[str, str]:
    """Attribute to its place, by the table of paths that was audited apart from this code."""
    file = "attributes_xref.csv" if column == "ready_1_0_pointer" else "attributes.csv"
    with shared(f"reference/{file}").open(encoding="utf-8", newline="") as rows:
        found = {row["id"]: row[column] for row in csv.DictReader(rows)}
    return {name: _as_path(text) for name, text in found.items() if text}


def _as_path(text: str) -> str:
    return text.replace(":$.", ".").removeprefix("$.").replace("[]", "").strip("/").replace("/", ".")
