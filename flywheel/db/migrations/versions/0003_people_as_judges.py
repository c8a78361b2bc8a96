"""people as judges

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("candidate", AutoString(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("record_id", AutoString(), nullable=False),
        sa.Column("teacher_label", AutoString(), nullable=False),
        sa.Column("candidate_label", AutoString(), nullable=True),
        sa.Column("judgement", AutoString(), nullable=False),
        sa.Column("right_label", AutoString(), nullable=True),
        sa.Column("reviewer", AutoString(), nullable=False),
        sa.Column("stratum", AutoString(), nullable=False),
        sa.Column("stratum_size", sa.Integer(), nullable=False),
        sa.Column("inclusion", sa.Float(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_run_id"), ["run_id"], unique=False)
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confidence", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.drop_column("confidence")
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_run_id"))
    op.drop_table("review")
