"""Who, what, where, when: identifiers, operators, category, status and the passport itself."""

from typing import Final

from schemas.attribute import NOT_APPLICABLE, OWED, VOLUNTARY, Attribute, Chapter, Duty, everyone, since
from schemas.citation import (
    PASSPORT_HEADER,
    Act,
    Citation,
    annex,
    annex_vi,
    annex_vii,
    annex_xiii,
    article,
    ecodesign,
    passport_registry,
)
from schemas.conditions import APPROPRIATE, HAS_PREDECESSOR, RECYCLED, REGISTERED, WARRANTY_GIVEN
from schemas.terms import BatteryStatus, Category, Disclosure, Level, PassportStatus, RecordKind, Unit
from schemas.values import (
    day,
    duration_months,
    list_of,
    member_of,
    moment,
    number,
    one_of,
    structure,
    text,
    uri,
    year_month,
)

passport_id: Final = Attribute(
    "passport_id",
    title="Passport identifier",
    group=Chapter.GENERAL,
    value=uri(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(3)"), article("78(a)"), article("3(1)(66)")),
    record=RecordKind.PASSPORT,
    note="Names the passport, not the battery. Re-use, repurposing and remanufacturing bring a new one.",
)

battery_id: Final = Attribute(
    "battery_id",
    title="Battery identifier (behind the QR code)",
    group=Chapter.GENERAL,
    value=uri(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(3)"), article("13(6)"), annex_vi("C"), article("3(1)(66)")),
    record=RecordKind.PASSPORT,
    note=(
        "Given by the operator who places the battery on the market, by ISO/IEC 15459 parts 1 to 6 or an "
        "equivalent scheme. GS1 Digital Link is one such scheme; the law does not name it. Which field of "
        "Catena-X answers to it is open (?)."
    ),
)

model_identifier: Final = Attribute(
    "model_identifier",
    title="Battery model identifier",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 2), article("38(6)"), article("3(1)(19)")),
    record=RecordKind.PASSPORT,
    note=(
        "The registry links the battery to its model through it. Its chapter in DIN DKE SPEC 99100 is not "
        "certain (?)."
    ),
)

batch_number: Final = Attribute(
    "batch_number",
    title="Batch number",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.BATCH,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 2), article("38(6)")),
    record=RecordKind.PASSPORT,
    note=(
        "Batch number, serial number or another mark identifies the battery; a passport is per battery, "
        "so the serial number does, and the batch number is an addition. Its chapter in DIN DKE SPEC "
        "99100 is not certain (?)."
    ),
)

serial_number: Final = Attribute(
    "serial_number",
    title="Serial number",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 2), article("38(6)"), annex("IX", "1")),
    record=RecordKind.PASSPORT,
    note=(
        "At most 20 characters where it travels in a GS1 Digital Link. A BMS may report the number of its "
        "board or pack instead: compare, never overwrite."
    ),
)

registry_registration_id: Final = Attribute(
    "registry_registration_id",
    title="Registration identifier of the EU passport registry",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(OWED.where(REGISTERED)),
    applies=since(2027, 2, 18),
    law=(article("77(10)"), ecodesign("Art. 13"), passport_registry("Art. 8"), passport_registry("Art. 9")),
    record=RecordKind.PASSPORT,
    note=(
        "The registry returns it after an upload. In August 2026 it held no semantic model for batteries, "
        "so it could issue none; how it stands today could not be verified (?). The start on 18 February "
        "2027 and the disclosure class are our reading (?)."
    ),
)

registration_proof: Final = Attribute(
    "registration_proof",
    title="Proof of registration",
    group=Chapter.GENERAL,
    value=structure("registration_proof"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(passport_registry("Art. 9"),),
    record=RecordKind.PASSPORT,
    note=(
        "The registry keeps it for 90 days: fetch and archive it. It holds a hash of the registered "
        "version, so those bytes must be kept unchanged. The start on 18 February 2027 is our reading "
        "(?)."
    ),
)

predecessor_passport_ids: Final = Attribute(
    "predecessor_passport_ids",
    title="Passports of the original battery or batteries",
    group=Chapter.GENERAL,
    value=list_of(uri()),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(HAS_PREDECESSOR)),
    applies=since(2027, 2, 18),
    law=(article("77(7)"),),
    record=RecordKind.PASSPORT,
    note=(
        "Plural by law: one pack may be built from many. The law fixes no audience for it; public is our "
        "choice (?), made knowing that the link shows a change of status."
    ),
)

successor_passport_ids: Final = Attribute(
    "successor_passport_ids",
    title="Passports made from this battery",
    group=Chapter.GENERAL,
    value=list_of(uri()),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("77(7)"),),
    record=RecordKind.PASSPORT,
    note="Lets an old QR code lead on to the valid passport. No text asks for it.",
)

dpp_schema_version: Final = Attribute(
    "dpp_schema_version",
    title="Version of the passport schema",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(PASSPORT_HEADER, Citation("cited standards", Act.CITED_STANDARDS)),
    record=RecordKind.PASSPORT,
    note="The industry list of March 2026 calls the duty a draft; EN 18223 has been cited since.",
)

content_specification_ids: Final = Attribute(
    "content_specification_ids",
    title="Content specifications used",
    group=Chapter.GENERAL,
    value=list_of(uri()),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(PASSPORT_HEADER, passport_registry("Art. 11(3)")),
    record=RecordKind.PASSPORT,
    note=(
        "The registry reads data by the semantic models of its repository; the identifier of the battery "
        "model is not known, nor whether the registry makes the field a duty (?)."
    ),
)

dpp_status: Final = Attribute(
    "dpp_status",
    title="Status of the passport",
    group=Chapter.GENERAL,
    value=member_of(PassportStatus),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(PASSPORT_HEADER, article("77(8)")),
    record=RecordKind.PASSPORT,
    note="Not the status of the battery.",
)

dpp_granularity: Final = Attribute(
    "dpp_granularity",
    title="Granularity of the passport",
    group=Chapter.GENERAL,
    value=one_of("item"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(2)"), passport_registry("Art. 8(2)"), PASSPORT_HEADER),
    record=RecordKind.PASSPORT,
    note="A battery passport is always about one item.",
)

dpp_last_updated_at: Final = Attribute(
    "dpp_last_updated_at",
    title="Last update of the passport",
    group=Chapter.GENERAL,
    value=moment(),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(PASSPORT_HEADER, article("77(4)")),
    record=RecordKind.PASSPORT,
)

dpp_issued_at: Final = Attribute(
    "dpp_issued_at",
    title="Issue of the passport",
    group=Chapter.GENERAL,
    value=moment(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.PASSPORT,
    note="No text asks for it; a signature and a history do.",
)

backup_reference: Final = Attribute(
    "backup_reference",
    title="Back-up copy of the passport",
    group=Chapter.GENERAL,
    value=uri(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(
        ecodesign("Art. 10(4)"),
        ecodesign("Annex III(l)"),
        passport_registry("Art. 8(7)(e)"),
        article("78(e)"),
    ),
    record=RecordKind.PASSPORT,
    note=(
        "The batteries act asks that the passport outlive its operator, not for a back-up by name; "
        "whether the ecodesign duty binds batteries is open (?)."
    ),
)

operator_identifier: Final = Attribute(
    "operator_identifier",
    title="Identifier of the responsible operator",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(
        article("77(3)"),
        article("77(4)"),
        article("3(1)(22)"),
        ecodesign("Art. 2(31)"),
        ecodesign("Art. 12(2)"),
    ),
    record=RecordKind.PASSPORT,
    note=(
        "EORI, VAT number, LEI or GLN. The industry lists keep the code for authorities, while the "
        "guidance point on the responsible party is public; the disclosure class is open (?)."
    ),
)

operator_name: Final = Attribute(
    "operator_name",
    title="Name of the responsible operator",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(3)"), article("77(4)"), article("3(1)(22)")),
    record=RecordKind.PASSPORT,
)

operator_address: Final = Attribute(
    "operator_address",
    title="Address of the responsible operator",
    group=Chapter.GENERAL,
    value=structure("postal_address"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(3)"), article("77(4)")),
    record=RecordKind.PASSPORT,
)

operator_contact: Final = Attribute(
    "operator_contact",
    title="Web and e-mail address of the responsible operator",
    group=Chapter.GENERAL,
    value=structure("contact"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("77(3)"), article("77(4)")),
    record=RecordKind.PASSPORT,
)

operator_role: Final = Attribute(
    "operator_role",
    title="Role of the responsible operator",
    group=Chapter.GENERAL,
    value=one_of(
        "manufacturer",
        "importer",
        "distributor",
        "fulfilment_service_provider",
        "authorised_representative",
        "reuse_operator",
        "repurposer",
        "remanufacturer",
        "producer",
        "producer_responsibility_organisation",
        "waste_management_operator",
    ),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(article("77(4)"), article("77(7)"), article("3(1)(22)"), article("57(1)"), article("57(8)")),
    record=RecordKind.PASSPORT,
    note=(
        "Who is responsible moves with each placing on the market and, for waste, to the producer, its "
        "organisation or the waste operator. The list of roles is ours."
    ),
)

authorised_operator: Final = Attribute(
    "authorised_operator",
    title="Operators authorised in writing",
    group=Chapter.GENERAL,
    value=list_of(structure("authorisation")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("77(4)"), article("78(c)"), article("78(d)")),
    record=RecordKind.PASSPORT,
    note=(
        "Stated where somebody was authorised. Keep the scope, the term and the written authorisation; "
        "such an operator may not sell or re-use the data."
    ),
)

manufacturer_identifier: Final = Attribute(
    "manufacturer_identifier",
    title="Identifier of the manufacturer",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(ecodesign("Art. 12(1)"), ecodesign("Annex III"), article("38(7)")),
    record=RecordKind.PASSPORT,
    note=(
        "The acts ask for name and address; whether they ask for a code is open (?). Read as label "
        "information it would be public; as in the industry lists it is kept for authorities (?)."
    ),
)

manufacturer_name: Final = Attribute(
    "manufacturer_name",
    title="Name of the manufacturer",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 1), article("38(7)")),
    record=RecordKind.PASSPORT,
)

manufacturer_address: Final = Attribute(
    "manufacturer_address",
    title="Address of the manufacturer",
    group=Chapter.GENERAL,
    value=structure("postal_address"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 1), article("38(7)")),
    record=RecordKind.PASSPORT,
)

manufacturer_web: Final = Attribute(
    "manufacturer_web",
    title="Web address of the manufacturer",
    group=Chapter.GENERAL,
    value=uri(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 1), article("38(7)")),
    record=RecordKind.PASSPORT,
    note="Given where there is one.",
)

manufacturer_email: Final = Attribute(
    "manufacturer_email",
    title="E-mail address of the manufacturer",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 1), article("38(7)")),
    record=RecordKind.PASSPORT,
    note="Given where there is one.",
)

facility_identifier: Final = Attribute(
    "facility_identifier",
    title="Identifier of the manufacturing facility",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(ecodesign("Annex III"), ecodesign("Art. 12(2)"), Citation("facility", Act.PASSPORT_IDENTIFIERS)),
    record=RecordKind.PASSPORT,
    note="Also the key by which carbon footprint and recycled shares are told apart.",
)

manufacturing_place: Final = Attribute(
    "manufacturing_place",
    title="Place of manufacture",
    group=Chapter.GENERAL,
    value=structure("place"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 3)),
    record=RecordKind.PASSPORT,
    note="At least the country.",
)

manufacturing_date: Final = Attribute(
    "manufacturing_date",
    title="Date of manufacture",
    group=Chapter.GENERAL,
    value=year_month(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 4), annex_vii("B", 1)),
    record=RecordKind.PASSPORT,
    note="Month and year, as the law asks. A full date elsewhere is never filled by inventing a day.",
)

placed_on_market_date: Final = Attribute(
    "placed_on_market_date",
    title="Date of placing on the market",
    group=Chapter.GENERAL,
    value=day(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"),),
    record=RecordKind.CONDITION,
    note=(
        "Decides which duties apply and when the values of point 4(a) are first due. No text lists it as "
        "a field; it is ours."
    ),
)

putting_into_service_date: Final = Attribute(
    "putting_into_service_date",
    title="Date of putting into service",
    group=Chapter.GENERAL,
    value=day(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=Duty(
        ev=VOLUNTARY, lmt=OWED.where(APPROPRIATE), industrial=VOLUNTARY, stationary=OWED.where(APPROPRIATE)
    ),
    applies=since(2027, 2, 18),
    law=(annex_vii("B", 1), article("14(1)")),
    record=RecordKind.CONDITION,
    note="Kept by the BMS under Annex VII; the Commission's data points do not list it.",
)

warranty_period: Final = Attribute(
    "warranty_period",
    title="Commercial warranty for the calendar life",
    group=Chapter.GENERAL,
    value=duration_months(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(WARRANTY_GIVEN)),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(m)"),),
    record=RecordKind.PASSPORT,
    note="A length of time, not an end date.",
)

battery_category: Final = Attribute(
    "battery_category",
    title="Battery category",
    group=Chapter.GENERAL,
    value=member_of(Category),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 2), article("3(1)(11)"), article("3(1)(13)"), article("3(1)(14)")),
    record=RecordKind.PASSPORT,
    note=(
        "Stationary storage is an industrial battery by law. Where several categories fit, the strictest "
        "rules hold (Art. 1(3)); repurposing may change it (Art. 45). The numbers of the definitions are "
        "from secondary tables (?)."
    ),
)

industrial_subtype: Final = Attribute(
    "industrial_subtype",
    title="Kind of industrial battery",
    group=Chapter.GENERAL,
    value=one_of("stationary", "other", "without_bms", "external_storage"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=Duty(ev=NOT_APPLICABLE, lmt=NOT_APPLICABLE, industrial=VOLUNTARY, stationary=VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("3(1)(13)"), article("3(1)(15)"), article("7"), article("8"), article("14")),
    record=RecordKind.PASSPORT,
    note=(
        "Our own field. Without it the rules that depend on it cannot be decided: Annex VII for "
        "stationary storage alone, other dates for external storage, a smaller set without a BMS."
    ),
)

battery_mass: Final = Attribute(
    "battery_mass",
    title="Mass",
    group=Chapter.GENERAL,
    value=number(Unit.KILOGRAM, above=0),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("1(a)"), annex_vi("A", 5)),
    record=RecordKind.PASSPORT,
)

battery_status: Final = Attribute(
    "battery_status",
    title="Status of the battery",
    group=Chapter.GENERAL,
    value=member_of(BatteryStatus),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(c)"),),
    record=RecordKind.CONDITION,
    note=(
        "Spelt as the law spells it. A repaired battery keeps its status. Which word holds after the two "
        "preparations is not written (?)."
    ),
)

status_history: Final = Attribute(
    "status_history",
    title="Changes of status",
    group=Chapter.GENERAL,
    value=list_of(structure("status_change")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(annex_xiii("4(a)"), annex_xiii("4(c)"), article("77(7)")),
    record=RecordKind.CONDITION,
    note="Each change of status asks for the values of point 4(a) anew, so each keeps its own snapshot.",
)

second_life_operation: Final = Attribute(
    "second_life_operation",
    title="Operation that gave the battery its new life",
    group=Chapter.GENERAL,
    value=one_of("preparation_for_reuse", "preparation_for_repurposing", "repurposing", "remanufacturing"),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(OWED.where(HAS_PREDECESSOR)),
    applies=since(2027, 2, 18),
    law=(article("77(7)"), article("3(1)(29) to (32)")),
    record=RecordKind.PASSPORT,
    note=(
        "The two preparations start from waste, repurposing does not. Remanufacturing needs at least 90 % "
        "of the original rated capacity and cells that differ by at most 3 % in health."
    ),
)

repair_history: Final = Attribute(
    "repair_history",
    title="Repairs and replaced parts",
    group=Chapter.GENERAL,
    value=list_of(structure("repair")),
    level=Level.ITEM,
    updates=True,
    disclosure=Disclosure.INDIVIDUAL,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.PASSPORT,
    note="A repair is written down without a new status.",
)

passport_ceased_at: Final = Attribute(
    "passport_ceased_at",
    title="Date on which the passport ceased",
    group=Chapter.GENERAL,
    value=day(),
    level=Level.ITEM,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(RECYCLED)),
    applies=since(2027, 2, 18),
    law=(article("77(8)"),),
    record=RecordKind.PASSPORT,
    note=(
        "The passport ends after recycling; class data stay readable. Whether the expiry date of Catena-X "
        "means the same is open (?)."
    ),
)

commodity_code: Final = Attribute(
    "commodity_code",
    title="Customs commodity code",
    group=Chapter.GENERAL,
    value=text(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(ecodesign("Art. 13"), ecodesign("Art. 15"), passport_registry("Art. 8(7)")),
    record=RecordKind.PASSPORT,
    note=(
        "TARIC, ten digits. Whether batteries need one in the Union is open (?); the registry checks it "
        "where given."
    ),
)

data_carrier: Final = Attribute(
    "data_carrier",
    title="Data carrier",
    group=Chapter.GENERAL,
    value=structure("data_carrier"),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("13(6)"), article("13(7)"), article("77(3)"), annex_vi("C")),
    record=RecordKind.PASSPORT,
    note="QR code by ISO/IEC 18004 on the battery, else on packaging and documents.",
)
