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

_EMPTY_LIST = sa.text("'[]'")
_EMPTY_TABLE = sa.text("'{}'")


def upgrade() -> None:
    """Add the tables and columns."""
    _create_ref()
    _create_ownership()
    _create_declared_input()
    with op.batch_alter_table("dataflow_version") as table:
        table.add_column(sa.Column("upstream", sa.JSON(), nullable=False, server_default=_EMPTY_TABLE))
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


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("feature_version") as table:
        table.drop_constraint(op.f("fk_feature_version_introduced_id_commit"), type_="foreignkey")
        table.drop_column("introduced_id")
        table.drop_column("columns")
    with op.batch_alter_table("dataflow_version") as table:
        table.drop_column("upstream")
    op.drop_table("declared_input")
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


def _create_declared_input() -> None:
    op.create_table(
        "declared_input",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("definition_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["definition.id"],
            name=op.f("fk_declared_input_definition_id_definition"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_declared_input_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_input")),
    )
    op.create_index(
        op.f("ix_declared_input_repository_id_module"), "declared_input", ["repository_id", "module"]
    )
    op.create_index(op.f("ix_declared_input_definition_id"), "declared_input", ["definition_id"])
