"""Nested values, named by the rows: what members each holds.

Their validation is written by hand with the law issue; until then people cannot declare them, and only the
service itself states the ones that it computes. Units stand on the row, or in a member's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Structure:
    """One shape of a nested value.

    Attributes:
        name: the key a row refers to.
        title: what it describes.
        members: its keys, in reading order.
    """

    name: str
    title: str
    members: tuple[str, ...]


def _structures() -> tuple[Structure, ...]:
    return (
        # people, places, papers
        Structure("postal_address", "postal address", ("street", "postal_code", "town", "country")),
        Structure("place", "place of a plant", ("country", "town", "plant")),
        Structure("contact", "business contact", ("name", "postal_address", "email", "web")),
        Structure("authorisation", "written authorisation", ("operator", "scope", "from", "to", "document")),
        Structure("registration_proof", "proof by the registry", ("document", "sha256", "fetched_at")),
        Structure("data_carrier", "data carrier", ("kind", "place_on_battery")),
        Structure("ce_marking", "CE marking", ("notified_body", "year")),
        Structure("label_meaning", "meaning of one label", ("label", "language", "text")),
        Structure("index", "index of a supply chain", ("name", "value", "scale")),
        # life of the battery
        Structure("status_change", "one change of status", ("status", "at", "operator")),
        Structure("repair", "one repair", ("at", "part", "part_number", "operator")),
        Structure("negative_event", "one event", ("type", "at", "duration_s", "severity", "source")),
        Structure("accident", "one accident", ("type", "on", "description")),
        # materials
        Structure("critical_raw_material", "one critical raw material", ("name", "share", "list_version")),
        Structure("material_share", "one material", ("component", "name", "cas_number", "mass", "critical")),
        Structure(
            "hazardous_substance",
            "one hazardous substance",
            ("hazard_class", "name", "cas_number", "concentration", "location", "impact"),
        ),
        Structure("substance_location", "where one substance is", ("name", "cas_number", "component")),
        Structure("metal_content", "content of one metal", ("metal", "share")),
        Structure(
            "svhc_substance",
            "one substance of very high concern",
            ("name", "cas_number", "share", "scip_number"),
        ),
        # parts and dismantling
        Structure("dismantling_item", "one item of dismantling information", ("description", "document")),
        Structure(
            "cell_layout",
            "number and layout of cells",
            ("cells", "in_series", "in_parallel", "modules", "document"),
        ),
        Structure("part_number", "one component", ("component", "part_number")),
        # performance
        Structure("temperature_range", "range of temperature", ("lower", "upper")),
        Structure(
            "power_point",
            "power at one state of charge",
            ("state_of_charge", "power", "duration_s", "temperature"),
        ),
        Structure("power_limits", "limits of power", ("charge", "discharge")),
        Structure("charge_record", "share of time in one band of charge", ("from", "to", "time_s")),
        Structure(
            "environment_record",
            "share of time in one band of temperature and charge",
            ("temperature_from", "temperature_to", "charge_from", "charge_to", "time_s"),
        ),
        # opinions and their evidence
        Structure(
            "residual_value", "estimate of value", ("amount", "currency", "low", "high", "method", "on")
        ),
        Structure("second_life_assessment", "eligibility", ("operation", "verdict", "reasons", "inspect")),
        Structure("further_use_evidence", "evidence of further use", ("test", "contract", "transport")),
        Structure(
            "measurement_metadata", "how values came about", ("originator", "method", "software_version")
        ),
    )


STRUCTURES: Final[Mapping[str, Structure]] = MappingProxyType({row.name: row for row in _structures()})
