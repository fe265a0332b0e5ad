"""What the makers of the demonstration declare in nested values: addresses, materials, parts, dismantling.

Everything is invented but the substances: names, CAS numbers and hazard classes are those of the real ones,
and the shares are of the size that such packs have. Addresses are reserved for examples.

Source of the list of critical raw materials: Regulation (EU) 2024/1252, Annex II.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Final

CRITICAL_LIST: Final = "Regulation (EU) 2024/1252, Annex II"
_GRAM: Final = Decimal("0.001")
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True)
class Material:
    """One material of a pack.

    Attributes:
        share: of the pack's mass, in percent.
        critical: name in the list of critical raw materials, and its share of the material in percent.
    """

    component: str
    name: str
    cas: str
    share: str
    critical: tuple[tuple[str, str], ...] = ()


_COPPER: Final = Material("anode", "copper foil", "7440-50-8", "8.5", (("copper", "100"),))
_ALUMINIUM: Final = Material("cathode", "aluminium foil", "7429-90-5", "4.5", (("aluminium", "100"),))
_GRAPHITE: Final = Material("anode", "graphite", "7782-42-5", "16.0", (("natural graphite", "60"),))
_SALT: Final = Material(
    "electrolyte", "lithium hexafluorophosphate", "21324-40-3", "1.5", (("lithium", "4.6"),)
)
_ETHYLENE: Final = Material("electrolyte", "ethylene carbonate", "96-49-1", "4.0")
_DIMETHYL: Final = Material("electrolyte", "dimethyl carbonate", "616-38-6", "6.0")
_BINDER: Final = Material("cathode", "polyvinylidene fluoride", "24937-79-9", "0.8")
_COMMON: Final = (_ALUMINIUM, _SALT, _ETHYLENE, _DIMETHYL, _BINDER)

MATERIALS: Final[Mapping[str, tuple[Material, ...]]] = MappingProxyType(
    {
        "LFP": (
            Material(
                "cathode",
                "lithium iron phosphate",
                "15365-14-7",
                "30.0",
                (("lithium", "4.4"), ("phosphorus", "19.6")),
            ),
            _GRAPHITE,
            _COPPER,
            *_COMMON,
        ),
        "NMC": (
            Material(
                "cathode",
                "lithium nickel manganese cobalt oxide",
                "182442-95-1",
                "28.0",
                (("lithium", "7.2"), ("nickel", "36.3"), ("manganese", "11.3"), ("cobalt", "12.2")),
            ),
            _GRAPHITE,
            _COPPER,
            *_COMMON,
        ),
        "LMO": (
            Material(
                "cathode",
                "lithium manganese oxide",
                "12057-17-9",
                "31.0",
                (("lithium", "3.8"), ("manganese", "60.8")),
            ),
            _GRAPHITE,
            _COPPER,
            *_COMMON,
        ),
        "LTO": (
            Material(
                "cathode",
                "lithium nickel manganese cobalt oxide",
                "182442-95-1",
                "22.0",
                (("lithium", "7.2"), ("nickel", "36.3"), ("manganese", "11.3"), ("cobalt", "12.2")),
            ),
            Material("anode", "lithium titanate", "12031-95-7", "24.0", (("lithium", "6.0"),)),
            Material("anode", "aluminium foil", "7429-90-5", "4.0", (("aluminium", "100"),)),
            *_COMMON,
        ),
    }
)
# Hazard classes by Regulation (EC) No 1272/2008, in short words.
_HAZARDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lithium hexafluorophosphate": "acute toxicity; skin corrosion",
        "ethylene carbonate": "eye irritation; specific target organ toxicity",
        "dimethyl carbonate": "flammable liquid",
        "lithium nickel manganese cobalt oxide": "skin sensitisation; carcinogenicity",
    }
)


def nested(
    *,
    maker_name: str,
    maker_id: str,
    model: str,
    chemistry: str,
    mass_kg: Decimal,
    cells: int,
    nominal_w: Decimal,
    documents: str,
) -> Mapping[str, Any]:
    """Nested facts of a model, as JSON would hold them: numbers are decimal text.

    Args:
        maker_name: as declared.
        maker_id: for addresses.
        model: its identifier.
        chemistry: key of `MATERIALS`.
        mass_kg: of the whole pack.
        cells: in series; the pack has no parallel cells.
        nominal_w: power that it gives at half charge.
        documents: address under which its papers would lie.
    """
    materials = MATERIALS[chemistry]
    address = {"street": "Example Street 1", "postal_code": "00000", "town": "Example Town", "country": "DE"}
    return MappingProxyType(
        {
            "operator_address": address,
            "manufacturer_address": address,
            "operator_contact": {
                "name": maker_name,
                "postal_address": address,
                "email": f"info@{maker_id}.example.com",
                "web": f"https://{maker_id}.example.com/",
            },
            "manufacturing_place": {"country": "DE", "town": "Example Town", "plant": "Plant 1"},
            "data_carrier": {"kind": "QR code", "place_on_battery": "on the housing, beside the terminals"},
            "label_meaning": [
                {
                    "label": "crossed-out wheeled bin",
                    "language": language,
                    "text": text,
                }
                for language, text in (
                    ("en", "Collect separately; never put into household waste."),
                    ("de", "Getrennt sammeln; nie in den Hausm\u00fcll geben."),
                    (
                        "fr",
                        "\u00c0 collecter s\u00e9par\u00e9ment, jamais avec les ordures.",
                    ),
                )
            ],
            "material_composition": [_composition(material, mass_kg) for material in materials],
            "critical_raw_materials": _critical(materials),
            "hazardous_substances": [
                {
                    "hazard_class": _HAZARDS[material.name],
                    "name": material.name,
                    "cas_number": material.cas,
                    "concentration": material.share,
                    "location": material.component,
                }
                for material in materials
                if material.name in _HAZARDS
            ],
            "part_numbers": [
                {"component": part, "part_number": f"{model}-{number}"}
                for part, number in (
                    ("cell module", "100"),
                    ("battery management system", "200"),
                    ("housing", "300"),
                )
            ],
            "spare_part_sources": [
                {
                    "name": f"{maker_name}, spare parts",
                    "postal_address": address,
                    "email": f"parts@{maker_id}.example.com",
                }
            ],
            **_dismantling(documents, cells),
            "original_power_capability": [
                {
                    "state_of_charge": charge,
                    "power": _text(nominal_w * share, Decimal(1)),
                    "duration_s": "10",
                    "temperature": "25",
                }
                for charge, share in (("80", Decimal("1.05")), ("50", Decimal(1)), ("20", Decimal("0.8")))
            ],
        }
    )


def _composition(material: Material, mass_kg: Decimal) -> dict[str, Any]:
    return {
        "component": material.component,
        "name": material.name,
        "cas_number": material.cas,
        "mass": _text(mass_kg * Decimal(material.share) / 100, _GRAM),
        "share": material.share,
        "critical": bool(material.critical),
    }


def _critical(materials: Sequence[Material]) -> list[dict[str, str]]:
    """Every critical raw material above 0.1 % of the pack, the largest share first."""
    shares: dict[str, Decimal] = {}
    for material in materials:
        for name, percent in material.critical:
            shares[name] = shares.get(name, Decimal(0)) + Decimal(material.share) * Decimal(percent) / 100
    told = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {"name": name, "share": _text(share, _TENTH), "list_version": CRITICAL_LIST}
        for name, share in told
        if share > _TENTH
    ]


def _dismantling(documents: str, cells: int) -> dict[str, Any]:
    manual = f"{documents}/dismantling"

    def item(description: str, chapter: str) -> list[dict[str, str]]:
        return [{"description": description, "document": f"{manual}#{chapter}"}]

    return {
        "dismantling_exploded_diagrams": item("Housing, modules, cells, wiring", "diagram"),
        "dismantling_sequences": item("Switch off, discharge, open, unplug, lift modules out", "sequence"),
        "dismantling_fasteners": item("24 screws M6, 2 latches; nothing is glued", "fasteners"),
        "dismantling_tools": item("Insulated torque screwdriver, lifting frame, voltmeter", "tools"),
        "dismantling_warnings": item("Never cut the housing: coolant and bus bars lie beneath", "warnings"),
        "dismantling_cell_layout": {"cells": cells, "in_series": cells, "in_parallel": 1},
    }


def _text(value: Decimal, step: Decimal) -> str:
    return format(value.quantize(step, ROUND_HALF_EVEN), "f")
