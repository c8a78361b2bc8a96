"""Runs the migrations on the connection that flywheel.db.engine hands over."""

from alembic import context
from sqlmodel import SQLModel

import flywheel.db.models  # noqa: F401  (fills the metadata that autogenerate compares with)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
