"""Keep saved queries, what they found last, what changed of that, and how it is told.

Revision 0021, after 0018. On the way back they are forgotten, and nothing more is told.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _owner(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Make room for them."""
    op.create_table(
        "watch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=20), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sa.UniqueConstraint("digest", name=op.f("uq_watch_digest")),
    )
    op.create_table(
        "watch_result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        _owner("watch_result", "watch_id", "watch"),
        _owner("watch_result", "repository_id", "repository"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_result")),
        sa.UniqueConstraint("watch_id", "repository_id", name=op.f("uq_watch_result_watch_id_repository_id")),
    )
    op.create_index(op.f("ix_watch_result_repository_id"), "watch_result", ["repository_id"])
    op.create_table(
        "watch_progress",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(length=20), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=True),
        _owner("watch_progress", "repository_id", "repository"),
        sa.PrimaryKeyConstraint("repository_id", "about", name=op.f("pk_watch_progress")),
    )
    op.create_table(
        "result_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=True),
        sa.Column("after", sa.String(length=64), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _owner("result_change", "watch_id", "watch"),
        _owner("result_change", "repository_id", "repository"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_change")),
    )
    op.create_index(op.f("ix_result_change_watch_id_id"), "result_change", ["watch_id", "id"])
    op.create_index(op.f("ix_result_change_repository_id"), "result_change", ["repository_id"])
    op.create_index(op.f("ix_result_change_at"), "result_change", ["at"])
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_for", sa.Text(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("told_id", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.String(length=64), nullable=False),
        sa.Column("email_confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("webhook", sa.Text(), nullable=True),
        sa.Column("webhook_secret", sa.String(length=64), nullable=False),
        sa.Column("feed_hash", sa.String(length=64), nullable=True),
        _owner("subscription", "account_id", "account"),
        _owner("subscription", "watch_id", "watch"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("email_key", name=op.f("uq_subscription_email_key")),
        sa.UniqueConstraint("feed_hash", name=op.f("uq_subscription_feed_hash")),
    )
    op.create_index(op.f("ix_subscription_account_id"), "subscription", ["account_id"])
    op.create_index(op.f("ix_subscription_watch_id"), "subscription", ["watch_id"])
    op.create_table(
        "telling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("until_id", sa.Integer(), nullable=False),
        _owner("telling", "subscription_id", "subscription"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telling")),
        sa.UniqueConstraint("key", name=op.f("uq_telling_key")),
    )
    op.create_index(op.f("ix_telling_subscription_id"), "telling", ["subscription_id"])
    op.create_index(op.f("ix_telling_at"), "telling", ["at"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("telling_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("log", sa.JSON(), nullable=False),
        _owner("delivery", "telling_id", "telling"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_telling_id"), "delivery", ["telling_id"])
    op.create_index(op.f("ix_delivery_state_due_at"), "delivery", ["state", "due_at"])


def downgrade() -> None:
    """Forget them."""
    for table in ("delivery", "telling", "subscription", "result_change"):
        op.drop_table(table)
    for table in ("watch_progress", "watch_result", "watch"):
        op.drop_table(table)
