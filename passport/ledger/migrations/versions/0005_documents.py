"""Documents: bytes once, editions and withdrawals that are added and never changed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.String(), nullable=False),
        sa.Column("erased_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "document_edition",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("disclosure", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("supersedes", sa.String(), nullable=True),
        sa.Column("added_at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("operator", "sha256", "file_name"):
        op.create_index(op.f(f"ix_document_edition_{column}"), "document_edition", [column], unique=False)
    op.create_table(
        "document_withdrawal",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("edition"),
    )
    for table in ("document_edition", "document_withdrawal"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
            )
    # Bytes may be erased, and brought again; they are never exchanged for others, and the digest stays.
    op.execute(
        "CREATE TRIGGER document_no_delete BEFORE DELETE ON document"
        " BEGIN SELECT RAISE(ABORT, 'document: DELETE refused; its digest stays'); END"
    )
    op.execute(
        "CREATE TRIGGER document_no_exchange BEFORE UPDATE ON document"
        " WHEN NEW.sha256 <> OLD.sha256 OR NEW.size <> OLD.size OR NEW.media_type <> OLD.media_type"
        " OR (OLD.content IS NOT NULL AND NEW.content IS NOT NULL)"
        " BEGIN SELECT RAISE(ABORT, 'document: bytes are erased or kept, never exchanged'); END"
    )
