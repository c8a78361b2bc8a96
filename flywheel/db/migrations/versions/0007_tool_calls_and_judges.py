"""answers that are right or wrong as calls, what a judge said of them, scores by their metric

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("correct", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("judged", sa.Integer(), nullable=True))
    # In place: a table that is made anew would lose the condition of its partial index.
    op.execute("ALTER TABLE promotion RENAME COLUMN macro_f1 TO score")
    op.add_column(
        "promotion",
        sa.Column("metric", AutoString(), nullable=False, server_default="macro_f1"),
    )


def downgrade() -> None:
    op.drop_column("promotion", "metric")
    op.execute("ALTER TABLE promotion RENAME COLUMN score TO macro_f1")
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.drop_column("judged")
        batch_op.drop_column("correct")
