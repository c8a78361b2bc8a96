"""questions with their answers, and what people say of them

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "question",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("origin", AutoString(), nullable=False),
        sa.Column("place", AutoString(), nullable=True),
        sa.Column("focus_run", AutoString(), nullable=True),
        sa.Column("text", AutoString(), nullable=False),
        sa.Column("answer", AutoString(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=True),
        sa.Column("chosen_by", AutoString(), nullable=True),
        sa.Column("limited_to", sa.JSON(), nullable=False),
        sa.Column("run", AutoString(), nullable=True),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("fell_back", AutoString(), nullable=True),
        sa.Column("tools", sa.JSON(), nullable=False),
        sa.Column("prompt", AutoString(), nullable=True),
        sa.Column("prompt_digest", AutoString(), nullable=True),
        sa.Column("model", AutoString(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost", AutoString(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("asked_at", "actor", "place", "model"):
        op.create_index(op.f(f"ix_question_{column}"), "question", [column])
    op.create_table(
        "question_feedback",
        sa.Column("question_id", AutoString(), nullable=False),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("verdict", AutoString(), nullable=False),
        sa.Column("note", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["question.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("question_id", "actor"),
    )


def downgrade() -> None:
    op.drop_table("question_feedback")
    op.drop_table("question")
