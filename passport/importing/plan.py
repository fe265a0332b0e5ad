"""What an import would do: every entry compared with the ledger, before anything is written.

A plan is made and carried out within one transaction, so that what was read still stands when it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, unique
from typing import Any, Final

from sqlalchemy import Connection

from passport.importing.findings import Finding, ImportRefused
from passport.importing.reading import BATCH, MODEL, Entries, Entry
from passport.judgement import compliance
from passport.ledger import batteries, catalogue, operators
from passport.ledger import facts as layers
from passport.ledger.batteries import Battery
from passport.ledger.catalogue import Product
from passport.ledger.facts import Layer
from passport.ledger.operators import Operator
from schemas import plausibility
from schemas.circumstances import circumstances_of, contradictions
from schemas.registry import REGISTRY
from schemas.terms import Absent, Category, Level, Obligation

AT_ONCE: Final = 500
_CATEGORY: Final = "battery_category"
_PLACED: Final = "placed_on_market_date"
_TOLD: Final = 3


@unique
class State(StrEnum):
    """What becomes of an entry."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(slots=True)
class Planned:
    """An entry, and what becomes of it.

    Attributes:
        known: the product or battery it already is; None for a new one.
        category: of a battery.
        joins: it is here without a model, and gets the one that the file names.
    """

    entry: Entry
    state: State
    known: Product | Battery | None = None
    category: Category | None = None
    joins: bool = False


@dataclass
class Plan:
    """All that an import would do.

    Attributes:
        operator: id of the operator whose models and batteries these are.
        models, batches, items: in the order of the files; only sound ones.
        findings: everything found, warnings included.
        left_out: entries that are not sound.
    """

    operator: str
    simulated: bool
    models: list[Planned] = field(default_factory=list)
    batches: list[Planned] = field(default_factory=list)
    items: list[Planned] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0

    @property
    def refused(self) -> list[Finding]:
        """The findings because of which something is refused."""
        return [one for one in self.findings if not one.warning]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many models, batches and items are new, changed and unchanged."""
        return {
            name: {state.value: sum(one.state is state for one in planned) for state in State}
            for name, planned in (("models", self.models), ("batches", self.batches), ("items", self.items))
        }


def make(connection: Connection, entries: Entries, *, operator: str, today: date) -> Plan:
    """The plan; what is wrong is among its findings, and nothing is raised for it.

    Raises:
        NotFound: the operator is not known.
    """
    answering = operators.get(connection, operator)
    planner = _Planner(connection, answering, today)
    plan = Plan(operator, answering.simulated)
    planner.products(entries.of(Level.MODEL), Level.MODEL)
    planner.products(entries.of(Level.BATCH), Level.BATCH)
    planner.batteries(entries.of(Level.ITEM))
    planner.warn()
    plan.findings = sorted(
        [*entries.all_findings(), *planner.findings], key=lambda one: (one.warning, not one.whole)
    )
    for level, planned in (
        (Level.MODEL, plan.models),
        (Level.BATCH, plan.batches),
        (Level.ITEM, plan.items),
    ):
        planned += [one for one in planner.planned if one.entry.level is level and one.entry.sound]
    plan.left_out = len(entries.by_key) - len(plan.models) - len(plan.batches) - len(plan.items)
    return plan


def open_gate(plan: Plan, *, partial: bool) -> None:
    """Nothing, when the plan may be carried out.

    Args:
        plan: what would be done.
        partial: carry out what is sound, although something is not.

    Raises:
        ImportRefused: something is wrong, or, with `partial`, something is wrong with a whole sheet.
    """
    refused = plan.refused
    if not refused:
        return
    if any(one.whole for one in refused):
        raise ImportRefused("nothing was imported: a whole sheet cannot be trusted", plan.findings)
    if not partial:
        raise ImportRefused(
            f"nothing was imported: {len(refused)} to correct; --partial imports the rows without any",
            plan.findings,
        )


@dataclass(slots=True)
class _Known:
    """What will be declared of a model or batch and those above it, as Python values."""

    facts: Mapping[str, Any]
    circumstances: Mapping[str, bool]
    product: Product | None
    entry: Entry | None


_NOTHING: Final = _Known({}, {}, None, None)


class _Planner:
    """Compares entries with the ledger."""

    def __init__(self, connection: Connection, operator: Operator, today: date) -> None:
        self._connection = connection
        self._operator = operator.id
        self._operator_name = operator.name
        self._today = today
        self._known: dict[tuple[str, ...], _Known | None] = {}
        # What the law says of values, attribute and sentence, to the entries of which it does.
        self._odd: dict[tuple[str, str], list[Entry]] = {}
        # Likewise of values that are possible and odd.
        self._looks: dict[tuple[str, str], list[Entry]] = {}
        self.planned: list[Planned] = []
        self.findings: list[Finding] = []

    # ------------------------------------------------------------------------------------- models and batches

    def products(self, entries: Sequence[Entry], level: Level) -> None:
        """Models, or batches once the models are known."""
        for entry in entries:
            parent: _Known | None = None
            if level is Level.BATCH:
                parent = self._find(entry.key[:1])
                if parent is None:
                    entry.refuse("unknown_model", MODEL, _no_model(entry.model))
                    continue
            parent_id = parent.product.id if parent is not None and parent.product is not None else None
            product = self._product(level, entry.key[-1], parent_id, has_parent=parent is not None)
            before = self._layer(product)
            state = _state(entry, before)
            facts = _after(before, entry)
            if before is not None and _CATEGORY in entry.facts:
                self._same_category(entry, before)
            above = parent if parent is not None else _NOTHING
            known = _Known(
                {**above.facts, **facts}, {**above.circumstances, **_holding(before, entry)}, product, entry
            )
            self._cross(entry, known.facts, before)
            self._known[entry.key] = known
            self.planned.append(Planned(entry, state, product))
            if parent is not None and parent.entry is not None and not parent.entry.sound:
                entry.refuse("depends", MODEL, f"its model {entry.model!r} is not imported")
            if (category := _category(known.facts)) is not None:
                self._note(entry, category, known.facts, known.circumstances)

    def _product(self, level: Level, name: str, parent: str | None, *, has_parent: bool) -> Product | None:
        if has_parent and parent is None:
            return None  # its model is new, so that it is new as well
        return catalogue.find(
            self._connection, operator=self._operator, level=level, name=name, parent=parent
        )

    def _layer(self, product: Product | None) -> Layer | None:
        return (
            catalogue.declared(self._connection, [product.id]).get(product.id)
            if product is not None
            else None
        )

    def _same_category(self, entry: Entry, before: Layer) -> None:
        said, stands = entry.facts[_CATEGORY], before.wired.get(_CATEGORY)
        if stands is not None and said != stands:
            entry.refuse(
                "category",
                _CATEGORY,
                f"{entry.key[-1]!r} is {stands}, not {said}: another category is another model",
            )

    def _find(self, key: tuple[str, ...]) -> _Known | None:
        """The model or batch of that key, in the files or in the ledger; None where it is in neither."""
        if key in self._known:
            return self._known[key]
        found = None
        if len(key) == 1:
            product = self._product(Level.MODEL, key[0], None, has_parent=False)
            if product is not None and (layer := self._layer(product)) is not None:
                found = _Known(_values(layer), layer.circumstances, product, None)
        elif (model := self._find(key[:1])) is not None and model.product is not None:
            product = self._product(Level.BATCH, key[1], model.product.id, has_parent=True)
            if product is not None and (layer := self._layer(product)) is not None:
                facts = {**model.facts, **_values(layer)}
                found = _Known(facts, {**model.circumstances, **layer.circumstances}, product, None)
        self._known[key] = found
        return found

    # ---------------------------------------------------------------------------------------------- batteries

    def batteries(self, entries: Sequence[Entry]) -> None:
        """Single batteries, once models and batches are known."""
        for start in range(0, len(entries), AT_ONCE):
            group = entries[start : start + AT_ONCE]
            known = batteries.by_identifiers(self._connection, [entry.key[0] for entry in group])
            stand = batteries.declared(self._connection, [one.id for one in known.values()])
            for entry in group:
                battery = known.get(entry.key[0])
                own = stand[battery.id].layers[-1] if battery is not None else None
                self._battery(entry, battery, own)

    def _battery(self, entry: Entry, battery: Battery | None, own: Layer | None) -> None:
        """Plan one; what stands already is not judged once more."""
        if battery is not None and battery.operator != self._operator:
            entry.refuse(
                "operator", "", f"another operator answers for {battery.identifier}: nothing is changed"
            )
            return
        above = self._above(entry, battery)
        if above is None:
            return
        state = _state(entry, own)
        joins = battery is not None and battery.model is None and bool(entry.model)
        if joins:
            state = State.CHANGED
        if state is State.UNCHANGED and battery is not None:
            self.planned.append(Planned(entry, state, battery, battery.category))
            return
        facts = {**above.facts, **_after(own, entry)}
        category = _category(facts)
        if category is None and battery is not None:
            category = battery.category
        if category is None:
            entry.refuse(
                "category", _CATEGORY, f"expected one of {', '.join(Category)}, of the battery or its model"
            )
            return
        if battery is not None and category is not battery.category:
            sentence = (
                f"the category of {battery.identifier} is {battery.category.value}, not {category.value}"
            )
            entry.refuse("category", _CATEGORY, f"{sentence}: repurposing makes a new passport")
            return
        self._cross(entry, facts, own)
        self._note(entry, category, facts, {**above.circumstances, **_holding(own, entry)})
        self.planned.append(Planned(entry, state, battery, category, joins))

    def _above(self, entry: Entry, battery: Battery | None) -> _Known | None:
        """What the battery's model and batch state; None, with a finding, where they are not there."""
        if not entry.model:
            if entry.batch:
                entry.refuse("key", MODEL, f"expected the model of batch {entry.batch!r}, got nothing")
                return None
            return self._of_ledger(battery)
        key = (entry.model, entry.batch) if entry.batch else (entry.model,)
        found = self._find(key)
        if found is None:
            if entry.batch and self._find(key[:1]) is not None:
                entry.refuse(
                    "unknown_batch",
                    BATCH,
                    f"the model {entry.model!r} has no batch {entry.batch!r}: add it to batches",
                )
            else:
                entry.refuse("unknown_model", MODEL, _no_model(entry.model))
            return None
        if found.entry is not None and not found.entry.sound:
            entry.refuse("depends", MODEL, f"its {found.entry.level.value} {key[-1]!r} is not imported")
        if battery is not None and not self._same_product(entry, battery, found):
            return None
        stated = found.facts.get(_CATEGORY)
        own = entry.facts.get(_CATEGORY)
        if stated is not None and own is not None and own != stated:
            entry.refuse("category", _CATEGORY, f"contradicts the model {entry.model!r}, which is {stated}")
            return None
        return found

    def _same_product(self, entry: Entry, battery: Battery, found: _Known) -> bool:
        """Whether a battery that is here is of the model and batch that the file names."""
        if battery.model is None:
            return True
        model = self._find((entry.model,))
        id_of_model = model.product.id if model is not None and model.product is not None else None
        if battery.model != id_of_model:
            sentence = f"{battery.identifier} is here already, of another model; a battery keeps its own"
            entry.refuse("model", MODEL, sentence)
            return False
        if entry.batch and (found.product is None or battery.batch != found.product.id):
            entry.refuse(
                "model",
                BATCH,
                f"{battery.identifier} is here already, in another batch or none; it keeps its own",
            )
            return False
        return True

    def _of_ledger(self, battery: Battery | None) -> _Known:
        """What the model and batch of a battery that is here state."""
        ids = (
            [one for one in (battery.model, battery.batch) if one is not None] if battery is not None else []
        )
        stand = catalogue.declared(self._connection, ids) if ids else {}
        found = [stand[one] for one in ids if one in stand]
        return _Known(
            {name: value for layer in found for name, value in _values(layer).items()},
            {name: holds for layer in found for name, holds in layer.circumstances.items()},
            None,
            None,
        )

    def _cross(self, entry: Entry, facts: Mapping[str, Any], before: Layer | None) -> None:
        """What disagrees between values; filed under those that the entry itself states."""
        found = plausibility.remarks(facts, today=self._today)
        if before is not None:
            found = (*found, *plausibility.counters(_values(before), facts))
        for remark in found:
            for name in remark.ids:
                if name not in entry.facts:
                    continue
                if remark.odd:
                    self._looks.setdefault((name, remark.sentence), []).append(entry)
                else:
                    entry.refuse("disagree", name, remark.sentence)

    # ----------------------------------------------------------------------------------------------- warnings

    def _note(
        self, entry: Entry, category: Category, facts: Mapping[str, Any], holding: Mapping[str, bool]
    ) -> None:
        """Remember what the law says of the entry's values.

        Args:
            entry: whose values are looked at.
            category: the battery's.
            facts: what will stand of it and those above it, absences left out.
            holding: condition to whether somebody says that it holds, likewise.
        """
        absent = {
            name: layers.NOT_APPLICABLE
            for name, value in entry.facts.items()
            if value is Absent.NOT_APPLICABLE
        }
        stated = {**facts, **absent} if absent else facts
        rulings = compliance.rulings(category, None, self._today, circumstances_of(stated, holding))
        for name, value in entry.facts.items():
            if value is None:
                continue
            ruling = rulings[name]
            if name in absent:
                if ruling.obligation is Obligation.OWED and ruling.condition is None:
                    sentence = "is owed without condition, so that n/a does not answer it"
                    self._odd.setdefault((name, sentence), []).append(entry)
            elif not ruling.may_be_stated:
                sentence = f"must stay empty: {ruling.reason}; no version is issued while it is stated"
                self._odd.setdefault((name, sentence), []).append(entry)
        said = entry.facts.get("operator_name")
        if said not in (None, self._operator_name):
            sentence = (
                f"records are signed by {self._operator_name!r} and name it, not {said!r}: see that"
                " operator_identifier and operator_address are its own, or import with --operator"
            )
            self._odd.setdefault(("operator_name", sentence), []).append(entry)
        for one in contradictions(stated, holding):
            if one.attribute in entry.facts or one.condition.name in entry.circumstances:
                self._odd.setdefault((one.attribute, one.sentence), []).append(entry)

    def warn(self) -> None:
        """One warning for each attribute that the gate will not let pass, and for each that is odd."""
        for rule, told in (("law", self._odd), ("odd", self._looks)):
            for (name, sentence), entries in told.items():
                more = f" (and in {len(entries) - 1:,} more)" if len(entries) > 1 else ""
                place = entries[0].place_of(name)
                self.findings.append(Finding(place, rule, name, sentence + more, warning=True))


def _no_model(name: str) -> str:
    return f"no model is called {name!r}: add it to the sheet models"


def _category(facts: Mapping[str, Any]) -> Category | None:
    said = facts.get(_CATEGORY)
    return Category(said) if isinstance(said, str) and not isinstance(said, Absent) else None


def _state(entry: Entry, before: Layer | None) -> State:
    if before is None:
        return State.NEW
    after = layers.merged(before, entry.facts, entry.circumstances)
    return State.UNCHANGED if after == (before.wired, before.circumstances) else State.CHANGED


def _values(layer: Layer) -> dict[str, Any]:
    """A layer's facts as Python values, absences left out."""
    return {
        name: REGISTRY[name].value.from_wire(wire)
        for name, wire in layer.wired.items()
        if name in REGISTRY and not layers.is_absent(wire)
    }


def _after(before: Layer | None, entry: Entry) -> dict[str, Any]:
    """The Python values that will stand, absences left out."""
    stand = _values(before) if before is not None else {}
    for name, value in entry.facts.items():
        if value is None or value is Absent.NOT_APPLICABLE:
            stand.pop(name, None)
        else:
            stand[name] = value
    return stand


def _holding(before: Layer | None, entry: Entry) -> dict[str, bool]:
    """Which conditions will be said to hold, or not to."""
    said: dict[str, bool | None] = {
        **(before.circumstances if before is not None else {}),
        **entry.circumstances,
    }
    return {name: holds for name, holds in said.items() if holds is not None}
