"""Keep which commits are signed, and what the tests of a repository name, over time.

Revision 0019, after 0018. Reader 8 reads all history anew, and finds both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.add_column("commit", sa.Column("is_signed", sa.Boolean(), nullable=True))
    op.create_table(
        "file_of_tests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("oid", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_file_of_tests_repository_id_repository"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_of_tests")),
    )
    op.create_index(
        op.f("ix_file_of_tests_repository_id_valid_until"), "file_of_tests", ["repository_id", "valid_until"]
    )
    op.create_table(
        "named_in_tests",
        sa.Column("oid", sa.String(length=64), nullable=False),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("has_tests", sa.Boolean(), nullable=False),
        sa.Column("imports", sa.JSON(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("oid", "form", name=op.f("pk_named_in_tests")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("named_in_tests")
    op.drop_table("file_of_tests")
    op.drop_column("commit", "is_signed")
