"""How long an answer without a language model takes with ten thousand runs in the database."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from flywheel.db.models import Candidate, Dataset, Evaluation, Run, Step
from flywheel.ports.backends import Backends
from flywheel.service.questions import ask
from flywheel.settings.access import AccessConfig
from flywheel.views import Actor, Place
from flywheel.wiring import open_backends
from tests.support.running import settings_of
from tests.support.scored_runs import CLASSES, add_run

RUNS, ASKED = 10_000, 200
LIMIT = 300  # ms, of the 95th percentile
ANN = Actor(id="U0ANN00001", name="ann", origin="slack")
THREAD = Place(channel="C1", thread="1.1")
QUESTIONS = (
    "which model is best?",
    "status of r-17",
    "what would we save at 4 million requests a month?",
    "compare hashing-sgd and tfidf-svm",
    "which class is worst in r-9000?",
    "and how fast is it?",
)


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 20 == 0)) % 3]


async def fill(backends: Backends, folder: Path) -> None:
    """Two runs of two workloads, again and again."""
    for workload in ("news", "takeovers"):
        await add_run(backends, folder, labels, workload_id=workload)
    async with backends.database.transaction() as session:
        connection = await session.connection()
        columns = _columns(Run, {"id", "uid", "request_key"})
        copy = f"INSERT INTO run (uid, {columns}) SELECT :i || '-' || id, {columns} FROM run"
        for i in range(RUNS // 2 - 1):
            await connection.execute(text(f"{copy} WHERE id <= 2"), {"i": i})
        for table in (Step, Candidate, Evaluation, Dataset):
            name, columns = table.__tablename__, _columns(table, {"id", "run_id"})
            await connection.execute(
                text(
                    f"INSERT INTO {name} (run_id, {columns}) SELECT run.id, {columns} "
                    f"FROM (SELECT id FROM run WHERE id > 2) AS run "
                    f"JOIN (SELECT run_id, {columns} FROM {name}) AS kept "
                    "ON kept.run_id = 2 - run.id % 2"
                )
            )


def _columns(table: type[Run | Step | Candidate | Evaluation | Dataset], but: set[str]) -> str:
    names = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
    return ", ".join(f'"{name}"' for name in names if name not in but)


async def measure(listed: dict[str, list[str]]) -> bool:
    """Prints it; whether it is within the limit."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(Path(folder) / "home")
        access = {"access_config": AccessConfig(workloads=listed)}
        async with open_backends(settings.model_copy(update=access), with_queue=False) as backends:
            await fill(backends, Path(folder))
            taken = []
            for number in range(ASKED):
                began = time.perf_counter()
                await ask(backends, QUESTIONS[number % len(QUESTIONS)], ANN, None, THREAD)
                taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    p50, p95 = taken[ASKED // 2], taken[ASKED * 95 // 100]
    what = "one of two workloads for some people alone" if listed else "all for everybody"
    ratio = f"{p95 / LIMIT:.2f} of {LIMIT} ms"
    print(f"{RUNS:,} runs, {what}: half within {p50:.0f} ms, 95 % within {p95:.0f} ms ({ratio})")
    return p95 <= LIMIT


async def main() -> bool:
    """Without restricted workloads and with."""
    return all([await measure({}), await measure({"takeovers": [ANN.id]})])


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
