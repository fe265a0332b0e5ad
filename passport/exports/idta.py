"""IDTA 02035 parts 1 to 7 with the header of 02099-1: an Asset Administration Shell in JSON.

The shell describes one battery; every part of which something is stated is a submodel of it. A part about
which nothing is stated, or nothing that the audience may see, is left out. What a template demands and nobody
stated stands there without a value, and the report says so.
"""

from typing import Any, Final

import orjson

from passport.errors import FormatRefused
from passport.exports import samm
from passport.exports.aas.environment import Found, find, meaning, pour
from passport.exports.aas.package import LIMIT_BYTES
from passport.exports.aas.parts import PARTS
from passport.exports.aas.places import PLACES
from passport.exports.aas.shape import Part
from passport.exports.aas.spell import path_of, spell
from passport.exports.aas.tree import Poured, Tree
from passport.exports.aas.understand import understand
from passport.exports.aas.xml import environment as from_xml
from passport.exports.format import Brought, Exported, Loss, Subject, Why
from schemas.registry import REGISTRY
from schemas.strict_json import StrictJsonError, loads

TITLE: Final = "IDTA 02035 Digital Battery Passport, parts 1 to 7, with 02099-1, as AAS JSON"
_MARK: Final = b"\xef\xbb\xbf"
_ATTRIBUTE_AT: Final = {path_of(place): name for name, places in PLACES.items() for place in places}
_SIMULATED: Final = "Simulated battery: these values describe no product."


def export(subject: Subject) -> Exported:
    """The subject as an environment; every attribute with a value is in it or in the losses."""
    data, losses = environment_of(subject)
    return Exported(data, "application/asset-administration-shell+json", ".aas.json", losses)


def environment_of(subject: Subject) -> tuple[bytes, tuple[Loss, ...]]:
    """The bytes of the environment, and the losses in reading order."""
    trees, losses = spell(subject)
    poured = Poured()
    submodels = [
        _submodel(part, trees[part.number], subject, poured) for part in PARTS if part.number in trees
    ]
    losses += [_empty(path) for path in poured.empty]
    losses += _beside(subject)
    environment = {
        "assetAdministrationShells": [_shell(subject, submodels)],
        "submodels": submodels,
    }
    order = {name: number for number, name in enumerate(REGISTRY)}
    losses.sort(key=lambda loss: order.get(loss.attribute, len(order)))
    return orjson.dumps(environment, option=orjson.OPT_INDENT_2), tuple(losses)


def _identifier(subject: Subject, what: str) -> str:
    """An identifier in the environment; each audience has its own, so that no view replaces another."""
    return f"{subject.passport_url}#{subject.audience.value.replace('_', '-')}-{what}"


def _shell(subject: Subject, submodels: list[dict[str, Any]]) -> dict[str, Any]:
    shell: dict[str, Any] = {
        "modelType": "AssetAdministrationShell",
        "id": _identifier(subject, "shell"),
        "idShort": "BatteryPassport",
    }
    if subject.simulated:
        shell["description"] = [{"language": "en", "text": _SIMULATED}]
    return shell | {
        "assetInformation": {"assetKind": "Instance", "globalAssetId": subject.identifier_url},
        "submodels": [
            {"type": "ModelReference", "keys": [{"type": "Submodel", "value": one["id"]}]}
            for one in submodels
        ],
    }


def _submodel(part: Part, tree: Tree, subject: Subject, poured: Poured) -> dict[str, Any]:
    made = pour(part.root, tree, poured)
    assert made is not None
    template = {"templateId": part.template} if part.template else {}
    return {
        "modelType": "Submodel",
        "id": _identifier(subject, part.number),
        "idShort": part.root.name,
        "kind": "Instance",
        "administration": {"version": "1", "revision": "0", **template},
        "semanticId": meaning(part.root.meaning),
        "submodelElements": made["value"],
    }


def _empty(path: str) -> Loss:
    return Loss(
        _ATTRIBUTE_AT.get(path, ""),
        Why.MADE_UP,
        path,
        "The template demands it; nothing is stated, or nothing this audience may see: it has no value.",
    )


def _beside(subject: Subject) -> list[Loss]:
    """What a signed record says besides its values."""
    losses = [
        Loss(
            "",
            Why.NO_PLACE,
            "",
            "Signature, source, method and, outside part 5, time of each value are left out; they are in the"
            f" record {subject.record_url} (SHA-256 {subject.record_sha256}).",
        )
    ]
    if subject.simulated:
        losses.append(
            Loss(
                "",
                Why.RESPELT,
                "BatteryPassport/description",
                "That the battery is simulated stands in words alone; no element says it to a machine.",
            )
        )
    return losses


def recognises(data: bytes, name: str) -> bool:
    """Whether the file looks like an environment in JSON or XML, or like payloads of the models behind."""
    start = data.removeprefix(_MARK).lstrip()[:1]
    if start == b"<":
        return b"admin-shell.io/aas/3/" in data[:4096]
    if start not in (b"{", b"["):
        return False
    return b'"submodelElements"' in data or b'"submodels"' in data or samm.recognises(data, name)


def read(data: bytes) -> Brought:
    """What an environment says, ours or a template that somebody else filled; or payloads of the models.

    Raises:
        FormatRefused: it is no environment, is damaged, out of proportion, or speaks of several batteries.
    """
    return samm.read(data) if samm.recognises(data, "") else understand(found_in(data))


def found_in(data: bytes) -> Found:
    """The parts in the bytes of an environment.

    Raises:
        FormatRefused: as `read`.
    """
    if len(data) > LIMIT_BYTES:
        raise FormatRefused(f"expected an environment of at most {LIMIT_BYTES} bytes, got {len(data)}")
    plain = data.removeprefix(_MARK)
    if plain.lstrip()[:1] == b"<":
        return find(from_xml(plain))
    try:
        return find(loads(plain, limit_bytes=LIMIT_BYTES))
    except StrictJsonError as broken:
        raise FormatRefused(f"expected an environment of the Asset Administration Shell: {broken}") from None
