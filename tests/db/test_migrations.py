"""The migrations make exactly the tables that the models describe."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel, select

import bot.models
import flywheel.db.models
from flywheel.db.engine import MIGRATIONS, Database, sqlite_url
from flywheel.db.models import Promotion

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


async def test_promotions_of_before_keep_their_score(tmp_path: Path) -> None:
    path = tmp_path / "flywheel.db"
    with create_engine(f"sqlite:///{path}").begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(
            text(
                "INSERT INTO promotion (workload_id, run_id, model_name, model_uri, digest, "
                "macro_f1, status, approved_by, approved_at, reason) VALUES "
                "('news', 3, 'svm', 'models/3', 'd', 0.83, 'active', 'ann', "
                "'2026-01-01 00:00:00.000000', 'good')"
            )
        )
    database = Database(sqlite_url(path))
    await database.migrate()
    async with database.transaction() as session:
        kept = (await session.exec(select(Promotion))).one()
    assert (kept.score, kept.metric) == (0.83, "macro_f1")
    await database.close()


async def test_cards_of_before_are_kept_there_and_back(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'flywheel.db'}")

    def move(migrate: Callable[[Config, str], None], to: str) -> None:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            migrate(config, to)

    move(command.upgrade, "0013")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO slack_card VALUES (3, 'C1', '1.5', 7, '2026-01-01 00:00:00.000000', 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO slack_post "
                "VALUES (9, 3, 'C1', '1.6', 'posted', '2026-01-01 00:00:00.000000')"
            )
        )
    move(command.upgrade, "0014")
    with engine.begin() as connection:
        (row,) = connection.execute(text("SELECT run_id, channel, ts, told FROM slack_card"))
        assert tuple(row) == (3, "C1", "1.5", 1), "nobody is told now of what ended before"
        connection.execute(
            text(
                "INSERT INTO slack_card SELECT run_id, 'C2', ts, shown_version, shown_at, final, "
                "told FROM slack_card"
            )
        )
    move(command.upgrade, "0015")
    with engine.begin() as connection:
        found = connection.execute(text("SELECT trouble FROM slack_card"))
        assert {trouble for (trouble,) in found} == {""}
    move(command.downgrade, "0013")
    with engine.begin() as connection:
        (row,) = connection.execute(text("SELECT run_id, channel, ts FROM slack_card"))
        assert tuple(row) == (3, "C1", "1.5")
        (row,) = connection.execute(text("SELECT event_id, run_id, channel, ts FROM slack_post"))
        assert tuple(row) == (9, 3, "C1", "1.6")
    engine.dispose()
