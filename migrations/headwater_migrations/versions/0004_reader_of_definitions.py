"""Note which reader has hashed a definition, so that only another one hashes it again.

Revision 0004, after 0003. On the way back it is forgotten; every scan hashes what it meets.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: who has hashed what is there already, nobody knows."""
    op.add_column("definition", sa.Column("reader_version", sa.String(length=40), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("definition") as table:
        table.drop_column("reader_version")
