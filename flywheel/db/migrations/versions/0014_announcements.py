"""cards in several channels, runs that have yet to be announced, messages that are sent once

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule", sa.Column("skipped", UTCDateTime(), nullable=True))
    op.create_table(
        "announcement",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "channel"),
    )
    op.execute(
        "INSERT INTO announcement (run_id, channel) "
        "SELECT id, announce FROM run WHERE announce IS NOT NULL"
    )
    op.drop_column("run", "announce")
    op.create_table(
        "slack_notice",
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("sent_to", AutoString(), nullable=False),
        sa.Column("ts", AutoString(), nullable=True),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("claimed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    _cards("run_id", "channel", told=True)
    # Nobody is told now of what ended long ago.
    op.execute(
        "INSERT INTO slack_card (run_id, channel, ts, shown_version, shown_at, final, told) "
        "SELECT run_id, channel, ts, shown_version, shown_at, final, final FROM slack_card_before"
    )
    op.drop_table("slack_card_before")
    _posts("event_id", "channel")
    op.execute(
        "INSERT INTO slack_post (event_id, run_id, channel, ts, state, claimed_at) "
        "SELECT event_id, run_id, channel, ts, state, claimed_at FROM slack_post_before"
    )
    op.drop_table("slack_post_before")


def downgrade() -> None:
    # There was room for one channel per run.
    _cards("run_id")
    op.execute(
        "INSERT INTO slack_card (run_id, channel, ts, shown_version, shown_at, final) "
        "SELECT run_id, channel, ts, shown_version, shown_at, final FROM slack_card_before "
        "AS kept WHERE channel = (SELECT MIN(card.channel) FROM slack_card_before AS card "
        "WHERE card.run_id = kept.run_id)"
    )
    op.drop_table("slack_card_before")
    _posts("event_id")
    op.execute(
        "INSERT INTO slack_post (event_id, run_id, channel, ts, state, claimed_at) "
        "SELECT event_id, post.run_id, post.channel, post.ts, state, claimed_at "
        "FROM slack_post_before AS post JOIN slack_card AS card "
        "ON card.run_id = post.run_id AND card.channel = post.channel"
    )
    op.drop_table("slack_post_before")
    op.drop_table("slack_notice")
    op.add_column("run", sa.Column("announce", AutoString(), nullable=True))
    op.execute(
        "UPDATE run SET announce = "
        "(SELECT MIN(channel) FROM announcement WHERE announcement.run_id = run.id)"
    )
    op.drop_table("announcement")
    op.drop_column("schedule", "skipped")


def _cards(*key: str, told: bool = False) -> None:
    """An empty table of cards; that of before is called slack_card_before."""
    op.rename_table("slack_card", "slack_card_before")
    op.create_table(
        "slack_card",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("ts", AutoString(), nullable=True),
        sa.Column("shown_version", sa.Integer(), nullable=False),
        sa.Column("shown_at", UTCDateTime(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        *([sa.Column("told", sa.Boolean(), nullable=False)] if told else []),
        sa.PrimaryKeyConstraint(*key),
    )


def _posts(*key: str) -> None:
    """An empty table of posts; that of before is called slack_post_before."""
    op.drop_index(op.f("ix_slack_post_run_id"), "slack_post")
    op.rename_table("slack_post", "slack_post_before")
    op.create_table(
        "slack_post",
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("ts", AutoString(), nullable=True),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("claimed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(*key),
    )
    op.create_index(op.f("ix_slack_post_run_id"), "slack_post", ["run_id"])
