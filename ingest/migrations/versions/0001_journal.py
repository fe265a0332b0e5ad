"""The journal: chunks, epochs, sources, receipts, refusals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "telemetry_chunk",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("arrival", sa.BigInteger(), nullable=False),
        sa.Column("enc", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "source", "epoch", "first_sequence"),
    )
    op.create_index("telemetry_chunk_arrival", "telemetry_chunk", ["battery", "arrival"])
    op.create_table(
        "telemetry_epoch",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("absolute", sa.Boolean(), nullable=False),
        sa.Column("first_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=True),
        sa.Column("woven", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "source", "epoch"),
    )
    op.create_table(
        "telemetry_source",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("usual_period_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "source"),
    )
    op.create_table(
        "receipt",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "source", "epoch", "first_sequence", "digest"),
    )
    op.create_table(
        "intake_conflict",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("columns", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "source", "epoch", "sequence", "digest"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in ("receipt", "intake_conflict"):
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
