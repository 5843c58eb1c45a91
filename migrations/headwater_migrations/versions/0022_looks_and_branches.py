"""Keep what the values of dataset versions look like, and which repositories take branches of suggestions.

Revision 0022. On the way back both are forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Look at no values, and let no repository take branches."""
    no = sa.false()
    op.add_column("repository", sa.Column("takes_branches", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("dataset_version", sa.Column("looks", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget both."""
    with op.batch_alter_table("repository") as table:
        table.drop_column("takes_branches")
    with op.batch_alter_table("dataset_version") as table:
        table.drop_column("looks")
