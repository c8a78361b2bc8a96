"""frozen evaluation sets

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frozenset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workload_id", AutoString(), nullable=False),
        sa.Column("client_id", AutoString(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("uri", AutoString(), nullable=False),
        sa.Column("num_records", sa.Integer(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("frozen_by", AutoString(), nullable=False),
        sa.Column("frozen_at", UTCDateTime(), nullable=False),
        sa.Column("released_by", AutoString(), nullable=True),
        sa.Column("released_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("frozenset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_frozenset_workload_id"), ["workload_id"], unique=False)
        batch_op.create_index(
            "one_frozen_set_in_force",
            ["workload_id", "client_id"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("frozenset", schema=None) as batch_op:
        batch_op.drop_index("one_frozen_set_in_force")
        batch_op.drop_index(batch_op.f("ix_frozenset_workload_id"))
    op.drop_table("frozenset")
