"""Dismantling, spare parts, safety, recycled and renewable content, what end-users should know."""

from typing import Final

from schemas.attribute import OWED, VOLUNTARY, Attribute, Chapter, awaits, everyone, since
from schemas.citation import annex, annex_xiii, article
from schemas.conditions import (
    COBALT_PRESENT,
    LEAD_PRESENT,
    LITHIUM_PRESENT,
    NICKEL_PRESENT,
    RECYCLED_CONTENT_METHOD,
    RECYCLED_SHARES_STATED,
)
from schemas.terms import Disclosure, Level, RecordKind, Unit
from schemas.values import document, integer, list_of, number, structure, text

dismantling_manuals: Final = Attribute(
    "dismantling_manuals",
    title="Manuals for removal and dismantling",
    group=Chapter.CIRCULARITY,
    value=list_of(document(), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="The rows that follow are the minimum that the law lists.",
)

dismantling_exploded_diagrams: Final = Attribute(
    "dismantling_exploded_diagrams",
    title="Exploded diagrams showing the cells",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("dismantling_item"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="May be a section of a manual; asked for singly so that it can be checked.",
)

dismantling_sequences: Final = Attribute(
    "dismantling_sequences",
    title="Sequences of dismantling",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("dismantling_item"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="May be a section of a manual; asked for singly so that it can be checked.",
)

dismantling_fasteners: Final = Attribute(
    "dismantling_fasteners",
    title="Fastenings to be undone",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("dismantling_item"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="May be a section of a manual; asked for singly so that it can be checked.",
)

dismantling_tools: Final = Attribute(
    "dismantling_tools",
    title="Tools for dismantling",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("dismantling_item"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="May be a section of a manual; asked for singly so that it can be checked.",
)

dismantling_warnings: Final = Attribute(
    "dismantling_warnings",
    title="Warnings where parts may be damaged",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("dismantling_item"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="May be a section of a manual; asked for singly so that it can be checked.",
)

dismantling_cell_layout: Final = Attribute(
    "dismantling_cell_layout",
    title="Number and layout of cells",
    group=Chapter.CIRCULARITY,
    value=structure("cell_layout"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(c)"),),
    record=RecordKind.PASSPORT,
    note="Can be compared with the cells that the BMS counts.",
)

part_numbers: Final = Attribute(
    "part_numbers",
    title="Part numbers of components",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("part_number"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(b)"),),
    record=RecordKind.PASSPORT,
)

spare_part_sources: Final = Attribute(
    "spare_part_sources",
    title="Sources of replacement parts",
    group=Chapter.CIRCULARITY,
    value=list_of(structure("contact"), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(b)"),),
    record=RecordKind.PASSPORT,
    note="Business contacts, no natural persons.",
)

safety_measures: Final = Attribute(
    "safety_measures",
    title="Safety measures",
    group=Chapter.CIRCULARITY,
    value=list_of(document(), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(d)"), article("74(2)")),
    record=RecordKind.PASSPORT,
    note=(
        "For professionals; what everybody must know about waste batteries is `waste_safety_instructions`."
    ),
)

safe_discharging_instructions: Final = Attribute(
    "safe_discharging_instructions",
    title="Instructions for safe discharging",
    group=Chapter.CIRCULARITY,
    value=list_of(document()),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(d)"),),
    record=RecordKind.PASSPORT,
    note="Its chapter in DIN DKE SPEC 99100 is not certain (?).",
)

recycled_cobalt_share: Final = Attribute(
    "recycled_cobalt_share",
    title="Recycled cobalt in the active materials",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(COBALT_PRESENT)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note=(
        "Of the cobalt in the active materials; one figure for manufacturing and post-consumer waste. "
        "Guidance 2.0 asks to leave it empty, 1.0 asked to fill it."
    ),
)

recycled_lithium_share: Final = Attribute(
    "recycled_lithium_share",
    title="Recycled lithium in the active materials",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(LITHIUM_PRESENT)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note=(
        "Of the lithium in the active materials; one figure for manufacturing and post-consumer waste. "
        "Guidance 2.0 asks to leave it empty, 1.0 asked to fill it."
    ),
)

recycled_nickel_share: Final = Attribute(
    "recycled_nickel_share",
    title="Recycled nickel in the active materials",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(NICKEL_PRESENT)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note=(
        "Of the nickel in the active materials; one figure for manufacturing and post-consumer waste. "
        "Guidance 2.0 asks to leave it empty, 1.0 asked to fill it."
    ),
)

recycled_lead_share: Final = Attribute(
    "recycled_lead_share",
    title="Recycled lead in the battery",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(LEAD_PRESENT)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note="Of the lead in the whole battery, recovered from waste; not of the active materials.",
)

pre_consumer_recycled_cobalt_share: Final = Attribute(
    "pre_consumer_recycled_cobalt_share",
    title="Pre-consumer recycled cobalt share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

post_consumer_recycled_cobalt_share: Final = Attribute(
    "post_consumer_recycled_cobalt_share",
    title="Post-consumer recycled cobalt share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

pre_consumer_recycled_lithium_share: Final = Attribute(
    "pre_consumer_recycled_lithium_share",
    title="Pre-consumer recycled lithium share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

post_consumer_recycled_lithium_share: Final = Attribute(
    "post_consumer_recycled_lithium_share",
    title="Post-consumer recycled lithium share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

pre_consumer_recycled_nickel_share: Final = Attribute(
    "pre_consumer_recycled_nickel_share",
    title="Pre-consumer recycled nickel share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

post_consumer_recycled_nickel_share: Final = Attribute(
    "post_consumer_recycled_nickel_share",
    title="Post-consumer recycled nickel share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note=(
        "The law asks for one figure; the split is asked for by the industry lists alone. Waits with the "
        "figure that the two add up to."
    ),
)

pre_consumer_recycled_lead_share: Final = Attribute(
    "pre_consumer_recycled_lead_share",
    title="Pre-consumer recycled lead share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note="The law asks for one figure. Kept because an older list splits it; waits with that figure.",
)

post_consumer_recycled_lead_share: Final = Attribute(
    "post_consumer_recycled_lead_share",
    title="Post-consumer recycled lead share",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), article("3(1)(51)")),
    record=RecordKind.PASSPORT,
    note="The law asks for one figure. Kept because an older list splits it; waits with that figure.",
)

recycled_content_year: Final = Attribute(
    "recycled_content_year",
    title="Year of the recycled shares",
    group=Chapter.CIRCULARITY,
    value=integer(at_least=2020, at_most=2200),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(RECYCLED_SHARES_STATED)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note=("Shares hold for one model, year and plant. Its chapter in DIN DKE SPEC 99100 is not certain (?)."),
)

recycled_content_plant: Final = Attribute(
    "recycled_content_plant",
    title="Plant of the recycled shares",
    group=Chapter.CIRCULARITY,
    value=text(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(RECYCLED_SHARES_STATED)),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(annex_xiii("1(e)"), article("8(1)")),
    record=RecordKind.PASSPORT,
    note=("Shares hold for one model, year and plant. Its chapter in DIN DKE SPEC 99100 is not certain (?)."),
)

recycled_content_document: Final = Attribute(
    "recycled_content_document",
    title="Documentation of recycled content",
    group=Chapter.CIRCULARITY,
    value=document(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=awaits(RECYCLED_CONTENT_METHOD),
    law=(article("8(1)"), annex("VIII")),
    record=RecordKind.PASSPORT,
    note=(
        "Art. 8(1) speaks of documents that accompany the battery, Art. 8(2) and (3) of the technical "
        "documentation: the disclosure class is a choice (?)."
    ),
)

renewable_content_share: Final = Attribute(
    "renewable_content_share",
    title="Renewable content",
    group=Chapter.CIRCULARITY,
    value=number(Unit.PERCENT, at_least=0, at_most=100),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(f)"),),
    record=RecordKind.PASSPORT,
    note="The law defines no method: state the basis and the method. Zero is a legitimate value.",
)

waste_prevention_info: Final = Attribute(
    "waste_prevention_info",
    title="What end-users can do to prevent waste",
    group=Chapter.CIRCULARITY,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(a)")),
    record=RecordKind.PASSPORT,
    note="In the languages of the Member States of sale.",
)

separate_collection_info: Final = Attribute(
    "separate_collection_info",
    title="What end-users can do for separate collection",
    group=Chapter.CIRCULARITY,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(b)"), article("64")),
    record=RecordKind.PASSPORT,
)

collection_and_treatment_info: Final = Attribute(
    "collection_and_treatment_info",
    title="Take-back, collection, preparation for second life and treatment",
    group=Chapter.CIRCULARITY,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(c)")),
    record=RecordKind.PASSPORT,
    note="Differs from one Member State to another.",
)

waste_safety_instructions: Final = Attribute(
    "waste_safety_instructions",
    title="Safety instructions for handling waste batteries",
    group=Chapter.CIRCULARITY,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(d)")),
    record=RecordKind.PASSPORT,
    note="Public, unlike `safety_measures`. Its chapter in DIN DKE SPEC 99100 is not certain (?).",
)
