"""The laws of the second-life gates, tried over everything that can be said."""

from dataclasses import fields, replace
from decimal import Decimal
from itertools import product
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.judgement.second_life.assess import Verdict, assess, verdict_of
from passport.judgement.second_life.gates import GATES, Answer, Evidence, Inspection, Said, together
from passport.judgement.second_life.thresholds import LIMITS
from schemas.terms import BatteryStatus

BY_ID = {gate.id: gate for gate in GATES}
NUMBERS = [
    Decimal(n) for n in ("-20", "0", "0.4", "0.95", "1", "1.2", "2.5", "3.4", "4.5", "8", "79.9", "80", "600")
]
CHOICES = {
    bool: st.booleans(),
    Decimal: st.sampled_from(NUMBERS),
    int: st.sampled_from([0, 1, 30, 31, 90, 91, 180, 181]),
    str: st.sampled_from([*LIMITS, "Na-ion", "other"]),
    BatteryStatus: st.sampled_from(list(BatteryStatus)),
}
NAMES = [field.name for field in fields(Evidence) if field.name != "inspections"]


def _strategy(name: str) -> st.SearchStrategy:
    if name == "protections":
        return st.none() | st.sampled_from([(), ("cell_overvoltage",)])
    inner = next(kind for kind in get_type_hints(Evidence)[name].__args__ if kind is not type(None))
    return st.none() | CHOICES[inner]


EVIDENCE = st.builds(Evidence, **{name: _strategy(name) for name in NAMES})


def test_there_are_thirteen_gates_in_order():
    assert [gate.id for gate in GATES] == [f"G{n}" for n in range(1, 14)]
    for gate in GATES:
        words = (
            gate.name,
            gate.question,
            gate.needs,
            gate.passes,
            gate.fails,
            gate.unknown,
            gate.inspect,
            gate.basis,
        )
        assert all(words), gate.id


@pytest.mark.long
def test_every_combination_of_answers_has_the_one_right_verdict():
    for answers in product(Answer, repeat=len(GATES)):
        verdict = verdict_of(answers)
        if Answer.FAIL in answers:
            assert verdict is Verdict.NOT_ELIGIBLE
        elif Answer.UNKNOWN in answers:
            assert verdict is Verdict.NEEDS_INSPECTION
        else:
            assert verdict is Verdict.ELIGIBLE


def test_one_answer_among_twelve_passes_decides_wherever_it_stands():
    for place in range(len(GATES)):
        answers = [Answer.PASS] * len(GATES)
        for answer, verdict in (
            (Answer.PASS, Verdict.ELIGIBLE),
            (Answer.UNKNOWN, Verdict.NEEDS_INSPECTION),
            (Answer.FAIL, Verdict.NOT_ELIGIBLE),
        ):
            answers[place] = answer
            assert verdict_of(answers) is verdict


def test_no_answers_are_no_yes():
    assert verdict_of([]) is Verdict.NEEDS_INSPECTION


@pytest.mark.parametrize("answers", list(product(Answer, repeat=3)))
def test_several_questions_meet_in_any_order(answers):
    expected = together(*(Said(answer, answer.value) for answer in answers)).answer
    for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        assert together(*(Said(answers[n], "") for n in order)).answer is expected
    assert (expected is Answer.PASS) == (set(answers) == {Answer.PASS})
    assert (expected is Answer.FAIL) == (Answer.FAIL in answers)


def test_knowing_nothing_passes_no_gate_and_asks_for_every_inspection():
    outcome = assess(Evidence())
    assert {result.answer for result in outcome.results} == {Answer.UNKNOWN}
    assert outcome.verdict is Verdict.NEEDS_INSPECTION
    assert [line.split()[0] for line in outcome.inspect] == [gate.id for gate in GATES]


@given(EVIDENCE)
def test_readings_alone_never_make_a_battery_eligible(evidence):
    outcome = assess(evidence)
    assert outcome.verdict is not Verdict.ELIGIBLE
    failed = any(result.answer is Answer.FAIL for result in outcome.results)
    assert (outcome.verdict is Verdict.NOT_ELIGIBLE) == failed
    assert all(result.reason for result in outcome.results)


@given(EVIDENCE, st.sampled_from(NAMES))
@settings(max_examples=400)
def test_forgetting_something_never_turns_an_answer_into_a_pass(evidence, name):
    poorer = replace(evidence, **{name: None})
    for gate in GATES:
        if gate.decide(poorer).answer is Answer.PASS:
            assert gate.decide(evidence).answer is not Answer.UNKNOWN, gate.id


@given(EVIDENCE, st.sampled_from([gate.id for gate in GATES]), st.booleans())
def test_an_inspection_answers_only_what_the_data_leave_open(evidence, gate_id, clean):
    gate = BY_ID[gate_id]
    before = gate.decide(evidence).answer
    after = gate.decide(replace(evidence, inspections={gate_id: Inspection(clean, "seen")})).answer
    expected = (Answer.PASS if clean else Answer.FAIL) if before is Answer.UNKNOWN else before
    assert after is expected


def test_thirteen_clean_inspections_are_a_yes():
    inspections = {gate.id: Inspection(clean=True, sentence="seen") for gate in GATES}
    assert assess(Evidence(inspections=inspections)).verdict is Verdict.ELIGIBLE
