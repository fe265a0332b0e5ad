"""Search: the uses that nothing excludes yet."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("battery_search", sa.Column("possible_use", sa.String(), nullable=True))
    op.create_index(
        "battery_search_possible_use", "battery_search", ["possible_use", "battery"], unique=False
    )
