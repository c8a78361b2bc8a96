"""why Slack shows nothing of a run in a channel

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "slack_card", sa.Column("trouble", AutoString(), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("slack_card", "trouble")
