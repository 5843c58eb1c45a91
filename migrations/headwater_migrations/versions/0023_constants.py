"""Keep the texts of constants that SQL in features is made of.

Revision 0023. The next scan finds them; on the way back they are forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Know of none."""
    op.add_column("source_blob", sa.Column("constants", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("source_blob") as table:
        table.drop_column("constants")
