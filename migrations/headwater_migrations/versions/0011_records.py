"""Keep every attempt at a job, limit the jobs of a repository, and chain the events.

Revision 0011, after 0010. Of jobs that ended before, no attempts are known. The events so far are chained as
they are found.
"""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
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
    op.add_column("run", sa.Column("origin", sa.JSON(), nullable=True))
    op.create_table(
        "event_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_head")),
    )
    for name in ("previous", "hash"):
        op.add_column("event", sa.Column(name, sa.String(length=64), nullable=True))
    _chain_events()
    with op.batch_alter_table("event") as event:
        for name in ("previous", "hash"):
            event.alter_column(name, existing_type=sa.String(length=64), nullable=False)


def _chain_events() -> None:
    """Give the events their hashes, in the form that they had when this was written."""
    columns = ("id", "at", "kind", "actor", "subject", "details", "address")
    event = sa.table("event", *(sa.column(name) for name in (*columns, "previous", "hash")))
    event.c.details.type = sa.JSON()
    connection, number, last = op.get_bind(), 0, "0" * 64
    for row in connection.execute(sa.select(*(event.c[name] for name in columns)).order_by(event.c.id)).all():
        told = json.dumps(["headwater event 1", last, *row], sort_keys=True, separators=(",", ":"))
        number, previous, last = row.id, last, hashlib.sha256(told.encode()).hexdigest()
        chained = sa.update(event).where(event.c.id == number).values(previous=previous, hash=last)
        connection.execute(chained)
    head = sa.table("event_head", sa.column("id"), sa.column("number"), sa.column("hash"))
    connection.execute(sa.insert(head).values(id=1, number=number, hash=last))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("event") as event:
        event.drop_column("hash")
        event.drop_column("previous")
    op.drop_table("event_head")
    op.drop_column("run", "origin")
    op.drop_column("repository", "jobs_at_once")
    op.drop_table("job_attempt")
