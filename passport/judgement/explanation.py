"""Why: every figure of an appraisal back to its readings, declared facts, inspections and prices.

A graph of nodes, each with a sentence, and of edges from what was concluded to what it rests on. It ends
where nothing is worked out any more: at rows of a source, at a declaration, a signed finding, a dated price.
What is not known is a node too, with its reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final

from passport.errors import InputRefused
from passport.estimates.capacity import Measurement, Refusal
from passport.estimates.estimate import Answer, NotDeterminable
from passport.estimates.health import Health
from passport.judgement.appraisal import Appraisal
from passport.judgement.residual_value import Amount
from passport.judgement.second_life.gates import Answer as GateAnswer
from passport.judgement.value_parameters import ValueParameters
from passport.lifecycle.session import PER_AMPERE_HOUR, Session
from schemas.values import utc_text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@unique
class Kind(StrEnum):
    """What a node is."""

    FIGURE = "figure"
    GATE = "gate"
    DEDUCTION = "deduction"
    SESSION = "session"
    STATE = "state"
    READINGS = "readings"
    FACT = "fact"
    INSPECTION = "inspection"
    LEARNED = "learned"
    PARAMETERS = "parameters"
    PARAMETER = "parameter"
    RECORD = "record"


# What each gate looks at beside inspections: declared facts, and nodes of what is read or estimated.
GATES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "G1": ((), ("passport",)),
    "G2": (("battery_status",), ()),
    "G3": ((), ()),
    "G4": (("accidents", "putting_into_service_date"), ("state",)),
    "G5": ((), ("state",)),
    "G6": (("battery_chemistry", "putting_into_service_date"), ("state",)),
    "G7": (("battery_chemistry", "putting_into_service_date"), ("state",)),
    "G8": (("putting_into_service_date",), ("state",)),
    "G9": ((), ("state",)),
    "G10": ((), ("state",)),
    "G11": (("putting_into_service_date",), ("state",)),
    "G12": ((), ("health",)),
    "G13": ((), ("state",)),
}
_OF_CAPACITY: Final = (
    *("battery_chemistry", "minimum_voltage", "maximum_voltage", "dismantling_cell_layout"),
    "rated_capacity",
)
_OF_LIFE: Final = (
    *("battery_chemistry", "expected_lifetime_cycles", "expected_lifetime_years"),
    *("manufacturing_date", "putting_into_service_date"),
)
_OF_RATE: Final = ("power_limits", "maximum_permitted_power", "nominal_voltage", "rated_capacity")
_OF_VALUE: Final = (
    *("certified_usable_energy", "rated_capacity", "nominal_voltage"),
    *("battery_chemistry", "battery_chemistry_name", "material_composition"),
)
_OBSERVED: Final = {
    "resistance": "internal_resistance_increase_pack",
    "efficiency": "remaining_round_trip_efficiency",
}
_OF_DEDUCTION: Final[Mapping[str, tuple[str, ...]]] = {
    "health": ("health",),
    "evidence": ("capacity",),
    "resistance": ("observed:internal_resistance_increase_pack",),
    "efficiency": ("observed:remaining_round_trip_efficiency",),
    "imbalance": ("observed:usable_by_ageing_capacity",),
}


@dataclass(frozen=True)
class Span:
    """Rows of one source.

    Attributes:
        source, epoch: which run of which source.
        first, last: sequence numbers; None where only their number is known.
        rows: how many.
    """

    source: str
    epoch: str
    rows: int
    first: int | None = None
    last: int | None = None

    @property
    def id(self) -> str:
        """Stable name of the node."""
        ends = "" if self.first is None else f":{self.first}-{self.last}"
        return f"readings:{self.source}:{self.epoch}{ends}"


@dataclass(frozen=True)
class Told:
    """A session, what it tells, and the rows that it is made of."""

    session: Session
    answer: Measurement | Refusal
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A declared fact.

    Attributes:
        words: its value.
        of: whose it is, in words.
        at: when it was declared.
    """

    words: str
    of: str
    at: datetime


@dataclass(frozen=True)
class Inspection:
    """A filed inspection that counts: the gates it speaks of, and whether it measured a capacity."""

    digest: str
    inspector: str
    at: datetime
    gates: tuple[str, ...]
    capacity: bool = False


@dataclass(frozen=True)
class Sources:
    """Where an appraisal ends.

    Attributes:
        passport: SHA-256 of the passport record; None without one.
        state: SHA-256 of the folded state; None when nothing was ever read.
        spans: rows that the state is made of.
        sessions: those that the state keeps.
        facts: what is declared, by attribute id.
        inspections: those that count.
        learned: digest of what was learned, by name.
        parameters: prices, costs and rates.
    """

    passport: str | None
    state: str | None
    spans: tuple[Span, ...]
    sessions: tuple[Told, ...]
    facts: Mapping[str, Fact]
    inspections: tuple[Inspection, ...]
    learned: Mapping[str, str]
    parameters: ValueParameters


@dataclass(frozen=True)
class Node:
    """One figure or source.

    Attributes:
        id: stable name.
        sentence: what it says, in words.
        method: id of the method behind it; empty where nothing was worked out.
        known: False for what is missing.
        said: its figures, for a machine.
    """

    id: str
    kind: Kind
    sentence: str
    method: str = ""
    known: bool = True
    said: Mapping[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        wire: dict[str, Any] = {"id": self.id, "kind": self.kind.value, "sentence": self.sentence}
        wire |= {"method": self.method} if self.method else {}
        return {**wire, "known": self.known, **({"said": dict(self.said)} if self.said else {})}


@dataclass(frozen=True)
class Graph:
    """Nodes by id, and what each rests on, in order."""

    nodes: Mapping[str, Node]
    edges: Mapping[str, tuple[str, ...]]

    @property
    def figures(self) -> tuple[str, ...]:
        """Ids that may be asked for: all but the sources."""
        asked = (Kind.FIGURE, Kind.GATE, Kind.DEDUCTION, Kind.SESSION)
        return tuple(node.id for node in self.nodes.values() if node.kind in asked)

    def under(self, figure: str) -> "Graph":
        """The part of the graph that a figure rests on.

        Raises:
            InputRefused: there is no such figure; those that there are, are named.
        """
        if figure not in self.nodes:
            raise InputRefused(f"no figure {figure!r} here; known: {', '.join(self.figures)}")
        found: dict[str, Node] = {}
        waiting = [figure]
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = self.nodes[one]
                waiting += self.edges.get(one, ())
        return Graph(found, {one: self.edges[one] for one in found if one in self.edges})

    def sentences(self, figure: str) -> Iterator[tuple[int, str]]:
        """Depth and sentence, from the figure down; what was told already is not told again."""
        told: set[str] = set()
        waiting = [(0, figure)]
        while waiting:
            depth, one = waiting.pop()
            if one in told:
                continue
            told.add(one)
            yield depth, self.nodes[one].sentence
            waiting += [(depth + 1, other) for other in reversed(self.edges.get(one, ()))]

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "nodes": [node.to_wire() for node in self.nodes.values()],
            "edges": [{"of": one, "rests_on": other} for one, ends in self.edges.items() for other in ends],
        }


def explain(appraisal: Appraisal, health: Health, observed: Mapping[str, Answer], sources: Sources) -> Graph:
    """The graph of one appraisal. No edge leads to a node that is not there."""
    made = _Maker(sources)
    made.sources()
    made.capacity(health)
    made.others(observed)
    made.gates(appraisal)
    made.lives(appraisal)
    made.grade(appraisal)
    made.uses(appraisal)
    made.value(appraisal)
    return Graph(made.nodes, {one: tuple(dict.fromkeys(ends)) for one, ends in made.edges.items()})


class _Maker:
    """Nodes and edges on their way; sources come first, so that figures can lean on them."""

    def __init__(self, sources: Sources) -> None:
        self.of = sources
        self.nodes: dict[str, Node] = {}
        self.edges: dict[str, list[str]] = {}

    def put(self, node: Node, rests_on: Iterable[str] = ()) -> None:
        self.nodes[node.id] = node
        ends = list(rests_on)
        if ends:
            self.edges[node.id] = ends

    def facts(self, names: Iterable[str]) -> list[str]:
        """Nodes of facts; one that nobody declared says so."""
        found = []
        for name in names:
            fact = self.of.facts.get(name)
            if fact is None:
                node = Node(f"fact:{name}", Kind.FACT, f"{name} is not declared.", known=False)
            else:
                day = fact.at.date().isoformat()
                node = Node(
                    f"fact:{name}",
                    Kind.FACT,
                    f"{name} is {fact.words}, declared of {fact.of} on {day}.",
                    said={"value": fact.words, "of": fact.of, "at": utc_text(fact.at)},
                )
            self.put(node)
            found.append(node.id)
        return found

    def sources(self) -> None:
        of = self.of
        for span in (*of.spans, *(one for told in of.sessions for one in told.spans)):
            self.put(_readings(span))
        if of.state is None:
            self.put(Node("state", Kind.STATE, "Nothing was ever read of it.", known=False))
        else:
            rows = sum(one.rows for one in of.spans)
            sentence = f"The folded state of {rows} rows, SHA-256 {of.state}."
            said = {"sha256": of.state, "rows": rows}
            self.put(Node("state", Kind.STATE, sentence, said=said), [one.id for one in of.spans])
        if of.passport is None:
            self.put(Node("passport", Kind.RECORD, "No passport record was issued.", known=False))
        else:
            said = {"sha256": of.passport}
            self.put(Node("passport", Kind.RECORD, f"Passport record, SHA-256 {of.passport}.", said=said))
        for one in of.inspections:
            self.put(
                Node(
                    f"inspection:{one.digest}",
                    Kind.INSPECTION,
                    f"Inspection by {one.inspector} on {one.at.date().isoformat()}, SHA-256 {one.digest}.",
                    said={"sha256": one.digest, "gates": list(one.gates), "at": utc_text(one.at)},
                )
            )
        for name, digest in of.learned.items():
            sentence = f"The {name} learned from its operator's batteries, SHA-256 {digest}."
            self.put(Node(f"learned:{name}", Kind.LEARNED, sentence, said={"sha256": digest}))
        self._parameters()

    def _parameters(self) -> None:
        of = self.of.parameters
        for name, wire in of.to_wire()["entries"].items():
            sentence = (
                f"{name} is {wire['value']} {wire['unit']} ({wire['low']} to {wire['high']}),"
                f" of {wire['as_of']}: {wire['source']}."
            )
            self.put(Node(f"parameter:{name}", Kind.PARAMETER, sentence, said=wire))
        sentence = f"{of.title}, of {of.as_of.isoformat()}, SHA-256 {of.digest}."
        node = Node("parameters", Kind.PARAMETERS, sentence, said={"sha256": of.digest})
        self.put(node, [f"parameter:{name}" for name in of.entries])

    def capacity(self, health: Health) -> None:
        sessions = [self._session(one) for one in self.of.sessions]
        tells = [
            name
            for name, one in zip(sessions, self.of.sessions, strict=True)
            if isinstance(one.answer, Measurement)
        ]
        below = [
            *(tells or sessions),
            *self.facts(_OF_CAPACITY),
            *(f"learned:{one}" for one in self.of.learned),
        ]
        below += [f"inspection:{one.digest}" for one in self.of.inspections if one.capacity]
        # Without any session the state is where it ends.
        self.put(_figure("capacity", "Capacity", health.capacity), below if sessions else ["state", *below])
        self.put(_figure("health", "Health", health.health), ["capacity", *self.facts(["rated_capacity"])])
        if health.bms_reported is not None:
            sentence = f"Its BMS calls its health {health.bms_reported} %; that stands beside ours."
            said = {"value": str(health.bms_reported)}
            self.put(Node("bms_reported_health", Kind.FIGURE, sentence, said=said), ["state"])

    def _session(self, told: Told) -> str:
        one, answer = told.session, told.answer
        at = utc_text(_EPOCH + timedelta(seconds=one.start_s)) if one.absolute else f"second {one.start_s}"
        what = "charge" if one.direction > 0 else "discharge"
        amount = f"{one.charge / PER_AMPERE_HOUR:.3f} Ah"
        if isinstance(answer, Measurement):
            end = f"tells {answer.capacity:.3f} Ah (class {answer.evidence.value})"
            method, said = answer.method, {"class": answer.evidence.value}
        else:
            end, method, said = (
                f"tells no capacity: {answer.reason.rstrip('.')}",
                "",
                {"refused": answer.code},
            )
        node = Node(
            f"session:{at.replace('second ', '')}",
            Kind.SESSION,
            f"A {what} of {amount} over {one.duration_s} s from {at} {end}.",
            method,
            isinstance(answer, Measurement),
            {"start": at, "duration_s": one.duration_s, "charge": amount, **said},
        )
        self.put(node, [span.id for span in told.spans] or ["state"])
        return node.id

    def others(self, observed: Mapping[str, Answer]) -> None:
        for name, answer in observed.items():
            self.put(_figure(f"observed:{name}", name.replace("_", " "), answer), ["state"])

    def gates(self, appraisal: Appraisal) -> None:
        ids = []
        for one in appraisal.gates.results:
            names, nodes = GATES[one.gate.id]
            found = [f"inspection:{i.digest}" for i in self.of.inspections if one.gate.id in i.gates]
            node = Node(
                f"gate:{one.gate.id}",
                Kind.GATE,
                f"{one.gate.id} {one.gate.name}: {one.answer.value}, {one.reason}.",
                appraisal.gates.method,
                one.answer is not GateAnswer.UNKNOWN,
                {"answer": one.answer.value},
            )
            self.put(node, [*nodes, *self.facts(names), *found])
            ids.append(node.id)
        verdict = appraisal.gates.verdict.value
        sentence = f"The verdict is {verdict.replace('_', ' ')}: any failure decides, then any open gate."
        self.put(
            Node("verdict", Kind.FIGURE, sentence, appraisal.gates.method, said={"verdict": verdict}), ids
        )

    def lives(self, appraisal: Appraisal) -> None:
        for use, life in appraisal.lives.items():
            title = f"Remaining life in {use.replace('_', ' ')}"
            below = ["health", "state", *self.facts(_OF_LIFE)]
            if isinstance(life, NotDeterminable):
                self.put(_missing(f"life:{use}", title, life), below)
                continue
            wire = life.to_wire()
            sentence = f"{title} is {life.value} a, {life.low} to {life.high}, down to {life.threshold}."
            remarks = "".join(f" {_capital(one)}." for one in life.remarks)
            self.put(Node(f"life:{use}", Kind.FIGURE, sentence + remarks, life.method, said=wire), below)

    def grade(self, appraisal: Appraisal) -> None:
        score = appraisal.score
        ids = []
        for one in score.deductions:
            name = one.criterion.id
            below = _OF_DEDUCTION.get(name, ())
            if name == "years":
                below = tuple(f"life:{use}" for use in appraisal.lives)
            known = [one for one in below if one in self.nodes] or ["state"]
            node = Node(
                f"deduction:{name}",
                Kind.DEDUCTION,
                f"{_capital(one.sentence)}.",
                score.method,
                one.figure is not None,
                one.to_wire(),
            )
            self.put(node, known)
            ids.append(node.id)
        sentence = f"The score is {score.points} of 100: a hundred less the deductions."
        said = {"points": str(score.points), "policy": score.policy}
        self.put(Node("score", Kind.FIGURE, sentence, score.method, said=said), ids)
        grade = score.grade
        words = f"The grade is {grade.value}." if grade is not None else "No grade, for health is not known."
        node = Node("grade", Kind.FIGURE, words, score.method, grade is not None)
        self.put(node, ["score", "health"])

    def uses(self, appraisal: Appraisal) -> None:
        for one in appraisal.uses:
            why = one.binding.sentence if one.binding is not None else "all that it asks is met"
            helps = (
                f" {_capital(one.binding.counterfactual)}."
                if one.binding and one.binding.counterfactual
                else ""
            )
            node = Node(
                f"use:{one.use.id}",
                Kind.FIGURE,
                f"{_capital(one.use.title)}: {one.fit.value.replace('_', ' ')}, {why}.{helps}",
                known=one.fit.value != "not_known",
                said={"fit": one.fit.value},
            )
            observed = [f"observed:{name}" for name in _OBSERVED.values()]
            below = ["health", f"life:{one.use.id}", *(name for name in observed if name in self.nodes)]
            below += self.facts(_OF_RATE)
            self.put(node, below)

    def value(self, appraisal: Appraisal) -> None:
        value = appraisal.value
        below = [*self.facts(_OF_VALUE), "passport", "parameters"]
        self._amount("recycling", "The value of its materials", value.recycling, value.method, below)
        uses = []
        for use, amount in value.uses.items():
            name = f"value:{use}"
            title = f"Its value in {use.replace('_', ' ')}"
            self._amount(name, title, amount, value.method, ["health", f"life:{use}", f"use:{use}", *below])
            uses.append(name)
        moved = [f"parameter:{one.name}" for one in value.contributions]
        moved = [name for name in moved if name in self.nodes]
        why = "".join(f" {_capital(one)}." for one in value.reasons)
        ends = ["verdict", "recycling", *uses, *moved]
        self._amount("value", "Its value", value.value, value.method, ends, why)
        if value.after_inspection is not None:
            title = "Its value after an inspection that finds nothing"
            self._amount(
                "after_inspection", title, value.after_inspection, value.method, [*uses, "recycling"]
            )

    def _amount(
        self, name: str, title: str, amount: Amount | None, method: str, below: Sequence[str], why: str = ""
    ) -> None:
        if amount is None:
            node = Node(name, Kind.FIGURE, f"{title} is not determined.{why}", method, known=False)
        else:
            words = f"{title} is {amount.middle} EUR, {amount.low} to {amount.high} eight times in ten.{why}"
            node = Node(name, Kind.FIGURE, words, method, said=amount.to_wire())
        self.put(node, below)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _readings(span: Span) -> Node:
    if span.first is None:
        sentence = f"{span.rows} rows of source {span.source}, epoch {span.epoch}."
    else:
        sentence = (
            f"Rows {span.first} to {span.last} of source {span.source}, epoch {span.epoch} ({span.rows})."
        )
    said = {"source": span.source, "epoch": span.epoch, "rows": span.rows}
    said |= {"first": span.first, "last": span.last} if span.first is not None else {}
    return Node(span.id, Kind.READINGS, sentence, said=said)


def _figure(name: str, title: str, answer: Answer) -> Node:
    if isinstance(answer, NotDeterminable):
        return _missing(name, title, answer)
    sure = "calibrated" if answer.calibrated else "not calibrated"
    words = (
        f"{_capital(title)} is {answer.value} {answer.unit.value}, {answer.low} to {answer.high}"
        f" nine times in ten; class {answer.evidence_class.value}, {sure}."
    )
    return Node(name, Kind.FIGURE, words, answer.method, said=answer.to_wire())


def _missing(name: str, title: str, answer: NotDeterminable) -> Node:
    helps = f" {_capital(answer.helps).rstrip('.')}." if answer.helps else ""
    sentence = f"{_capital(title)} is not known: {answer.reason.rstrip('.')}.{helps}"
    return Node(name, Kind.FIGURE, sentence, known=False, said=answer.to_wire())
