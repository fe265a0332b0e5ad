"""Responsibility handed over: offers, their ends, and who answered for a battery when."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

APPEND_ONLY = ("handover_offer", "handover_end")


def upgrade() -> None:
    op.create_table(
        "handover_offer",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("giver", sa.String(), nullable=False),
        sa.Column("taker", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "id"),
    )
    op.create_table(
        "handover_end",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("offer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "offer"),
    )
    op.create_table(
        "battery_operator",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=True),
        sa.Column("offer", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "since"),
    )
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
            )
