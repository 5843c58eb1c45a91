"""Keep how dataset versions stand at main, and statistics of what the nodes of a run made.

Revision 0016, after 0015. On the way back both are forgotten; how datasets stand is worked out when asked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.add_column("run_node", sa.Column("profile", sa.JSON(), nullable=True))
    op.create_table(
        "kept_standing",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("ways", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_kept_standing_version_id_dataset_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_kept_standing")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("kept_standing")
    with op.batch_alter_table("run_node") as table:
        table.drop_column("profile")
