"""Let repositories be scanned by a schedule, and when their Git host says that something is new.

Revision 0007, after 0006. On the way back both are forgotten; scans that somebody asks for are not affected.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty."""
    op.add_column("repository", sa.Column("scan_every", sa.Integer(), nullable=True))
    op.add_column("repository", sa.Column("hook_secret", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("repository") as table:
        table.drop_column("hook_secret")
        table.drop_column("scan_every")
