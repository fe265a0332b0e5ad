"""Carbon footprint of Art. 7: every row waits for the acts that give its rules and format."""

from typing import Final

from schemas.attribute import OWED, VOLUNTARY, Attribute, Chapter, awaits, everyone
from schemas.citation import annex, annex_xiii, article
from schemas.conditions import CARBON_FOOTPRINT_CLASS, CARBON_FOOTPRINT_DECLARATION
from schemas.terms import Disclosure, Level, RecordKind, Unit
from schemas.values import document, integer, list_of, number, text

cf_total: Final = Attribute(
    "cf_total",
    title="Carbon footprint per energy delivered",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR, at_least=0),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(d)"), annex("II")),
    record=RecordKind.PASSPORT,
    note=(
        "Per kWh delivered over the service life, not per kWh of capacity. One value per model, plant and "
        "year."
    ),
)

cf_raw_material: Final = Attribute(
    "cf_raw_material",
    title="Carbon footprint of raw materials and pre-processing",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(e)"), annex("II", "4")),
    record=RecordKind.PASSPORT,
    note="The four stages sum to the total.",
)

cf_production: Final = Attribute(
    "cf_production",
    title="Carbon footprint of production",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(e)"), annex("II", "4")),
    record=RecordKind.PASSPORT,
    note="The four stages sum to the total.",
)

cf_distribution: Final = Attribute(
    "cf_distribution",
    title="Carbon footprint of distribution",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(e)"), annex("II", "4")),
    record=RecordKind.PASSPORT,
    note="The four stages sum to the total.",
)

cf_end_of_life: Final = Attribute(
    "cf_end_of_life",
    title="Carbon footprint of end of life and recycling",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(e)"), annex("II", "4")),
    record=RecordKind.PASSPORT,
    note="The four stages sum to the total. Credits of recycling may make it negative (?).",
)

cf_performance_class: Final = Attribute(
    "cf_performance_class",
    title="Carbon footprint performance class",
    group=Chapter.CARBON_FOOTPRINT,
    value=text(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_CLASS),
    law=(annex_xiii("1(c)"), article("7(2)")),
    record=RecordKind.PASSPORT,
    note="No scale of classes exists: any letter shown today would be invented.",
)

cf_study_url: Final = Attribute(
    "cf_study_url",
    title="Public version of the carbon footprint study",
    group=Chapter.CARBON_FOOTPRINT,
    value=document(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(g)")),
    record=RecordKind.PASSPORT,
)

cf_declaration_url: Final = Attribute(
    "cf_declaration_url",
    title="Carbon footprint declaration",
    group=Chapter.CARBON_FOOTPRINT,
    value=document(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)")),
    record=RecordKind.PASSPORT,
    note="An implementing act will give its format.",
)

cf_plant: Final = Attribute(
    "cf_plant",
    title="Plant of the carbon footprint",
    group=Chapter.CARBON_FOOTPRINT,
    value=text(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(c)")),
    record=RecordKind.PASSPORT,
    note="Two plants make two declarations.",
)

cf_reference_year: Final = Attribute(
    "cf_reference_year",
    title="Year of the carbon footprint",
    group=Chapter.CARBON_FOOTPRINT,
    value=integer(at_least=2020, at_most=2200),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex("II"),),
    record=RecordKind.PASSPORT,
    note=(
        "Belongs to the carbon footprint and waits with it. Its chapter in DIN DKE SPEC 99100 is not "
        "certain (?)."
    ),
)

cf_total_service_energy: Final = Attribute(
    "cf_total_service_energy",
    title="Energy delivered over the service life",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOWATT_HOUR, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(article("7(1)(d)"), annex("II", "2")),
    record=RecordKind.PASSPORT,
    note="Turns the total per kWh into the absolute footprint; waits with it.",
)

cf_methodology: Final = Attribute(
    "cf_methodology",
    title="Rules by which the carbon footprint was calculated",
    group=Chapter.CARBON_FOOTPRINT,
    value=list_of(text()),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex("II"), article("7")),
    record=RecordKind.PASSPORT,
    note=(
        "Name act and version; ISO 14067 alone is not the legal method. Waits with the footprint. Its "
        "chapter in DIN DKE SPEC 99100 is not certain (?)."
    ),
)

cf_absolute: Final = Attribute(
    "cf_absolute",
    title="Carbon footprint of the whole battery",
    group=Chapter.CARBON_FOOTPRINT,
    value=number(Unit.KILOGRAM_CO2E),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(),
    record=RecordKind.PASSPORT,
    note=(
        "The total times the energy delivered. No text asks for it, and it would say what the awaited "
        "declaration says: it waits with it."
    ),
)
