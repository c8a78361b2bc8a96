"""what steps hold, and where the platform reads datasets

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pool", AutoString(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("amount", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("chain_seconds", sa.Float(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("ready_since", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("released_at", UTCDateTime(), nullable=True))
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.add_column(sa.Column("remote_uri", AutoString(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.drop_column("remote_uri")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("priority")
    with op.batch_alter_table("step", schema=None) as batch_op:
        for name in ("released_at", "ready_since", "chain_seconds", "amount", "pool"):
            batch_op.drop_column(name)
