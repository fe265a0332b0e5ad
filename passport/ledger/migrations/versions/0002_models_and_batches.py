"""Models and batches, whose facts hold for every battery of theirs; circumstances beside facts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("product_name", "product", ["operator", "level", "parent", "name"], unique=True)
    op.create_table(
        "product_declaration",
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("circumstances", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("product", "revision"),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER product_declaration_no_{verb.lower()} BEFORE {verb} ON product_declaration"
            f" BEGIN SELECT RAISE(ABORT, 'product_declaration is append-only: {verb} refused'); END"
        )
    op.add_column("declaration", sa.Column("circumstances", sa.String(), nullable=True))
    op.add_column("battery", sa.Column("model", sa.String(), nullable=True))
    op.add_column("battery", sa.Column("batch", sa.String(), nullable=True))
    op.create_index(op.f("ix_battery_model"), "battery", ["model"], unique=False)
    op.create_index(op.f("ix_battery_batch"), "battery", ["batch"], unique=False)
