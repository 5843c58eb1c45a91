"""Note which files of runs are kept, and which commits are made of working trees with changes.

Revision 0015, after 0014. On the way back both are forgotten; the files and commits are left.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, with the files that runs were given so far; no commit has changes yet."""
    no = sa.false()
    op.add_column("commit", sa.Column("has_changes", sa.Boolean(), nullable=False, server_default=no))
    table = op.create_table(
        "kept_input",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("needed_for", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_kept_input_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_input")),
        sa.UniqueConstraint("repository_id", "sha256", name=op.f("uq_kept_input_repository_id_sha256")),
    )
    op.create_index(op.f("ix_kept_input_sha256"), "kept_input", ["sha256"])
    op.bulk_insert(table, _given())


def _given() -> list[dict[str, object]]:
    """Return a row for each file that was given to runs of a repository."""
    run = sa.table(
        "run",
        sa.column("id", sa.Integer()),
        sa.column("job_id", sa.Integer()),
        sa.column("repository_id", sa.Integer()),
        sa.column("inputs", sa.JSON()),
    )
    job = sa.table("job", sa.column("id", sa.Integer()), sa.column("created_at", sa.BigInteger()))
    saved = sa.table("dataset_version", sa.column("run_id", sa.Integer()))
    connection = op.get_bind()
    versions = set(connection.scalars(sa.select(saved.c.run_id)))
    asked = sa.select(run.c.id, run.c.repository_id, run.c.inputs, job.c.created_at)
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for number, repository, inputs, at in connection.execute(asked.join(job, job.c.id == run.c.job_id)):
        use = 2 if number in versions else 1
        for given in inputs.values():
            if isinstance(given, dict) and given.get("upload") and given.get("sha256"):
                before = found.get((repository, given["sha256"]), (0, 0))
                found[repository, given["sha256"]] = (max(use, before[0]), max(at, before[1]))
    return [
        {"repository_id": repository, "sha256": sha256, "needed_for": use, "used_at": at}
        for (repository, sha256), (use, at) in found.items()
    ]


def downgrade() -> None:
    """Drop both."""
    op.drop_table("kept_input")
    with op.batch_alter_table("commit") as table:
        table.drop_column("has_changes")
