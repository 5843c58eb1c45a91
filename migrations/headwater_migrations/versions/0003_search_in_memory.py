"""Drop the search index and the tags beside it: searches look at snapshots in memory.

Revision 0003, after 0002. The way back makes both anew, empty, and asks for a scan that fills them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the tables, whichever kind the index is."""
    op.drop_table("feature_search")
    op.drop_table("tag")


def downgrade() -> None:
    """Make them again, the index in the form that each database has for it."""
    _create_tag()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE feature_search USING fts5(name, tags, doc, code, "
            """tokenize = "ascii tokenchars '_'", prefix = '1 2 3')"""
        )
    else:
        _create_for_postgresql()
    # Another reader than the stored one means that the next scan reads all history anew.
    op.execute("UPDATE repository SET reader_version = NULL")


def _create_tag() -> None:
    op.create_table(
        "tag",
        sa.Column("feature_version_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feature_version_id"],
            ["feature_version.id"],
            name=op.f("fk_tag_feature_version_id_feature_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("feature_version_id", "key", "value", name=op.f("pk_tag")),
    )
    op.create_index(op.f("ix_tag_key_value"), "tag", ["key", "value"], unique=False)


def _create_for_postgresql() -> None:
    op.create_table(
        "feature_search",
        sa.Column("feature_version_id", sa.Integer(), nullable=False),
        sa.Column("document", TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feature_version_id"],
            ["feature_version.id"],
            name="fk_feature_search_feature_version_id_feature_version",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("feature_version_id", name="pk_feature_search"),
    )
    op.create_index("ix_feature_search_document", "feature_search", ["document"], postgresql_using="gin")
