"""schedules, and the runs that they start

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workload_id", AutoString(), nullable=False),
        sa.Column("client_id", AutoString(), nullable=True),
        sa.Column("typed", AutoString(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("made_by", AutoString(), nullable=False),
        sa.Column("made_by_name", AutoString(), nullable=False),
        sa.Column("channel", AutoString(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("next_due", UTCDateTime(), nullable=False),
        sa.Column("last_fired", UTCDateTime(), nullable=True),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.Column("paused_at", UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", AutoString(), nullable=True),
        sa.Column("notice", AutoString(), nullable=True),
        sa.Column("notice_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_schedule_workload_id"), "schedule", ["workload_id"])
    op.create_index(op.f("ix_schedule_next_due"), "schedule", ["next_due"])
    # Columns and an index only: a constraint would make SQLite write the table anew, and its
    # steps would go with the old one.
    for column in (
        sa.Column("schedule_id", sa.Integer(), nullable=True),
        sa.Column("schedule_due", UTCDateTime(), nullable=True),
        sa.Column("schedule_words", AutoString(), nullable=True),
        sa.Column("announce", AutoString(), nullable=True),
    ):
        op.add_column("run", column)
    op.create_index("one_run_per_firing", "run", ["schedule_id", "schedule_due"], unique=True)


def downgrade() -> None:
    op.drop_index("one_run_per_firing", "run")
    for name in ("announce", "schedule_words", "schedule_due", "schedule_id"):
        op.drop_column("run", name)
    op.drop_table("schedule")
