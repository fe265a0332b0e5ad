"""What an operator does next about a finding: whom to ask, what to declare, what the battery itself can tell.

Advice, not law: who usually holds a value is our reading (`schemas.holders`).
"""

from dataclasses import dataclass
from typing import Any

from passport.judgement.compliance import Finding, Verdict
from schemas.conditions import CONDITIONS
from schemas.feeds import FEEDS, Role
from schemas.holders import HOLDERS, WHO, Holder


@dataclass(frozen=True)
class Advice:
    """What to do about one finding.

    Attributes:
        holder: where the value usually is; None where the finding is about no attribute.
        bms: quantities from which a battery management system delivers it; empty when people declare it.
        next_step: one sentence.
    """

    holder: Holder | None
    bms: tuple[str, ...]
    next_step: str

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "holder": self.holder.value if self.holder else None,
            "from_bms": list(self.bms),
            "next_step": self.next_step,
        }


def advice(finding: Finding) -> Advice:
    """What to do about the finding."""
    holder = HOLDERS.get(finding.attribute)
    feed = FEEDS.get(finding.attribute)
    bms = feed.quantities if feed is not None and feed.role is not Role.COMPARED else ()
    return Advice(holder, bms, _next_step(finding, holder))


def _next_step(finding: Finding, holder: Holder | None) -> str:
    match finding.verdict:
        case Verdict.PENDING:
            return "Nothing today: leave it empty until the act is there."
        case Verdict.MUST_STAY_EMPTY:
            return f"Withdraw {finding.attribute}: no version can be issued with it."
        case Verdict.CONTRADICTION if finding.inferred:
            return "Compare the two; if what you declared is right, nothing needs to be done."
        case Verdict.CONTRADICTION:
            return "Correct or withdraw one of the two: no version can be issued with both."
        case Verdict.CONDITIONAL:
            condition = CONDITIONS[finding.condition or ""]
            return (
                f"State {finding.attribute}; or declare that it is not applicable, or that the circumstance"
                f" {condition.name} does not hold ({condition.otherwise})."
            )
        case Verdict.MISSING:
            return f"{heading(holder)}."


def heading(holder: Holder | None) -> str:
    """Where missing values are looked for, as the beginning of a sentence."""
    words = WHO[holder] if holder else "state it"
    return words[0].upper() + words[1:]
