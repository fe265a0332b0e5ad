"""Who may see what: the whole of Art. 77(2) in one table.

It is a lattice, not a ladder: authorities do not see point 4, persons with a legitimate interest do not see
point 3. What the table does not allow is withheld, and so is every attribute that the registry does not know.
The question is asked when a view is made, of the registry in force, never of the version that was signed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.registry import REGISTRY
from schemas.terms import Audience, Disclosure

# Source: Regulation (EU) 2023/1542, Art. 77(2)(a) to (c) and Annex XIII points 1 to 4.
_AUDIENCES: Final[Mapping[Disclosure, frozenset[Audience]]] = MappingProxyType(
    {
        Disclosure.PUBLIC: frozenset(Audience),
        Disclosure.INTEREST_AND_AUTHORITIES: frozenset({Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY}),
        Disclosure.AUTHORITIES: frozenset({Audience.AUTHORITY}),
        Disclosure.INDIVIDUAL: frozenset({Audience.LEGITIMATE_INTEREST}),
    }
)


def may_see(audience: Audience, disclosure: Disclosure) -> bool:
    """True where the audience may see values of that class; a class outside the table is withheld."""
    return audience in _AUDIENCES.get(disclosure, frozenset())


def audiences(disclosure: Disclosure) -> frozenset[Audience]:
    """Everybody who may see values of that class."""
    return _AUDIENCES.get(disclosure, frozenset())


def disclosure_of(attribute_id: str) -> Disclosure | None:
    """The class of the attribute; None when the registry does not know it, which means withheld."""
    row = REGISTRY.get(attribute_id)
    return None if row is None else row.disclosure


def may_see_attribute(audience: Audience, attribute_id: str) -> bool:
    """True where the audience may see that attribute; an unknown id is withheld from everybody."""
    disclosure = disclosure_of(attribute_id)
    return disclosure is not None and may_see(audience, disclosure)


_VISIBLE: Final[Mapping[Audience, frozenset[str]]] = MappingProxyType(
    {
        audience: frozenset(row.id for row in REGISTRY.values() if may_see(audience, row.disclosure))
        for audience in Audience
    }
)


def visible(audience: Audience) -> frozenset[str]:
    """Ids of all attributes the audience may see."""
    return _VISIBLE[audience]
