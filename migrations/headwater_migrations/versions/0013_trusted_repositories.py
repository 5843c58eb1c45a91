"""Let an administrator say of which repositories the runs have the network.

Revision 0013, after 0012. On the way back no run has it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Trust none."""
    no = sa.false()
    op.add_column("repository", sa.Column("is_trusted", sa.Boolean(), nullable=False, server_default=no))


def downgrade() -> None:
    """Forget which were trusted."""
    with op.batch_alter_table("repository") as table:
        table.drop_column("is_trusted")
