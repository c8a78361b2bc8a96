"""sweeps: several trainings of one candidate

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# SQLite keeps no name of a constraint that was made without one; this gives it PostgreSQL's.
_NAMES = {"uq": "%(table_name)s_%(column_0_name)s_%(column_1_name)s_%(column_2_name)s_key"}
_OLD = "step_run_id_kind_candidate_key"
_NEW = "step_run_id_kind_candidate_trial_key"


def upgrade() -> None:
    with op.batch_alter_table("step", schema=None, naming_convention=_NAMES) as batch_op:
        batch_op.add_column(sa.Column("trial", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_constraint(_OLD, type_="unique")
        batch_op.create_unique_constraint(_NEW, ["run_id", "kind", "candidate", "trial"])
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("candidate", AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("curve", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("artifact", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("stopped", AutoString(), nullable=True),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "candidate", "number"),
    )
    with op.batch_alter_table("trial", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trial_run_id"), ["run_id"], unique=False)


def downgrade() -> None:
    op.drop_table("trial")
    op.execute("DELETE FROM step WHERE trial > 0")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_constraint(_NEW, type_="unique")
        batch_op.drop_column("trial")
        batch_op.create_unique_constraint(_OLD, ["run_id", "kind", "candidate"])
