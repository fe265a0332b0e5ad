"""Search: what an assessment says, metals, country; offers for sale."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORDS = ("region", "contact", "metals_from", "calibrated", "grade", "use", "offer")
NUMBERS = (
    "nickel",
    "cobalt",
    "lithium",
    "health",
    "health_low",
    "score",
    "remaining_years",
    "value",
    "offered_since",
    "offered_until",
)
UNWALKED = ("contact", "metals_from", "offer")
# Fields of before that could be asked, but not walked in order.
NEWLY_WALKED = ("category", "chemistry", "manufacturer", "battery_status", "verdict")
APPEND_ONLY = ("offer",)


def upgrade() -> None:
    for names, kind in ((WORDS, sa.String()), (NUMBERS, sa.Integer())):
        for name in names:
            op.add_column("battery_search", sa.Column(name, kind, nullable=True))
    op.drop_index("battery_search_manufacturer", "battery_search")
    for name in (*NEWLY_WALKED, *WORDS, *NUMBERS):
        if name not in UNWALKED:
            op.create_index(f"battery_search_{name}", "battery_search", [name, "battery"], unique=False)
    op.create_table(
        "offer",
        sa.Column("battery", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=True),
        sa.Column("price", sa.String(), nullable=True),
        sa.Column("contact", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("battery", "number"),
    )
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
            )
