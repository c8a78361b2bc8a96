"""moments that a schedule has left out

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule", sa.Column("skipped", UTCDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("schedule", "skipped")
