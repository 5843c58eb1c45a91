"""Add owners, branches and tags, columns of tables, declared inputs, and the commit behind a merge.

Revision 0002, after 0001. What is new is filled by the next scan, which reads all history anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EMPTY_LIST, _EMPTY_OBJECT = sa.text("'[]'"), sa.text("'{}'")


def upgrade() -> None:
    """Add the tables and columns."""
    _create_ref()
    _create_ownership()
    with op.batch_alter_table("feature_version") as table:
        table.add_column(sa.Column("columns", sa.JSON(), nullable=False, server_default=_EMPTY_LIST))
        table.add_column(sa.Column("introduced_id", sa.Integer(), nullable=True))
        table.create_foreign_key(
            op.f("fk_feature_version_introduced_id_commit"),
            "commit",
            ["introduced_id"],
            ["id"],
            ondelete="CASCADE",
        )
    with op.batch_alter_table("dependency") as table:
        table.add_column(sa.Column("doc", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("tags", sa.JSON(), nullable=False, server_default=_EMPTY_OBJECT))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("dependency") as table:
        table.drop_column("tags")
        table.drop_column("doc")
    with op.batch_alter_table("feature_version") as table:
        table.drop_constraint(op.f("fk_feature_version_introduced_id_commit"), type_="foreignkey")
        table.drop_column("introduced_id")
        table.drop_column("columns")
    op.drop_table("ownership")
    op.drop_table("ref")


def _create_ref() -> None:
    op.create_table(
        "ref",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_ref_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_ref")),
    )


def _create_ownership() -> None:
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
