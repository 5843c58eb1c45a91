"""Keep how a run was asked for, when its nodes began, and where saved tables go besides.

Revision 0012, after 0011. Runs of before were of all rows, one node after the other; when their nodes began
is not known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_RUN = ("env", "executor", "sample", "note", "personal")


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("env", sa.Text(), nullable=True))
        table.add_column(
            sa.Column("executor", sa.String(length=20), nullable=False, server_default="synchronous")
        )
        table.add_column(sa.Column("sample", sa.Integer(), nullable=True))
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("personal", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("run") as table:
        table.alter_column("executor", server_default=None)
        table.alter_column("note", server_default=None)
    with op.batch_alter_table("run_node") as table:
        table.add_column(sa.Column("begun", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("dataflow_version") as table:
        table.add_column(sa.Column("sinks", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("dataflow_version") as table:
        table.alter_column("sinks", server_default=None)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("dataflow_version") as table:
        table.drop_column("sinks")
    with op.batch_alter_table("run_node") as table:
        table.drop_column("begun")
    with op.batch_alter_table("run") as table:
        for name in _RUN:
            table.drop_column(name)
