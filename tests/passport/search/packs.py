"""Packs for tests of search, with what their versions say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pack:
    id: str
    operator: str = "first"
    category: str = "stationary"
    simulated: bool = True

    @property
    def passport_id(self):
        return "P" + self.id

    @property
    def identifier(self):
        return f"/01/09521234543213/21/{self.id}"


def stated(**values):
    return {name: {"value": value} for name, value in values.items()}


def judged(health, *, low=None, verdict="needs_inspection", grade="B", uses=("home_storage",)):
    """An assessment of that health."""
    opinion = {
        "verdict": verdict,
        "inspect": ["casing"],
        "grade": grade,
        "uses": [{"use": use, "fit": "fit"} for use in uses],
    }
    if low is not None:
        opinion["health_low"] = low
    return stated(state_of_health=health, second_life_assessment=opinion)
