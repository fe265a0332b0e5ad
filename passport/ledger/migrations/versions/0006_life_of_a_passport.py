"""The life of a passport: what happened, what it goes on as, snapshots, and versions that are due."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = ("life_event", "life_link", "status_snapshot")


def upgrade() -> None:
    op.create_table(
        "life_event",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("battery_status", sa.String(), nullable=True),
        sa.Column("passport_status", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "sequence"),
    )
    op.create_table(
        "life_link",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=True),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("record_url", sa.String(), nullable=True),
        sa.Column("record_sri", sa.String(), nullable=True),
        sa.Column("jwt", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "relation", "address"),
    )
    op.create_index("life_link_other", "life_link", ["other", "relation"], unique=False)
    op.create_table(
        "status_snapshot",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("battery_status", sa.String(), nullable=True),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "sequence"),
    )
    op.create_table(
        "due_version",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("incomplete", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "kind"),
    )
    op.create_index(op.f("ix_due_version_since"), "due_version", ["since"], unique=False)
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
            )
