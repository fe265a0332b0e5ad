"""What became stricter from one registry to the next, found by comparing their frozen copies.

Stricter is whatever can turn an acceptable record into one that is not, or show a value to other people: more
is owed, less may be stated, a disclosure class is another. Each such change has a written decision, listed in
`DECIDED`; a test compares every pair of neighbours and asks for the entry.

What holds for all of them (docs/decisions/0103): the registry in force decides what a *new* version owes and
who may see a value. A version that was signed keeps its meaning and its verdict: it is verified, shown and
explained by the registry that it names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, order=True)
class Stricter:
    """One change that somebody must have decided.

    Attributes:
        attribute: id of the row; of a member of a structure, `structure.member`.
        what: one of the words below.
    """

    attribute: str
    what: str


# (older version, newer version) to each stricter change with the number of its decision.
DECIDED: Final[Mapping[tuple[str, str], Mapping[Stricter, str]]] = MappingProxyType(
    {
        # The rows are the same; 2026.12 tells the members of structures, which nobody could declare before.
        ("2026.11", "2026.12"): MappingProxyType({}),
        # The opinions state more, and a health may be above the rating (0284). Nothing became stricter.
        ("2026.12", "2027.01"): MappingProxyType({}),
    }
)

_MORE_IS_OWED: Final = "more is owed"
_NO_LONGER_APPLICABLE: Final = "no longer applicable"
_FIRST_DAY: Final = "another first day"
_AWAITS: Final = "awaits an act"
_RANGE: Final = "narrower range"
_WORDS: Final = "fewer words"
_FORM: Final = "another form"
_DISCLOSURE: Final = "another disclosure"
_RECORD: Final = "another record"
_RETIRED: Final = "retired"
_REQUIRED: Final = "newly required"
_EXEMPTION: Final = "an exemption less"


def stricter(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[Stricter]:
    """All stricter changes from one frozen registry to the next.

    Args:
        before: the older copy, as `schemas.history.registry_of` reads it.
        after: the newer one.
    """
    return frozenset(_found(before, after))


def _found(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Stricter]:
    for name, old in before["attributes"].items():
        new = after["attributes"].get(name)
        if new is None:
            yield Stricter(name, _RETIRED)
            continue
        for what in _of_row(old, new):
            yield Stricter(name, what)
    for name in after["attributes"].keys() - before["attributes"].keys():
        duty = after["attributes"][name]["duty"]
        if any(demand["obligation"] == "owed" for demand in duty.values()):
            yield Stricter(name, _MORE_IS_OWED)
    yield from _of_structures(before.get("structures", {}), after.get("structures", {}))
    for name in before.get("exemptions", {}).keys() - after.get("exemptions", {}).keys():
        yield Stricter(name, _EXEMPTION)


def _of_row(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for category, demand in new["duty"].items():
        yield from _of_demand(old["duty"][category], demand)
    if old["awaits"] is None and new["awaits"] is not None:
        yield _AWAITS
    if old["since"] != new["since"] and new["since"] is not None:
        yield _FIRST_DAY
    # The first copies did not hold it.
    if new.get("stays_empty_before") and old.get("stays_empty_before", True) is False:
        yield _AWAITS
    if any(_narrower(name, old["bounds"].get(name), bound) for name, bound in new["bounds"].items()):
        yield _RANGE
    if set(old["members"]) - set(new["members"]):
        yield _WORDS
    if any(old[name] != new[name] for name in ("kind", "unit", "many", "structure")):
        yield _FORM
    if old["many"] and new["many"] and _fewer(old["cardinality"], new["cardinality"]):
        yield _RANGE
    if old["disclosure"] != new["disclosure"]:
        yield _DISCLOSURE
    if old["record"] != new["record"]:
        yield _RECORD


def _of_demand(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if new["obligation"] == "owed" and (
        old["obligation"] != "owed" or (old["condition"] is not None and new["condition"] != old["condition"])
    ):
        yield _MORE_IS_OWED
    if new["obligation"] == "not_applicable" != old["obligation"]:
        yield _NO_LONGER_APPLICABLE


_UPPER: Final = frozenset({"at_most"})
_LOWER: Final = frozenset({"at_least", "above"})


def _narrower(name: str, old: str | None, new: str) -> bool:
    if name not in _UPPER | _LOWER:
        return False  # what is usual warns and refuses nothing
    if old is None:
        return True
    return Decimal(new) < Decimal(old) if name in _UPPER else Decimal(new) > Decimal(old)


def _fewer(old: str, new: str) -> bool:
    """Whether a list may be shorter or longer by the older `1..*` than by the newer."""
    (old_least, old_most), (new_least, new_most) = old.split(".."), new.split("..")
    if int(new_least) > int(old_least):
        return True
    return new_most != "*" and (old_most == "*" or int(new_most) < int(old_most))


def _of_structures(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Stricter]:
    for shape, new in after.items():
        old = before.get(shape)
        if old is None:
            continue  # a new shape asks nothing of old values; a row that takes it has another form
        for name, member in new["members"].items():
            earlier = old["members"].get(name)
            if member["required"] and not (earlier and earlier["required"]):
                yield Stricter(f"{shape}.{name}", _REQUIRED)
            if earlier and (earlier["kind"], earlier["unit"], earlier["structure"]) != (
                member["kind"],
                member["unit"],
                member["structure"],
            ):
                yield Stricter(f"{shape}.{name}", _FORM)
            if earlier and (
                set(earlier["members"]) - set(member["members"])
                or (member["form"] is not None and member["form"] != earlier["form"])
            ):
                yield Stricter(f"{shape}.{name}", _WORDS)
        for name in old["members"].keys() - new["members"].keys():
            yield Stricter(f"{shape}.{name}", _RETIRED)
