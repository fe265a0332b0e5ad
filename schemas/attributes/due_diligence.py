"""Responsible sourcing of Chapter VII."""

from typing import Final

from schemas.attribute import OWED, VOLUNTARY, Attribute, Chapter, everyone, since
from schemas.citation import annex_xiii, article
from schemas.conditions import DUE_DILIGENCE_BOUND
from schemas.terms import Disclosure, Level, RecordKind
from schemas.values import document, flag, list_of, structure

due_diligence_report_url: Final = Attribute(
    "due_diligence_report_url",
    title="Due diligence report",
    group=Chapter.DUE_DILIGENCE,
    value=document(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(OWED.where(DUE_DILIGENCE_BOUND)),
    applies=since(2027, 8, 18, stays_empty_before=True),
    law=(annex_xiii("1(d)"), article("52(3)"), article("48(1)")),
    record=RecordKind.PASSPORT,
    note=(
        "Due diligence starts on 18 August 2027 by Regulation (EU) 2025/1561; operators with less than "
        "EUR 40 million turnover are exempt."
    ),
)

due_diligence_exempt: Final = Attribute(
    "due_diligence_exempt",
    title="Exempt from due diligence",
    group=Chapter.DUE_DILIGENCE,
    value=flag(),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.AUTHORITIES,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("47"),),
    record=RecordKind.PASSPORT,
    note="Our own field: explains why the report is absent.",
)

third_party_assurances: Final = Attribute(
    "third_party_assurances",
    title="Assurances of recognised schemes",
    group=Chapter.DUE_DILIGENCE,
    value=list_of(document()),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(article("49(1)(d)"),),
    record=RecordKind.PASSPORT,
)

supply_chain_indices: Final = Attribute(
    "supply_chain_indices",
    title="Supply chain indices",
    group=Chapter.DUE_DILIGENCE,
    value=list_of(structure("index")),
    level=Level.MODEL,
    updates=False,
    disclosure=Disclosure.PUBLIC,
    duty=everyone(VOLUNTARY),
    applies=since(2027, 2, 18),
    law=(),
    record=RecordKind.PASSPORT,
    note="Name, value and scale of each.",
)
