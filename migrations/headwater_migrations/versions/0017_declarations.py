"""Keep all that files of a repository declare for all of it, over time: classifications and policies, too.

Revision 0017, after 0016. The next scan reads all history anew: what was declared before was not kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the table of owners as one kind of what is declared."""
    op.create_table(
        "declaration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_declaration_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        sa.UniqueConstraint(
            "repository_id", "kind", "valid_from", name=op.f("uq_declaration_repository_id_kind_valid_from")
        ),
    )
    op.execute(
        "INSERT INTO declaration (repository_id, kind, content, valid_from, valid_until) "
        "SELECT repository_id, 'owners', rules, valid_from, valid_until FROM ownership"
    )
    op.drop_table("ownership")
    op.execute("UPDATE repository SET reader_version = NULL")


def downgrade() -> None:
    """Keep owners alone."""
    op.create_table(
        "ownership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_ownership_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ownership")),
        sa.UniqueConstraint(
            "repository_id", "valid_from", name=op.f("uq_ownership_repository_id_valid_from")
        ),
    )
    op.execute(
        "INSERT INTO ownership (repository_id, rules, valid_from, valid_until) "
        "SELECT repository_id, content, valid_from, valid_until FROM declaration WHERE kind = 'owners'"
    )
    op.drop_table("declaration")
