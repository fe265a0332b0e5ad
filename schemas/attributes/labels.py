"""Labels, markings, declaration of conformity, test reports."""

from typing import Final

from schemas.attribute import OWED, VOLUNTARY, Attribute, Chapter, awaits, everyone, since
from schemas.citation import Act, Citation, annex, annex_vi, annex_xiii, article
from schemas.conditions import (
    CADMIUM_OR_LEAD,
    CARBON_FOOTPRINT_CLASS,
    CARBON_FOOTPRINT_DECLARATION,
    INSTRUCTIONS_IN_PASSPORT,
)
from schemas.terms import Disclosure, Level, RecordKind
from schemas.values import document, list_of, one_of, structure, text

separate_collection_symbol: Final = Attribute(
    "separate_collection_symbol",
    title="Symbol for separate collection",
    group=Chapter.LABELS,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(q)"), article("13(4)"), annex_vi("B")),
    record=RecordKind.PASSPORT,
    note=(
        "In force since 18 August 2025. Annex XIII 1(q) points to Art. 13(4) and (5) since its correction "
        "in 2026; the corrigendum itself was not found again (?)."
    ),
)

cadmium_lead_symbols: Final = Attribute(
    "cadmium_lead_symbols",
    title="Symbols for cadmium and lead",
    group=Chapter.LABELS,
    value=list_of(one_of("Cd", "Pb"), at_most_items=2),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(CADMIUM_OR_LEAD)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(q)"), article("13(5)")),
    record=RecordKind.PASSPORT,
    note="An empty list says that neither symbol is needed.",
)

carbon_footprint_label: Final = Attribute(
    "carbon_footprint_label",
    title="Carbon footprint label",
    group=Chapter.LABELS,
    value=document(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_CLASS),
    law=(annex_xiii("1(c)"), article("7(2)")),
    record=RecordKind.PASSPORT,
    note="No format has been adopted: any label shown today would be invented.",
)

extinguishing_agent: Final = Attribute(
    "extinguishing_agent",
    title="Usable extinguishing agents",
    group=Chapter.LABELS,
    value=list_of(text(), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 9)),
    record=RecordKind.PASSPORT,
    note="Public, although safety instructions beside it are not. Name the fire class with the agent.",
)

label_meaning: Final = Attribute(
    "label_meaning",
    title="Meaning of labels and symbols",
    group=Chapter.LABELS,
    value=list_of(structure("label_meaning"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(e)")),
    record=RecordKind.PASSPORT,
    note="In the languages of the Member States of sale.",
)

eu_declaration_of_conformity: Final = Attribute(
    "eu_declaration_of_conformity",
    title="EU declaration of conformity",
    group=Chapter.LABELS,
    value=document(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(r)"), article("18"), annex("IX")),
    record=RecordKind.PASSPORT,
    note="Repurposing and remanufacturing ask for a new one.",
)

eu_declaration_id: Final = Attribute(
    "eu_declaration_id",
    title="Number of the EU declaration of conformity",
    group=Chapter.LABELS,
    value=text(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=awaits(CARBON_FOOTPRINT_DECLARATION),
    law=(annex_xiii("1(c)"), article("7(1)(f)"), annex("IX")),
    record=RecordKind.PASSPORT,
    note=(
        "Named as a part of the carbon footprint declaration, hence awaited with it; the heading of Annex "
        "IX that carries the number was not re-read (?)."
    ),
)

test_reports: Final = Attribute(
    "test_reports",
    title="Test reports proving compliance",
    group=Chapter.LABELS,
    value=list_of(document(), at_least_items=1),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("3"), annex("VIII")),
    record=RecordKind.PASSPORT,
    note=(
        "For notified bodies, market surveillance and the Commission; not for persons with a legitimate "
        "interest."
    ),
)

ce_marking: Final = Attribute(
    "ce_marking",
    title="CE marking and notified body",
    group=Chapter.LABELS,
    value=structure("ce_marking"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("19"), article("20")),
    record=RecordKind.PASSPORT,
    note="Not a point of Annex XIII.",
)

instructions_for_use: Final = Attribute(
    "instructions_for_use",
    title="Instructions for use",
    group=Chapter.LABELS,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(INSTRUCTIONS_IN_PASSPORT),
    law=(Citation("Annex XIII 1(t), proposed", Act.OMNIBUS),),
    record=RecordKind.PASSPORT,
    note="There is no point 1(t) in force: the field is kept and stays empty.",
)
