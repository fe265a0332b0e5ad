"""The XML serialisation of the Asset Administration Shell, read into the form that its JSON has.

Only what a passport needs is turned over: names, meanings, values, units. There is no writer: the metamodel
has one content and two spellings, and packages of ours hold the JSON.

Source: IDTA-01001-3-0, XML serialisation.
"""

import io
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from passport.errors import FormatRefused
from passport.exports.aas.environment import MAX_DEPTH, MAX_ELEMENTS

_DEEPEST: Final = 4 * MAX_DEPTH
_NAMESPACE: Final = "admin-shell.io/aas/3/"
# Elements that hold a list of elements, each named by its class.
_LISTS: Final = frozenset(
    {
        "assetAdministrationShells",
        "submodels",
        "submodelElements",
        "supplementalSemanticIds",
        "keys",
        "statements",
    }
)
_TEXTS: Final = frozenset(
    {"idShort", "id", "valueType", "contentType", "typeValueListElement", "language", "text"}
)


def environment(data: bytes) -> dict[str, Any]:
    """The environment as its JSON would be.

    Raises:
        FormatRefused: no XML, with a document type or entities, out of proportion, or another vocabulary.
    """
    root = _parse(data)
    if _local(root) != "environment" or _NAMESPACE not in root.tag:
        raise FormatRefused(
            f"expected the element `environment` of the Asset Administration Shell 3, got {root.tag[:100]!r}"
        )
    return {
        _local(child): [_object(one) for one in child]
        for child in root
        if _local(child) in ("assetAdministrationShells", "submodels")
    }


def _parse(data: bytes) -> Element:
    """The root; elements are counted while they are read, so that memory stays bounded."""
    count = depth = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            count, depth = count + 1, depth + 1
            if count > 10 * MAX_ELEMENTS or depth > _DEEPEST:
                raise FormatRefused(
                    f"expected at most {10 * MAX_ELEMENTS} XML elements nested {_DEEPEST} deep, got more"
                )
    except DefusedXmlException as refused:
        raise FormatRefused(f"expected XML without document type and entities: {refused}") from None
    except (ParseError, ValueError, LookupError) as broken:
        raise FormatRefused(f"expected XML: {broken}") from None
    if root is None:
        raise FormatRefused("expected XML, got nothing")
    return root


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _object(element: Element) -> dict[str, Any]:
    """An element of a class, with its class as `modelType`."""
    name = _local(element)
    return {"modelType": name[:1].upper() + name[1:], **_members(element)}


def _members(element: Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        if name in _TEXTS or (name in {"value", "type", "globalAssetId", "assetKind"} and len(child) == 0):
            members[name] = (child.text or "").strip() if name != "value" else (child.text or "")
        elif name == "value" or name in _LISTS:
            members[name] = [_object(one) for one in child]
        elif name in {"semanticId", "assetInformation"}:
            members[name] = _members(child)
        elif name == "embeddedDataSpecifications":
            members[name] = [_unit(one) for one in child]
    return members


def _unit(specification: Element) -> dict[str, Any]:
    """An embedded data specification with the unit alone."""
    for one in specification.iter():
        if _local(one) == "unit" and one.text:
            return {"dataSpecificationContent": {"unit": one.text.strip()}}
    return {}
