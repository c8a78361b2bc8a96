"""How soon the reader answers the questions of the examination with 10,000 runs in the database.

The company's runs are copied, rows as they are but for their numbers, to as many workloads as a
large firm has; what is measured is `flywheel.service.questions.ask`, from the words to the answer,
where everybody sees every workload and where some are for others: then an answer is also looked at
as others would see it.

    make bench-answers
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from pydantic import SecretStr

from bot.console.stage import open_stage
from flywheel.insights.exam.company import write_company
from flywheel.insights.exam.paper import load_questions
from flywheel.insights.history import Turn
from flywheel.service.questions import ask
from flywheel.settings.access import AccessConfig
from flywheel.settings.insights import InsightsConfig
from flywheel.settings.load import load_settings
from flywheel.views import Actor
from flywheel.wiring import open_backends
from tests.support.scripted_model import KEY, MODEL, scripted_model
from tests.support.scripted_request import ChatRequest
from tests.support.scripted_turns import Turn as Reply
from tests.support.scripted_turns import call, say

RUNS = int(os.environ.get("BENCH_RUNS", "10000"))
LIMIT_SECONDS = 0.3
FIRST_SECONDS = 1.0
_MENTIONS = 30
_WORKLOADS = 5  # of each of the company's
_OF_A_RUN = ("candidate", "step", "dataset", "evaluation")
_ASKER = Actor(id="U0ANNA", name="anna", origin="slack")
_LISTED = {"news_events": [_ASKER.id], "agent_tools_1": ["U0BEN"], "reply_drafts": [_ASKER.id]}


def copy_runs(path: Path) -> int:
    """Fill up to RUNS with copies of those that have ended; returns how many there are."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        ended = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM run WHERE status NOT IN ('running', 'pending') ORDER BY id"
            )
        ]
        number = connection.execute("SELECT max(id) FROM run").fetchone()[0]
        columns = {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for table in ("run", *_OF_A_RUN)
        }
        while number < RUNS:
            source = ended[number % len(ended)]
            number += 1
            _copy(connection, "run", columns["run"], source, number)
            for table in _OF_A_RUN:
                _copy(connection, table, columns[table], source, number)
        return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])


def _copy(
    connection: sqlite3.Connection, table: str, columns: list[str], source: int, number: int
) -> None:
    """The rows of one run again; every fifth copy is of another workload."""
    new = {
        "uid": f"'fw-copy-{number}'",
        "workload_id": f"workload_id || '_{number % _WORKLOADS}'",
        "run_id": str(number),
        "id": str(number) if table == "run" else "NULL",
    }
    if table != "run":
        new.pop("uid")
        new.pop("workload_id")
    else:
        new.pop("run_id")
    values = ", ".join(new.get(column, f'"{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    key = "id" if table == "run" else "run_id"
    base = " AND eval_type != 'base-eval'" if table == "evaluation" else ""
    connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {key} = ?{base}",
        (source,),
    )


async def measured(home: Path, listed: dict[str, list[str]]) -> tuple[float, list[float]]:
    """Seconds of the first question and of every question after it."""
    settings = load_settings(environ={"FLYWHEEL_HOME": str(home)})
    settings = settings.model_copy(update={"access_config": AccessConfig(workloads=listed)})
    async with open_backends(settings, with_queue=False) as backends:
        seconds = []
        for question in [*load_questions(), *load_questions(held_out=True)]:
            history = [Turn(question=text, answer="") for text in question.before]
            began = perf_counter()
            await ask(backends, question.text, _ASKER, question.focus, history=history)
            seconds.append(perf_counter() - began)
        return seconds[0], seconds[1:]


async def first_words(home: Path) -> list[float]:
    """Seconds until the thread says something, where a language model has to look things up."""
    seconds = []
    with scripted_model() as model:
        model.play(_looking_up)
        settings = load_settings(environ={"FLYWHEEL_HOME": str(home)})
        config = InsightsConfig(base_url=model.url, model=MODEL, questions_per_user=None)
        secrets = settings.secrets.model_copy(update={"insights_api_key": SecretStr(KEY)})
        talking = settings.model_copy(update={"insights_config": config, "secrets": secrets})
        async with (
            open_backends(talking) as backends,
            open_stage(backends, {_ASKER.id: _ASKER.name}, [], pictures=False) as stage,
        ):
            asker, workspace = stage.people[_ASKER.id], stage.workspace
            for _ in range(_MENTIONS):
                began = perf_counter()
                asked = await asker.say(workspace.channel, "which model is best for news_events?")
                await workspace.reply_to(asked, 30)
                seconds.append(perf_counter() - began)
                await stage.bot.inbox.idle()
    return seconds


def _looking_up(request: ChatRequest) -> Reply:
    return say("Nothing is known of that.") if request.results else call("log")


async def written(home: Path) -> None:
    """The company in this home."""
    settings = load_settings(environ={"FLYWHEEL_HOME": str(home)})
    async with open_backends(settings, with_queue=False) as backends:
        await write_company(backends.database, backends.logs)


def main() -> int:
    """Print the times; 1 where the limit is not kept."""
    with tempfile.TemporaryDirectory(prefix="flywheel-bench-") as folder:
        home = Path(folder)
        asyncio.run(written(home))
        began = perf_counter()
        runs = copy_runs(home / "flywheel.db")
        print(f"{runs:,} runs in the database ({perf_counter() - began:.0f} s to copy)")
        slow = [_told(home, {}), _told(home, _LISTED), _told_first(home)]
    return int(any(slow))


def _told(home: Path, listed: dict[str, list[str]]) -> bool:
    """Print what was measured; whether it took too long."""
    first, seconds = asyncio.run(measured(home, listed))
    ordered = sorted(seconds)
    p95 = ordered[round(0.95 * (len(ordered) - 1))]
    print(f"{'some workloads not for everybody' if listed else 'everybody sees everything'}:")
    print(f"  the first question of a process: {first * 1000:.0f} ms")
    print(
        f"  {len(seconds)} questions after it: median {median(ordered) * 1000:.0f} ms, "
        f"p95 {p95 * 1000:.0f} ms, slowest {ordered[-1] * 1000:.0f} ms"
    )
    kept = p95 <= LIMIT_SECONDS
    print(f"  limit for p95: {LIMIT_SECONDS * 1000:.0f} ms, {'kept' if kept else 'NOT KEPT'}")
    return not kept


def _told_first(home: Path) -> bool:
    """The same of the first words of a language model's answer."""
    seconds = sorted(asyncio.run(first_words(home)))
    kept = seconds[-1] <= FIRST_SECONDS
    print("with a language model, until the thread says something:")
    print(
        f"  {len(seconds)} mentions: median {median(seconds) * 1000:.0f} ms, "
        f"slowest {seconds[-1] * 1000:.0f} ms"
    )
    print(f"  limit: {FIRST_SECONDS * 1000:.0f} ms, {'kept' if kept else 'NOT KEPT'}")
    return not kept


if __name__ == "__main__":
    sys.exit(main())
