"""Chemistry, composition, hazardous substances, critical raw materials."""

from typing import Final

from schemas.attribute import OWED, VOLUNTARY, Attribute, Chapter, everyone, since
from schemas.citation import Act, Citation, annex, annex_vi, annex_xiii, article, ecodesign
from schemas.terms import Disclosure, Level, RecordKind, Unit
from schemas.values import list_of, one_of, structure, text

battery_chemistry: Final = Attribute(
    "battery_chemistry",
    title="Battery chemistry",
    group=Chapter.MATERIALS,
    value=one_of(
        "Li-ion LCO",
        "Li-ion LFP",
        "Li-ion LMO",
        "Li-ion NCA",
        "Li-ion NMC",
        "Li-metal",
        "Na-ion",
        "Ni-Cd",
        "Ni-MH",
        "Pb",
        "other",
    ),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(b)"), annex_vi("A", 7)),
    record=RecordKind.PASSPORT,
    note=(
        'A short name; what the list lacks is "other" and is spelt out in `battery_chemistry_name`. '
        '"other" is our addition.'
    ),
)

battery_chemistry_name: Final = Attribute(
    "battery_chemistry_name",
    title="Battery chemistry in full",
    group=Chapter.MATERIALS,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(b)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Spells out what the short name leaves open: the metals of the cathode, the anode, the electrolyte."
    ),
)

critical_raw_materials: Final = Attribute(
    "critical_raw_materials",
    title="Critical raw materials",
    group=Chapter.MATERIALS,
    value=list_of(structure("critical_raw_material", Unit.PERCENT_BY_MASS)),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(b)"), annex_vi("A", 10)),
    record=RecordKind.PASSPORT,
    note=(
        "Above 0.1 % by weight. The list of Regulation (EU) 2024/1252 changes: name its version. An empty "
        "list says that there are none."
    ),
)

material_composition: Final = Attribute(
    "material_composition",
    title="Materials of cathode, anode and electrolyte",
    group=Chapter.MATERIALS,
    value=list_of(structure("material_share", Unit.KILOGRAM), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("2(a)"),),
    record=RecordKind.PASSPORT,
    note="Part, substance, CAS number, mass or share. Authorities read it too, by Art. 77(2)(b).",
)

hazardous_substances: Final = Attribute(
    "hazardous_substances",
    title="Hazardous substances other than mercury, cadmium and lead",
    group=Chapter.MATERIALS,
    value=list_of(structure("hazardous_substance", Unit.PERCENT_BY_MASS)),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(b)"), annex_vi("A", 8)),
    record=RecordKind.PASSPORT,
    note=(
        "Class, name, CAS number with a right check digit, concentration. Mercury, cadmium and lead are "
        "left out by law. An empty list says that there are none."
    ),
)

hazardous_substance_location: Final = Attribute(
    "hazardous_substance_location",
    title="Where hazardous substances are in the battery",
    group=Chapter.MATERIALS,
    value=list_of(structure("substance_location")),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.INTEREST_AND_AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("74(3)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Owed to waste operators by Art. 74(3), which is no point of Annex XIII; the disclosure class is "
        "our reading (?)."
    ),
)

hazardous_substance_impacts: Final = Attribute(
    "hazardous_substance_impacts",
    title="Effects of substances on environment, health and safety",
    group=Chapter.MATERIALS,
    value=list_of(text(), at_least_items=1),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(s)"), article("74(1)(f)")),
    record=RecordKind.PASSPORT,
    note="In the languages of the Member States of sale.",
)

restricted_metals_content: Final = Attribute(
    "restricted_metals_content",
    title="Mercury, cadmium and lead content",
    group=Chapter.MATERIALS,
    value=list_of(structure("metal_content", Unit.PERCENT_BY_MASS), at_most_items=3),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("6"), annex("I"), article("13(5)")),
    record=RecordKind.PASSPORT,
    note="Decides whether the symbols for cadmium and lead are needed.",
)

svhc_substances: Final = Attribute(
    "svhc_substances",
    title="Substances of very high concern",
    group=Chapter.MATERIALS,
    value=list_of(structure("svhc_substance", Unit.PERCENT_BY_MASS)),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(Citation("Art. 33", Act.CHEMICALS), ecodesign("Art. 7(5)")),
    record=RecordKind.PASSPORT,
    note="Above 0.1 % by weight of the article; name the SCIP number where there is one.",
)
