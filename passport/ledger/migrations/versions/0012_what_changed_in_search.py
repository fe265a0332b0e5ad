"""Search: rows by passport, and which rows were written since when."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("battery_search", sa.Column("changed", sa.Integer(), nullable=True))
    op.create_index("battery_search_passport", "battery_search", ["passport_id"], unique=False)
    op.create_index("battery_search_changed", "battery_search", ["changed"], unique=False)
