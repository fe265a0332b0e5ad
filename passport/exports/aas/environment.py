"""Trees to an environment of the Asset Administration Shell as JSON, and back.

Source: IDTA-01001-3-0 (metamodel, JSON serialisation), IDTA-01003-a-3-0 (units beside a property).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from passport.errors import FormatRefused
from passport.exports.aas.parts import PARTS
from passport.exports.aas.shape import Element, Part, Shape, folded, unversioned
from passport.exports.aas.tree import FileAt, Leaf, Poured, Texts, Tree

_UNITS: Final = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3"
MAX_ELEMENTS: Final = 20_000
MAX_DEPTH: Final = 24


def meaning(identifier: str) -> dict[str, Any]:
    """A reference to a meaning outside the file."""
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": identifier}]}


# --------------------------------------------------------------------------------------------------- writing


def pour(
    shape: Shape, tree: Any, poured: Poured, path: str = "", *, named: bool = True
) -> dict[str, Any] | None:
    """The element as JSON; None where nothing is stated and the template does not ask for it.

    Where the template demands what nobody stated, the element stands without a value and its path is noted,
    once for the topmost of such elements.
    """
    above = f"{path}/{shape.name}" if path and named else (path or shape.name)
    if shape.read_only or (tree in (None, [], {}) and not shape.required):
        return None
    made: dict[str, Any] = {"modelType": shape.kind.value}
    if named:
        made["idShort"] = shape.name
    made["semanticId"] = meaning(shape.meaning)
    if tree in (None, [], {}):
        if above not in poured.empty:
            poured.empty[above] = None
        return made | _hollow(shape)
    if shape.kind is Element.COLLECTION:
        made["value"] = list(_parts(shape, tree, poured, above))
    elif shape.kind is Element.LIST:
        made |= _list_head(shape)
        made["value"] = [pour(shape.entry, entry, poured, f"{above}[]", named=False) for entry in tree]
    else:
        made |= _end(shape, tree)
    return made


def _parts(shape: Shape, tree: Tree, poured: Poured, path: str) -> Iterator[dict[str, Any]]:
    unknown = set(tree) - {part.name for part in shape.parts}
    if unknown:
        raise ValueError(f"{path} has no part called {', '.join(sorted(unknown))}")
    for part in shape.parts:
        stated = tree.get(part.name)
        if part.many and isinstance(stated, list):
            for number, one in enumerate(stated):
                made = pour(part, one, poured, path)
                if made is not None:
                    yield made | {"idShort": f"{part.name}__{number:02d}__"}
            continue
        made = pour(part, stated, poured, path)
        if made is not None:
            yield made


def _list_head(shape: Shape) -> dict[str, Any]:
    entry = shape.entry
    head: dict[str, Any] = {
        "semanticIdListElement": meaning(entry.meaning),
        "typeValueListElement": entry.kind.value,
    }
    return head | ({"valueTypeListElement": entry.xs} if entry.kind is Element.PROPERTY else {})


def _hollow(shape: Shape) -> dict[str, Any]:
    """What an element without a value needs to be one."""
    if shape.kind is Element.PROPERTY:
        return {"valueType": shape.xs}
    if shape.kind is Element.FILE:
        return {"contentType": "application/octet-stream"}
    if shape.kind is Element.LIST:
        return _list_head(shape)
    if shape.kind is Element.COLLECTION:
        parts = [
            pour(part, None, Poured(), "-") for part in shape.parts if part.required and not part.read_only
        ]
        return {"value": parts} if parts else {}
    return {}


def _end(shape: Shape, tree: Any) -> dict[str, Any]:
    if isinstance(tree, Texts):
        return {"value": [{"language": language, "text": text} for language, text in tree.by_language]}
    if isinstance(tree, FileAt):
        return {"value": tree.address, "contentType": tree.media_type or "application/octet-stream"}
    if not isinstance(tree, Leaf):
        raise TypeError(f"{shape.name} takes a leaf, got {type(tree).__name__}")
    made = {"valueType": shape.xs, "value": tree.text}
    if not tree.unit:
        return made
    said = {
        "modelType": "DataSpecificationIec61360",
        "preferredName": [{"language": "en", "text": shape.name}],
        "unit": tree.unit,
    }
    return made | {
        "embeddedDataSpecifications": [
            {"dataSpecification": meaning(_UNITS), "dataSpecificationContent": said}
        ]
    }


# --------------------------------------------------------------------------------------------------- reading


@dataclass
class Found:
    """What an environment holds.

    Attributes:
        trees: number of a part to its tree; parts that are not there are missing.
        unknown: path and short sentence of every element that no shape knows, in reading order.
        asset: the identifier of the asset; None where the environment states none.
    """

    trees: dict[str, Tree] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    asset: str | None = None


def find(environment: Any) -> Found:
    """The trees of the parts in an environment, a submodel, or a list of submodels.

    Raises:
        FormatRefused: it is none of these, speaks of several batteries, or holds no part we know.
    """
    found = Found()
    submodels = _submodels(environment)
    _count(submodels, 0, [0])
    shells = environment.get("assetAdministrationShells") if isinstance(environment, Mapping) else None
    assets = _assets(shells if isinstance(shells, list) else [])
    if len(assets) > 1:
        raise FormatRefused(
            f"expected the passport of one battery, got shells of {len(assets)}: {', '.join(assets)[:200]};"
            " split the file"
        )
    found.asset = assets[0] if assets else None
    for number, submodel in enumerate(submodels):
        if not isinstance(submodel, Mapping):
            found.unknown.append((f"submodels[{number}]", "no submodel"))
            continue
        part = _part_of(submodel)
        name = str(submodel.get("idShort") or submodel.get("id") or f"submodels[{number}]")[:100]
        if part is None:
            found.unknown.append((name, "a submodel that is no part of the battery passport"))
        elif part.number in found.trees:
            raise FormatRefused(
                f"expected each part once, got {part.root.name} twice; split the file by battery"
            )
        else:
            found.trees[part.number] = _collection(part.root, submodel.get("submodelElements"), name, found)
    if not found.trees:
        raise FormatRefused(
            "expected submodels of IDTA 02035 or 02099-1, got none; known are "
            + ", ".join(f"{part.root.name} ({part.number})" for part in PARTS)
        )
    return found


def _submodels(environment: Any) -> list[Any]:
    if isinstance(environment, list):
        return environment
    if isinstance(environment, Mapping):
        if environment.get("modelType") == "Submodel":
            return [environment]
        submodels = environment.get("submodels")
        if isinstance(submodels, list):
            return submodels
    raise FormatRefused(
        "expected an environment of the Asset Administration Shell with `submodels`, got other JSON"
    )


def _assets(shells: list[Any]) -> list[str]:
    found: dict[str, None] = {}
    for shell in shells:
        information = shell.get("assetInformation") if isinstance(shell, Mapping) else None
        asset = information.get("globalAssetId") if isinstance(information, Mapping) else None
        kind = information.get("assetKind") if isinstance(information, Mapping) else None
        if isinstance(asset, str) and asset and kind != "Type":
            found[asset] = None
    return list(found)


def _count(node: Any, depth: int, seen: list[int]) -> None:
    """Refuse trees out of all proportion before anything is built from them."""
    if depth > 3 * MAX_DEPTH:
        raise FormatRefused(f"expected elements nested at most {MAX_DEPTH} deep, got more")
    below = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for one in below:
        if isinstance(one, (Mapping, list)):
            seen[0] += 1
            if seen[0] > 10 * MAX_ELEMENTS:
                raise FormatRefused(f"expected at most {MAX_ELEMENTS} elements, got more")
            _count(one, depth + 1, seen)


def _meanings(element: Mapping[str, Any]) -> Iterator[str]:
    """The semantic identifiers of an element, the main one first, without versions."""
    supplements = element.get("supplementalSemanticIds")
    for reference in (element.get("semanticId"), *(supplements if isinstance(supplements, list) else ())):
        keys = reference.get("keys") if isinstance(reference, Mapping) else None
        if isinstance(keys, list) and keys and isinstance(keys[-1], Mapping):
            text = keys[-1].get("value")
            if isinstance(text, str):
                yield unversioned(text)


def _index() -> tuple[dict[str, Part], dict[str, Part]]:
    meanings: dict[str, Part] = {}
    names: dict[str, Part] = {}
    for part in PARTS:
        for text in (part.root.meaning, *part.root.same):
            meanings.setdefault(unversioned(text), part)
        for text in (part.root.name, *part.root.also):
            names.setdefault(folded(text), part)
    return meanings, names


_BY_MEANING, _BY_NAME = _index()


def _part_of(submodel: Mapping[str, Any]) -> Part | None:
    for text in _meanings(submodel):
        if text in _BY_MEANING:
            return _BY_MEANING[text]
    name = submodel.get("idShort")
    return _BY_NAME.get(folded(name)) if isinstance(name, str) else None


def _shape_of(parent: Shape, element: Mapping[str, Any]) -> Shape | None:
    for text in _meanings(element):
        if text in parent.by_meaning:
            return parent.by_meaning[text]
    name = element.get("idShort")
    return parent.by_name.get(folded(name)) if isinstance(name, str) else None


def _collection(shape: Shape, elements: Any, path: str, found: Found) -> Tree:
    tree: dict[str, Any] = {}
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        if not isinstance(element, Mapping):
            found.unknown.append((f"{path}/{number}", "no element"))
            continue
        here = f"{path}/{str(element.get('idShort') or number)[:80]}"
        part = _shape_of(shape, element)
        if part is None:
            if _says_something(element):
                found.unknown.append((here, "an element that the template does not have"))
            continue
        value = _value(part, element, here, found)
        if value is None:
            continue
        if part.many:
            tree.setdefault(part.name, []).append(value)
        elif part.name in tree:
            found.unknown.append((here, f"a second {part.name}"))
        else:
            tree[part.name] = value
    return tree


def _says_something(element: Mapping[str, Any]) -> bool:
    value = element.get("value")
    if isinstance(value, list):
        return any(not isinstance(one, Mapping) or "text" in one or _says_something(one) for one in value)
    return value not in (None, "") or any(key in element for key in ("statements", "first", "min", "max"))


def _value(shape: Shape, element: Mapping[str, Any], path: str, found: Found) -> Any:
    """The element as a tree; None where it says nothing."""
    kind, value = element.get("modelType"), element.get("value")
    if value in (None, "", []):
        return None
    if shape.kind is Element.COLLECTION and kind == Element.COLLECTION:
        return _collection(shape, value, path, found) or None
    if shape.kind is Element.LIST and kind in (Element.LIST, Element.COLLECTION):
        return _entries(shape, value, path, found) or None
    if shape.kind in (Element.PROPERTY, Element.TEXTS, Element.FILE):
        end = _end_of(element, value, path)
        if end is not None:
            return end
    found.unknown.append((path, f"expected {shape.kind.value}, got {str(kind)[:60]}"))
    return None


def _entries(shape: Shape, value: Any, path: str, found: Found) -> list[Any]:
    entries = []
    for number, one in enumerate(value if isinstance(value, list) else ()):
        here = f"{path}[{number}]"
        if not isinstance(one, Mapping):
            found.unknown.append((here, "no element"))
            continue
        entry = _value(shape.entry, one, here, found)
        if entry is not None:
            entries.append(entry)
    return entries


def _end_of(element: Mapping[str, Any], value: Any, path: str) -> Leaf | Texts | FileAt | None:
    kind = element.get("modelType")
    if kind == Element.PROPERTY and isinstance(value, str):
        return Leaf(value, _unit_of(element), path)
    if kind == Element.FILE and isinstance(value, str):
        media_type = element.get("contentType")
        return FileAt(value, media_type if isinstance(media_type, str) else "", path)
    if kind == Element.TEXTS and isinstance(value, list):
        pairs = tuple(
            (str(one.get("language", "")), one["text"])
            for one in value
            if isinstance(one, Mapping) and isinstance(one.get("text"), str) and one["text"]
        )
        return Texts(pairs, path) if pairs else None
    return None


def _unit_of(element: Mapping[str, Any]) -> str:
    said = element.get("embeddedDataSpecifications")
    for one in said if isinstance(said, list) else ():
        content = one.get("dataSpecificationContent") if isinstance(one, Mapping) else None
        unit = content.get("unit") if isinstance(content, Mapping) else None
        if isinstance(unit, str):
            return unit
    return ""
