"""The verdict over all gates: any failure decides, then any unknown, and only thirteen passes are a yes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from passport.judgement.second_life.gates import GATES, Answer, Evidence, Gate

METHOD = "gates.v1"


@unique
class Verdict(StrEnum):
    """What becomes of the battery, as far as is known."""

    NOT_ELIGIBLE = "not_eligible"
    NEEDS_INSPECTION = "needs_inspection"
    ELIGIBLE = "eligible"


@dataclass(frozen=True)
class GateResult:
    """One gate's answer to the evidence."""

    gate: Gate
    answer: Answer
    reason: str

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "gate": self.gate.id,
            "name": self.gate.name,
            "answer": self.answer.value,
            "reason": self.reason,
            "resolver": self.gate.resolver.value,
        }


@dataclass(frozen=True)
class Assessment:
    """The outcome.

    Attributes:
        results: one per gate, G1 to G13.
        inspect: what to do about each unknown gate, in the same order; empty when none is unknown.
    """

    verdict: Verdict
    results: tuple[GateResult, ...]
    inspect: tuple[str, ...]
    method: str = METHOD

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON, and for the assessment record."""
        return {
            "verdict": self.verdict.value,
            "reasons": [result.to_wire() for result in self.results],
            "inspect": list(self.inspect),
            "method": self.method,
        }


def verdict_of(answers: Iterable[Answer]) -> Verdict:
    """The verdict over the gates' answers, whatever their order."""
    found = set(answers)
    if Answer.FAIL in found:
        return Verdict.NOT_ELIGIBLE
    return Verdict.ELIGIBLE if found == {Answer.PASS} else Verdict.NEEDS_INSPECTION


def assess(evidence: Evidence) -> Assessment:
    """Every gate's answer, the verdict, and what a person must look at."""
    results = []
    for gate in GATES:
        said = gate.decide(evidence)
        results.append(GateResult(gate, said.answer, said.reason))
    inspect = tuple(
        f"{r.gate.id} {r.gate.name}: {r.gate.inspect}" for r in results if r.answer is Answer.UNKNOWN
    )
    return Assessment(verdict_of(r.answer for r in results), tuple(results), inspect)
