"""Keep how the values of features differ between two commits, and let a job wait for another one.

Revision 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table, empty."""
    op.add_column("job", sa.Column("waits_for", sa.Integer(), nullable=True))
    op.create_table(
        "value_comparison",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.Column("renamed", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_value_comparison_run_id_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["before_id"], ["run.id"], name=op.f("fk_value_comparison_before_id_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_value_comparison")),
        sa.UniqueConstraint("before_id", name=op.f("uq_value_comparison_before_id")),
    )


def downgrade() -> None:
    """Drop them. Jobs that wait for others wait for nothing."""
    op.drop_table("value_comparison")
    with op.batch_alter_table("job") as table:
        table.drop_column("waits_for")
