"""Keep fingerprints and stamps of dataset versions, and what became of making them again.

Revision 0010, after 0009. Versions that were saved before have no stamp: what they held was not noted then.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table, empty."""
    with op.batch_alter_table("dataset_version") as table:
        table.add_column(sa.Column("uid", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("fingerprint", sa.String(length=120), nullable=True))
        table.add_column(sa.Column("stamp", sa.JSON(none_as_null=True), nullable=True))
        table.create_unique_constraint(op.f("uq_dataset_version_uid"), ["uid"])
        table.create_index(op.f("ix_dataset_version_fingerprint"), ["fingerprint"], unique=False)
    op.create_table(
        "reproduction",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_reproduction_run_id_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_reproduction_version_id_dataset_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_reproduction")),
    )
    op.create_index(op.f("ix_reproduction_version_id"), "reproduction", ["version_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("reproduction")
    with op.batch_alter_table("dataset_version") as table:
        table.drop_index(op.f("ix_dataset_version_fingerprint"))
        table.drop_constraint(op.f("uq_dataset_version_uid"), type_="unique")
        table.drop_column("stamp")
        table.drop_column("fingerprint")
        table.drop_column("uid")
