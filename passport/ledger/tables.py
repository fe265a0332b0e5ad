"""The ledger's tables. The battery comes first in every key, and nothing refers across batteries.

Times are text, aware and UTC (`2026-11-20T12:00:00Z`); documents are the exact bytes. Tables named in
`APPEND_ONLY` refuse UPDATE and DELETE by trigger: what was signed, logged or declared stays as it was.
Model objects are for schema and for admin-rate writes; hot paths use `exec_driver_sql`.
"""

from typing import Final

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Column, Field, SQLModel


class FixedRow(SQLModel, table=True):
    """What is decided once for an installation, such as the public URL that codes are printed with."""

    __tablename__ = "fixed"

    name: str = Field(primary_key=True)
    value: str
    fixed_at: str


class OperatorRow(SQLModel, table=True):
    """An economic operator: whose key signs, whose log grows."""

    __tablename__ = "operator"

    id: str = Field(primary_key=True)
    name: str
    simulated: bool
    created_at: str


class OperatorKeyRow(SQLModel, table=True):
    """A public key of an operator with its life; retired keys stay published for ever."""

    __tablename__ = "operator_key"

    operator: str = Field(primary_key=True)
    kid: str = Field(primary_key=True)
    purpose: str  # "record" (ES256) or "log" (Ed25519, checkpoints)
    public_key: str  # JWK with its issuer as JSON text; for a log key its C2SP verifier key
    valid_from: str
    retired_at: str | None
    revoked_at: str | None
    revoked_log_size: int | None  # leaves in the log at that moment; records before it stay good


class BatteryRow(SQLModel, table=True):
    """One individual battery and its passport."""

    __tablename__ = "battery"

    id: str = Field(primary_key=True)
    passport_id: str = Field(unique=True)
    operator: str = Field(index=True)
    identifier: str = Field(unique=True)  # canonical path of its GS1 Digital Link
    category: str
    placed_on: str | None  # day of placing on the market; None while it is not known
    model: str | None = Field(default=None, index=True)  # product whose facts hold for it too
    batch: str | None = Field(default=None, index=True)  # likewise
    simulated: bool
    passport_status: str
    notice_revision: int  # grows with every notice that must show on the page
    created_at: str


class DeclarationRow(SQLModel, table=True):
    """All declared facts of a battery as they stood from one moment; the newest revision counts."""

    __tablename__ = "declaration"

    battery: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    at: str
    by: str
    facts: bytes  # JSON object: attribute id to value, numbers as decimal strings
    circumstances: str | None  # JSON object: condition to whether it holds; None where none is stated


class ProductRow(SQLModel, table=True):
    """A model, or a batch of one: what many batteries have in common."""

    __tablename__ = "product"
    __table_args__ = (Index("product_name", "operator", "level", "parent", "name", unique=True),)

    id: str = Field(primary_key=True)
    operator: str
    level: str  # "model" or "batch"
    parent: str  # id of a batch's model; empty for a model
    name: str  # model identifier or batch number
    created_at: str


class ProductDeclarationRow(SQLModel, table=True):
    """All declared facts of a model or batch as they stood from one moment; the newest revision counts."""

    __tablename__ = "product_declaration"

    product: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    at: str
    by: str
    facts: bytes  # as in `declaration`
    circumstances: str | None


class CommissioningRow(SQLModel, table=True):
    """From when to when a source's component spoke for a battery."""

    __tablename__ = "commissioning"
    __table_args__ = (
        Index(
            "commissioning_open",
            "source",
            "component",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    component: str = Field(primary_key=True)  # empty for the whole device
    since: str = Field(primary_key=True)
    until: str | None
    node: str | None  # part of the component tree that the source sits on; None where none was named
    serial: str | None  # of the device, as read or typed at commissioning
    address: str | None  # where it was on its bus: an observation, never an identity


class InspectorRow(SQLModel, table=True):
    """Somebody whose signed findings count, by the thumbprint of the key."""

    __tablename__ = "inspector"

    kid: str = Field(primary_key=True)
    name: str
    qualification: str
    jwk: str  # public JWK as JSON text
    since: str
    until: str | None


class InspectionRow(SQLModel, table=True):
    """A signed inspection of a battery."""

    __tablename__ = "inspection"

    battery: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)  # SHA-256 of the token, hex
    inspector: str  # kid
    inspected_at: str
    filed_at: str
    token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CommissioningStatementRow(SQLModel, table=True):
    """The operator's signature under the beginning or the end of a commissioning."""

    __tablename__ = "commissioning_statement"

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    component: str = Field(primary_key=True)
    since: str = Field(primary_key=True)
    act: str = Field(primary_key=True)  # "opened" or "closed"
    token: bytes  # compact JWS, `passport.signing.statements`


class NodeRow(SQLModel, table=True):
    """A part of an installation: from the whole site down to a group of cells."""

    __tablename__ = "node"

    id: str = Field(primary_key=True)
    kind: str
    name: str
    serial: str | None
    cells: int | None  # in series within it, where it is known
    battery: str | None = Field(unique=True)  # the part that was placed on the market as a battery
    created_at: str


class NodePlaceRow(SQLModel, table=True):
    """From when to when a part was in another one."""

    __tablename__ = "node_place"
    __table_args__ = (
        Index(
            "node_place_open",
            "node",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("node_place_parent", "parent"),
    )

    node: str = Field(primary_key=True)
    since: str = Field(primary_key=True)
    parent: str
    position: int | None  # counted from 1 along the wiring; None where it is not known
    until: str | None


class LifecycleStateRow(SQLModel, table=True):
    """The folded state of a battery; it can be made again from the journal at any time."""

    __tablename__ = "lifecycle_state"

    battery: str = Field(primary_key=True)
    data: bytes
    last_arrival: int
    updated_at: str


class DirtyRow(SQLModel, table=True):
    """A battery whose state is older than its journal."""

    __tablename__ = "dirty"

    battery: str = Field(primary_key=True)
    since: str = Field(index=True)


class LifeEventRow(SQLModel, table=True):
    """One thing that happened to a battery or its passport; the newest statuses are where they stand."""

    __tablename__ = "life_event"

    battery: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)  # from 1, without gaps
    at: str  # when it happened, as told
    recorded_at: str
    kind: str
    by: str
    battery_status: str | None  # after it; None where it says nothing of that
    passport_status: str | None  # likewise
    detail: str  # JSON object


class LifeLinkRow(SQLModel, table=True):
    """A battery goes on as another, seen from either side."""

    __tablename__ = "life_link"
    __table_args__ = (Index("life_link_other", "other", "relation"),)

    battery: str = Field(primary_key=True)
    relation: str = Field(primary_key=True)  # what the other is of it: "predecessor" or "successor"
    address: str = Field(primary_key=True)  # of the other's passport
    other: str | None  # battery id; None where the other is kept by another service
    operation: str
    record_url: str | None  # of the predecessor's record that is quoted; None where none is at hand
    record_sri: str | None
    jwt: bytes | None  # its signed part, where the other is kept elsewhere
    at: str


class NoticeRow(SQLModel, table=True):
    """A recall, a safety notice or information on a model, a batch or one battery; it ends, and stays."""

    __tablename__ = "notice"

    id: str = Field(primary_key=True)
    target: str = Field(index=True)  # id of a product or a battery
    level: str  # "model", "batch" or "item"
    operator: str
    kind: str  # "recall", "safety" or "information"
    title: str
    text: str
    url: str | None
    language: str
    since: str
    ended_at: str | None
    ended_why: str | None


class LearnedRow(SQLModel, table=True):
    """What was learned from one operator's batteries, and used for no other's; the newest revision counts."""

    __tablename__ = "learned"

    operator: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)  # "windows" of a model, "calibration" of the whole fleet
    model: str = Field(primary_key=True)  # its id; empty for the whole fleet
    revision: int = Field(primary_key=True)
    digest: str  # of the body, as method ids name it
    at: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # canonical JSON


class HandoverOfferRow(SQLModel, table=True):
    """A signed offer of responsibility for a battery."""

    __tablename__ = "handover_offer"

    battery: str = Field(primary_key=True)
    id: str = Field(primary_key=True)  # hex SHA-256 of the statement
    giver: str
    taker: str
    role: str
    at: str
    expires_at: str
    statement: bytes


class HandoverEndRow(SQLModel, table=True):
    """The signed acceptance or withdrawal of an offer; it has one of them at most."""

    __tablename__ = "handover_end"

    battery: str = Field(primary_key=True)
    offer: str = Field(primary_key=True)
    kind: str  # "acceptance" or "withdrawal"
    at: str
    statement: bytes


class BatteryOperatorRow(SQLModel, table=True):
    """Who answered for a battery from when to when; written once responsibility was handed over."""

    __tablename__ = "battery_operator"

    battery: str = Field(primary_key=True)
    since: str = Field(primary_key=True)
    operator: str
    until: str | None
    offer: str | None  # by which it came


class StatusSnapshotRow(SQLModel, table=True):
    """The values of Annex XIII 4(a) as they stood at placing on the market and at a change of status."""

    __tablename__ = "status_snapshot"

    battery: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    occasion: str  # "placing_on_the_market" or the act
    at: str
    battery_status: str | None
    facts: bytes  # JSON object: attribute id to stated value on the wire


class DueVersionRow(SQLModel, table=True):
    """A version that an act asks for; gone once one of that kind is released."""

    __tablename__ = "due_version"

    battery: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    since: str = Field(index=True)
    place: int  # among those of one act: a new passport comes before the originals that lead on to it
    incomplete: str | None  # the reason under which it may be issued


class IntentRow(SQLModel, table=True):
    """A version on its way: reserved, perhaps signed, not yet visible. Gone once the version is released."""

    __tablename__ = "intent"
    __table_args__ = (
        # At most one version of a kind is on its way: the second of two racing issuers meets this index.
        Index(
            "intent_open",
            "battery",
            "kind",
            unique=True,
            sqlite_where=text("void_reason IS NULL"),
            postgresql_where=text("void_reason IS NULL"),
        ),
    )

    battery: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    kind: str
    version: int
    operator: str
    opened_at: str
    waiting: bool  # whoever opened it gave up; anybody may finish it
    valid_until: str | None
    status_list: int
    status_index: int
    voluntary: bool
    incomplete: str | None
    simulated: bool
    registry_version: str
    payload: bytes  # the exact bytes to be signed; empty once void
    disclosures: bytes  # JSON list of [attribute, encoded, digest]; empty once void
    void_reason: str | None


class VersionRow(SQLModel, table=True):
    """A released version: the exact bytes that were signed, and where they stand in the log."""

    __tablename__ = "version"
    __table_args__ = (Index("version_leaf", "operator", "leaf_index", unique=True),)

    battery: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    record_id: str = Field(unique=True)
    operator: str
    kid: str
    registry_version: str
    issued_at: str
    valid_until: str | None
    sha256: str  # hex, of `jwt`
    jwt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    leaf_index: int
    status_list: int
    status_index: int
    voluntary: bool
    incomplete: str | None
    simulated: bool


class DisclosureRow(SQLModel, table=True):
    """One salted disclosure of a version; it can be erased without touching the version."""

    __tablename__ = "disclosure"

    battery: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    attribute: str = Field(primary_key=True)
    encoded: str | None  # None once erased
    erased_at: str | None
    erased_why: str | None


class LogLeafRow(SQLModel, table=True):
    """One leaf of an operator's transparency log: which version it is."""

    __tablename__ = "log_leaf"

    operator: str = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True)
    leaf_hash: bytes
    battery: str
    kind: str
    version: int


class LogNodeRow(SQLModel, table=True):
    """A complete inner node of the tree, so that a leaf or a proof costs its height and not its width."""

    __tablename__ = "log_node"

    operator: str = Field(primary_key=True)
    level: int = Field(primary_key=True)  # 1 joins two leaves
    node_index: int = Field(primary_key=True)
    hash: bytes


class CheckpointRow(SQLModel, table=True):
    """A signed statement on size and root of an operator's log."""

    __tablename__ = "checkpoint"

    operator: str = Field(primary_key=True)
    size: int = Field(primary_key=True)
    root: bytes
    note: bytes
    at: str


class StatusEntryRow(SQLModel, table=True):
    """The place of a version in a status list, drawn at random so that a fetched list names no battery."""

    __tablename__ = "status_entry"
    __table_args__ = (
        # A list is signed for whoever asks; what is revoked in it is little.
        Index(
            "status_entry_revoked",
            "operator",
            "status_list",
            "revoked_at",
            sqlite_where=text("revoked_at IS NOT NULL"),
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
    )

    operator: str = Field(primary_key=True)
    status_list: int = Field(primary_key=True)
    status_index: int = Field(primary_key=True)
    record_id: str = Field(unique=True)
    revoked_at: str | None
    reason: str | None


class DocumentRow(SQLModel, table=True):
    """The bytes of a document, once, whoever brought them how often. Taken away they leave their digest."""

    __tablename__ = "document"

    sha256: str = Field(primary_key=True)  # hex
    media_type: str
    about: str  # what was seen when it was checked: `PDF, 3 pages`
    size: int
    content: bytes | None  # None once erased
    added_at: str
    erased_at: str | None


class DocumentEditionRow(SQLModel, table=True):
    """What a document is to an operator: title, language, version, and who may read it."""

    __tablename__ = "document_edition"

    id: str = Field(primary_key=True)
    operator: str = Field(index=True)
    sha256: str = Field(index=True)
    kind: str
    title: str
    language: str  # BCP 47
    version: str
    disclosure: str
    file_name: str = Field(index=True)  # as it came, without folders
    supersedes: str | None  # id of the edition whose place it takes
    added_at: str
    by: str


class DocumentWithdrawalRow(SQLModel, table=True):
    """An edition is not served any more. The newest number is part of the key of stored pages."""

    __tablename__ = "document_withdrawal"

    number: int = Field(primary_key=True)
    edition: str = Field(unique=True)
    at: str
    by: str
    why: str


class ApiKeyRow(SQLModel, table=True):
    """A key for reading or for intake; only its digest is kept."""

    __tablename__ = "api_key"

    handle: str = Field(primary_key=True)
    key_sha256: str
    key_right: str
    audience: str | None
    purpose: str
    operator: str | None
    battery: str | None
    created_at: str
    expires_at: str
    revoked_at: str | None


class WebSessionRow(SQLModel, table=True):
    """A signed-in reader of the recyclers' pages; only the digest of its token is kept."""

    __tablename__ = "web_session"

    token_sha256: str = Field(primary_key=True)
    handle: str
    created_at: str
    expires_at: str = Field(index=True)


class PageCacheRow(SQLModel, table=True):
    """A rendered page, compressed; the key names everything that its bytes depend on."""

    __tablename__ = "page_cache"

    battery: str = Field(primary_key=True)
    record_sha256: str = Field(primary_key=True)
    passport_status: str = Field(primary_key=True)
    notice_revision: int = Field(primary_key=True)
    language: str = Field(primary_key=True)
    template: str = Field(primary_key=True)
    gzip: bytes
    brotli: bytes
    etag: str


class BatterySearchRow(SQLModel, table=True):
    """What may be searched, typed: integers in the units of `passport.search.FIELDS`; None is unknown."""

    __tablename__ = "battery_search"
    __table_args__ = (
        # One for each field of `passport.search.FIELDS`: it is walked in its order, and probed.
        *(
            Index(f"battery_search_{name}", name, "battery")
            for name in (
                "category",
                "chemistry",
                "manufacturer",
                "model",
                "rated_energy",
                "rated_capacity",
                "nominal_voltage",
                "mass",
                "region",
                "nickel",
                "cobalt",
                "lithium",
                "battery_status",
                "state_of_charge",
                "full_cycles",
                "temperature",
                "health",
                "health_low",
                "calibrated",
                "verdict",
                "grade",
                "score",
                "use",
                "possible_use",
                "remaining_years",
                "value",
                "offered_since",
                "offered_until",
            )
        ),
        Index("battery_search_chemistry_energy", "chemistry", "rated_energy", "battery"),
        Index("battery_search_category_energy", "category", "rated_energy", "battery"),
        Index("battery_search_operator", "operator", "battery"),
        Index("battery_search_passport", "passport_id"),
        Index("battery_search_changed", "changed"),
    )

    battery: str = Field(primary_key=True)
    passport_id: str
    identifier: str
    operator: str
    category: str
    simulated: bool
    chemistry: str | None
    manufacturer: str | None
    model: str | None
    rated_energy: int | None
    rated_capacity: int | None
    nominal_voltage: int | None
    mass: int | None
    battery_status: str | None
    state_of_charge: int | None
    full_cycles: int | None
    temperature: int | None
    condition_at: str | None
    verdict: str | None
    inspect: str | None  # JSON list of sentences
    region: str | None
    contact: str | None
    nickel: int | None
    cobalt: int | None
    lithium: int | None
    metals_from: str | None  # a `Source`: declared or computed
    health: int | None
    health_low: int | None
    calibrated: str | None
    grade: str | None
    score: int | None
    use: str | None  # ids of the uses it is fit for, sorted, a blank between them
    remaining_years: int | None
    value: int | None
    offered_since: int | None  # ordinal of the day
    offered_until: int | None
    offer: str | None  # JSON as results show it
    possible_use: str | None  # likewise, with those that nothing excludes yet
    changed: int | None  # counts writings of rows; a saved search looks only at what changed since


class OfferRow(SQLModel, table=True):
    """An offer for sale or its withdrawal; the newest of a battery holds."""

    __tablename__ = "offer"

    battery: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    operator: str
    at: str
    until: str | None  # day; None in a withdrawal
    price: str | None  # euro
    contact: str | None


class SavedSearchRow(SQLModel, table=True):
    """A question that is kept under a key, with the webhook that is told of new matches."""

    __tablename__ = "saved_search"

    id: str = Field(primary_key=True)
    name: str
    handle: str
    question: str  # JSON list of names and texts
    url: str
    created_at: str
    seen: int  # rows of search that were written up to here were looked at


class SavedMatchRow(SQLModel, table=True):
    """A battery that was new to a saved search once."""

    __tablename__ = "saved_match"

    search: str = Field(primary_key=True)
    battery: str = Field(primary_key=True)
    at: str


class DeliveryRow(SQLModel, table=True):
    """A message to a webhook: what it says, and what became of it."""

    __tablename__ = "delivery"
    __table_args__ = (Index("delivery_due", "state", "next_at"),)

    id: int | None = Field(default=None, primary_key=True)
    search: str
    batteries: int
    body: bytes
    made_at: str
    attempts: int
    next_at: str | None
    state: str
    told: str


class AuditRow(SQLModel, table=True):
    """Who did or read what, and for which purpose; never from which address."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_battery", "battery", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    at: str
    actor: str
    action: str
    battery: str | None
    audience: str | None
    purpose: str | None
    detail: str


class RegistrationAttemptRow(SQLModel, table=True):
    """A battery on its way into the Union's registry: written before anybody is asked."""

    __tablename__ = "registration_attempt"
    __table_args__ = (
        # At most one is on its way: what was perhaps sent is sent again as it was, never a second time anew.
        Index(
            "registration_attempt_open",
            "battery",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    battery: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    operator: str
    registry_url: str
    idempotency_key: str
    record_id: str  # the newest passport when it was opened
    version: int
    sha256: str
    body: bytes  # exactly what is sent
    opened_at: str
    submitted_at: str | None  # accepted for examination; the identifier comes later
    correlation: str | None  # under which the registry speaks of the submission
    closed_at: str | None
    outcome: str | None  # "registered" or "refused"
    detail: str | None


class RegistrationRow(SQLModel, table=True):
    """That a battery is in the Union's registry; one row for one battery, for good."""

    __tablename__ = "registration"

    battery: str = Field(primary_key=True)
    operator: str
    registry_url: str
    registration_id: str
    registered_at: str | None  # not later than the truth; None where nobody knows
    how: str  # "answered", "found" or "stated"
    record_id: str  # the newest passport when it was registered
    version: int
    sha256: str
    entry: bytes  # JSON object: what was sent
    known_at: str


class RegistrationProofRow(SQLModel, table=True):
    """A proof of registration as it came, kept because the registry does not keep it."""

    __tablename__ = "registration_proof"

    battery: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    registration_id: str
    media_type: str
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sha256: str  # hex, of `content`
    origin: str  # "registry" or "file"
    fetched_at: str
    expires_at: str | None  # until when the registry gives it; None where nobody knows


class ProofMissingRow(SQLModel, table=True):
    """A registered battery whose proof is not archived yet."""

    __tablename__ = "proof_missing"

    battery: str = Field(primary_key=True)
    expires_at: str | None = Field(index=True)


TABLES: Final[tuple[type[SQLModel], ...]] = (
    FixedRow,
    OperatorRow,
    OperatorKeyRow,
    BatteryRow,
    DeclarationRow,
    ProductRow,
    ProductDeclarationRow,
    CommissioningRow,
    CommissioningStatementRow,
    NodeRow,
    NodePlaceRow,
    LifecycleStateRow,
    DirtyRow,
    LifeEventRow,
    LifeLinkRow,
    NoticeRow,
    HandoverOfferRow,
    HandoverEndRow,
    BatteryOperatorRow,
    StatusSnapshotRow,
    DueVersionRow,
    IntentRow,
    VersionRow,
    DisclosureRow,
    LogLeafRow,
    LogNodeRow,
    CheckpointRow,
    StatusEntryRow,
    DocumentRow,
    DocumentEditionRow,
    DocumentWithdrawalRow,
    ApiKeyRow,
    WebSessionRow,
    PageCacheRow,
    BatterySearchRow,
    OfferRow,
    SavedSearchRow,
    SavedMatchRow,
    DeliveryRow,
    AuditRow,
    LearnedRow,
    RegistrationAttemptRow,
    RegistrationRow,
    RegistrationProofRow,
    ProofMissingRow,
)
NAMES: Final = frozenset(str(table.__tablename__) for table in TABLES)

APPEND_ONLY: Final = (
    "fixed",
    "declaration",
    "product_declaration",
    "commissioning_statement",
    "inspection",
    "offer",
    "life_event",
    "life_link",
    "status_snapshot",
    "handover_offer",
    "handover_end",
    "learned",
    "version",
    "log_leaf",
    "log_node",
    "checkpoint",
    "document_edition",
    "document_withdrawal",
    "audit",
    "registration",
    "registration_proof",
)
"""Tables whose rows are added, never changed and never taken away."""
