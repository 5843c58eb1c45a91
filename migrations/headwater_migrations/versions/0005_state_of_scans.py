"""Name each state that a scan leaves a repository in, so that the next one knows whether it knows it.

Revision 0005, after 0004. On the way back it is forgotten; every scan then asks the store.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: no process remembers what was scanned before."""
    op.add_column("repository", sa.Column("scan_state", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("repository") as table:
        table.drop_column("scan_state")
