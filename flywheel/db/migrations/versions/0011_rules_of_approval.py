"""approvals by several people, with an end, and the chain of decisions

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NEVER = "entries of the audit are never changed"
_SQLITE = """
CREATE TRIGGER audit_no_{event} BEFORE {event} ON audit
BEGIN SELECT RAISE(ABORT, '{never}'); END
"""
_POSTGRESQL = """
CREATE FUNCTION audit_refuses() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION '{never}'; END $$ LANGUAGE plpgsql
"""
_TRIGGER = """
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()
"""


def upgrade() -> None:
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("needed", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("expires_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("pinned", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "approval_vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("approval_id", AutoString(), nullable=False),
        sa.Column("voter", AutoString(), nullable=False),
        sa.Column("model_name", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("approval_id", "voter"),
    )
    op.create_index(op.f("ix_approval_vote_approval_id"), "approval_vote", ["approval_id"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("origin", AutoString(), nullable=False),
        sa.Column("action", AutoString(), nullable=False),
        sa.Column("workload_id", AutoString(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("approval_id", AutoString(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", AutoString(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_audit_workload_id"), "audit", ["workload_id"])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("update", "delete"):
            op.execute(_SQLITE.format(event=event, never=_NEVER))
    else:
        op.execute(_POSTGRESQL.format(never=_NEVER))
        op.execute(_TRIGGER)


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_refuses()")
    op.drop_table("approval_vote")
    with op.batch_alter_table("approval", schema=None) as batch_op:
        for name in ("pinned", "expires_at", "needed"):
            batch_op.drop_column(name)
