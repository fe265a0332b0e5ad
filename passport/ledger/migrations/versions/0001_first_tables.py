"""The first tables of the ledger, and the triggers that keep its history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("fixed", "declaration", "version", "log_leaf", "log_node", "checkpoint", "audit")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("key_sha256", sa.String(), nullable=False),
        sa.Column("key_right", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=True),
        sa.Column("battery", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("handle"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("battery", sa.String(), nullable=True),
        sa.Column("audience", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_battery", "audit", ["battery", "at"], unique=False)
    op.create_table(
        "battery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("passport_id", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("placed_on", sa.String(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("passport_status", sa.String(), nullable=False),
        sa.Column("notice_revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identifier"),
        sa.UniqueConstraint("passport_id"),
    )
    op.create_index(op.f("ix_battery_operator"), "battery", ["operator"], unique=False)
    op.create_table(
        "battery_search",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("passport_id", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("chemistry", sa.String(), nullable=True),
        sa.Column("manufacturer", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("rated_energy", sa.Integer(), nullable=True),
        sa.Column("rated_capacity", sa.Integer(), nullable=True),
        sa.Column("nominal_voltage", sa.Integer(), nullable=True),
        sa.Column("mass", sa.Integer(), nullable=True),
        sa.Column("battery_status", sa.String(), nullable=True),
        sa.Column("state_of_charge", sa.Integer(), nullable=True),
        sa.Column("full_cycles", sa.Integer(), nullable=True),
        sa.Column("temperature", sa.Integer(), nullable=True),
        sa.Column("condition_at", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("inspect", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery"),
    )
    op.create_index(
        "battery_search_category_energy",
        "battery_search",
        ["category", "rated_energy", "battery"],
        unique=False,
    )
    op.create_index(
        "battery_search_chemistry_energy",
        "battery_search",
        ["chemistry", "rated_energy", "battery"],
        unique=False,
    )
    op.create_index("battery_search_full_cycles", "battery_search", ["full_cycles", "battery"], unique=False)
    op.create_index("battery_search_manufacturer", "battery_search", ["manufacturer", "model"], unique=False)
    op.create_index("battery_search_mass", "battery_search", ["mass", "battery"], unique=False)
    op.create_index("battery_search_model", "battery_search", ["model", "battery"], unique=False)
    op.create_index(
        "battery_search_nominal_voltage", "battery_search", ["nominal_voltage", "battery"], unique=False
    )
    op.create_index("battery_search_operator", "battery_search", ["operator", "battery"], unique=False)
    op.create_index(
        "battery_search_rated_capacity", "battery_search", ["rated_capacity", "battery"], unique=False
    )
    op.create_index(
        "battery_search_rated_energy", "battery_search", ["rated_energy", "battery"], unique=False
    )
    op.create_index(
        "battery_search_state_of_charge", "battery_search", ["state_of_charge", "battery"], unique=False
    )
    op.create_index("battery_search_temperature", "battery_search", ["temperature", "battery"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("operator", "size"),
    )
    op.create_table(
        "commissioning",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "source", "component", "since"),
    )
    op.create_index(
        "commissioning_open",
        "commissioning",
        ["source", "component"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "declaration",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "revision"),
    )
    op.create_table(
        "dirty",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery"),
    )
    op.create_index(op.f("ix_dirty_since"), "dirty", ["since"], unique=False)
    op.create_table(
        "disclosure",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.String(), nullable=False),
        sa.Column("encoded", sa.String(), nullable=True),
        sa.Column("erased_at", sa.String(), nullable=True),
        sa.Column("erased_why", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "kind", "version", "attribute"),
    )
    op.create_table(
        "fixed",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("fixed_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "intent",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("valid_until", sa.String(), nullable=True),
        sa.Column("status_list", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("voluntary", sa.Boolean(), nullable=False),
        sa.Column("incomplete", sa.String(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("registry_version", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("disclosures", sa.LargeBinary(), nullable=False),
        sa.Column("void_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "record_id"),
    )
    op.create_index(
        "intent_open",
        "intent",
        ["battery", "kind"],
        unique=True,
        sqlite_where=sa.text("void_reason IS NULL"),
        postgresql_where=sa.text("void_reason IS NULL"),
    )
    op.create_table(
        "lifecycle_state",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("last_arrival", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery"),
    )
    op.create_table(
        "log_leaf",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("operator", "leaf_index"),
    )
    op.create_table(
        "log_node",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("node_index", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("operator", "level", "node_index"),
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "operator_key",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("valid_from", sa.String(), nullable=False),
        sa.Column("retired_at", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.String(), nullable=True),
        sa.Column("revoked_log_size", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("operator", "kid"),
    )
    op.create_table(
        "page_cache",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("record_sha256", sa.String(), nullable=False),
        sa.Column("passport_status", sa.String(), nullable=False),
        sa.Column("notice_revision", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("gzip", sa.LargeBinary(), nullable=False),
        sa.Column("brotli", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint(
            "battery", "record_sha256", "passport_status", "notice_revision", "language", "template"
        ),
    )
    op.create_table(
        "status_entry",
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("status_list", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("operator", "status_list", "status_index"),
        sa.UniqueConstraint("record_id"),
    )
    op.create_index(
        "status_entry_revoked",
        "status_entry",
        ["operator", "status_list", "revoked_at"],
        unique=False,
        sqlite_where=sa.text("revoked_at IS NOT NULL"),
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.create_table(
        "version",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("registry_version", sa.String(), nullable=False),
        sa.Column("issued_at", sa.String(), nullable=False),
        sa.Column("valid_until", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("jwt", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("status_list", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("voluntary", sa.Boolean(), nullable=False),
        sa.Column("incomplete", sa.String(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "kind", "version"),
        sa.UniqueConstraint("record_id"),
    )
    op.create_index("version_leaf", "version", ["operator", "leaf_index"], unique=True)
    op.create_table(
        "web_session",
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256"),
    )
    op.create_index(op.f("ix_web_session_expires_at"), "web_session", ["expires_at"], unique=False)

    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
            )
