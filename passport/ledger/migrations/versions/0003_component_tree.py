"""The component tree, and signed commissioning records that bind devices to its parts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("node", "serial", "address"):
        op.add_column("commissioning", sa.Column(name, sa.String(), nullable=True))
    op.create_table(
        "commissioning_statement",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("battery", "source", "component", "since", "act"),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER commissioning_statement_no_{verb.lower()} BEFORE {verb} ON"
            " commissioning_statement BEGIN"
            f" SELECT RAISE(ABORT, 'commissioning_statement is append-only: {verb} refused'); END"
        )
    op.create_table(
        "node",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=True),
        sa.Column("cells", sa.Integer(), nullable=True),
        sa.Column("battery", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("battery"),
    )
    op.create_table(
        "node_place",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("until", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("node", "since"),
    )
    op.create_index(
        "node_place_open",
        "node_place",
        ["node"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index("node_place_parent", "node_place", ["parent"], unique=False)
