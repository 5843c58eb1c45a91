"""Keep every attempt at a job, and limit the jobs of a repository.

Revision 0012, after 0008. Of jobs that ended before, no attempts are known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of attempts, empty."""
    op.create_table(
        "job_attempt",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_job_attempt_job_id_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "fence", name=op.f("pk_job_attempt")),
    )
    op.add_column("repository", sa.Column("jobs_at_once", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("repository", "jobs_at_once")
    op.drop_table("job_attempt")
