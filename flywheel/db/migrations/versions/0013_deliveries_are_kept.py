"""deliveries from Slack are kept until they are done; a run knows what asked for it

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was delivered before is either done or lost; Slack repeats nothing for half an hour.
    op.drop_table("slack_delivery")
    op.create_table(
        "slack_delivery",
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("route", AutoString(), nullable=False),
        sa.Column("scope", AutoString(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.Column("owner", AutoString(), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_slack_delivery_received_at"), "slack_delivery", ["received_at"])
    op.create_index(op.f("ix_slack_delivery_done_at"), "slack_delivery", ["done_at"])
    op.add_column("run", sa.Column("request_key", AutoString(), nullable=True))
    op.create_index("one_run_per_request", "run", ["request_key"], unique=True)


def downgrade() -> None:
    op.drop_index("one_run_per_request", "run")
    op.drop_column("run", "request_key")
    op.drop_table("slack_delivery")
    op.create_table(
        "slack_delivery",
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_slack_delivery_received_at"), "slack_delivery", ["received_at"])
