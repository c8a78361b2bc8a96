"""The migrations make exactly the tables that the models describe."""

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import bot.models
import flywheel.db.models
from flywheel.db.engine import Database, sqlite_url

TABLES = (bot.models, flywheel.db.models)  # importing them fills the metadata


async def test_the_schema_is_the_models(tmp_path: Path) -> None:
    path = tmp_path / "flywheel.db"
    database = Database(sqlite_url(path))
    await database.migrate()
    await database.close()
    with create_engine(f"sqlite:///{path}").connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []


async def test_processes_that_migrate_at_once_do_not_disturb_each_other(
    database_url: str,
) -> None:
    databases = [Database(database_url) for _ in range(4)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        assert (await database.ping()).startswith(("SQLite", "PostgreSQL"))
        await database.close()
