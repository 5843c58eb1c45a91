"""Keep values of nodes that runs have computed, and the hashes of definitions by which they are found.

Revision 0009, after 0008. On the way back both are forgotten; the files of values are left.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "commit_definitions",
        sa.Column("commit_id", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["commit_id"],
            ["commit.id"],
            name=op.f("fk_commit_definitions_commit_id_commit"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("commit_id", name=op.f("pk_commit_definitions")),
    )
    op.create_table(
        "kept_value",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_kept_value_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_kept_value_run_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_value")),
        sa.UniqueConstraint("repository_id", "key", name=op.f("uq_kept_value_repository_id_key")),
    )
    op.create_index(op.f("ix_kept_value_run_id"), "kept_value", ["run_id"])
    op.create_index(op.f("ix_kept_value_used_at"), "kept_value", ["used_at"])
    op.add_column("run_node", sa.Column("kept_from", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("run_node") as table:
        table.drop_column("kept_from")
    op.drop_table("kept_value")
    op.drop_table("commit_definitions")
