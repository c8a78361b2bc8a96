"""How soon commands are acknowledged while a run goes on: `python -m tests.bench.bench_ack`.

200 commands a second for a minute to the whole app with its worker, in one process, on SQLite:
signed HTTP, Socket Mode, and HTTP with the database locked by somebody else for ten seconds of it.
One command in 20 is delivered twice. Afterwards every command must have been answered exactly
once. Ends with status 1 where a limit is broken.
"""

import argparse
import asyncio
import contextlib
import socket
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep

import aiohttp

from flywheel.service.logs import import_files
from flywheel.settings import load_settings
from flywheel.wiring import open_backends
from tests.bench.slack_load import Load, by_http, by_socket, form, slack
from tests.peers.slack.app import App, running
from tests.support.running import write_log

P99_LIMIT = 0.250
SLACKS_LIMIT = 3.0
TWICE_EVERY = 20
RECORDS = 8_000
POLL = 0.5  # seconds between two looks whether the next run has to be started
TEXTS = ("status", "runs", "help", "workloads", "status r-1", "cancel r-99", "statsu")
SECRET = "bench-secret"
LOCKED_SECONDS = 10.0
LEAST_GOING_ON = 0.8

Send = Callable[[float, dict[str, str]], Coroutine[None, None, None]]


@dataclass
class Row:
    """One line of the table."""

    name: str
    commands: int
    p50: float
    p95: float
    p99: float
    slowest: float
    answered_after: float  # the last answer, after the last command
    failed: int
    wrong: int  # commands that were not answered exactly once
    went_on: float  # share of the time in which a run went on
    limit: float
    reached: float  # what has to stay within the limit

    @property
    def holds(self) -> bool:
        """Whether all is as it should be."""
        fine = not self.failed and not self.wrong and self.went_on > LEAST_GOING_ON
        return self.reached <= self.limit and fine


def main() -> None:
    """Measure and print; exits with 1 where a limit is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=200, help="commands a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=("HTTP", "Socket Mode"))
    chosen = parser.parse_args()
    rows = []
    for mode, locked in (("HTTP", False), ("Socket Mode", False), ("HTTP", True)):
        if chosen.only not in {None, mode}:
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(_measure(Path(folder), mode, locked, chosen)))
        _print(rows[-1:], heading=len(rows) == 1)
    sys.exit(0 if all(row.holds for row in rows) else 1)


async def _measure(folder: Path, mode: str, locked: bool, chosen: argparse.Namespace) -> Row:
    async with (
        slack() as load,
        _app(folder, load, mode) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):

        async def send(due: float, fields: dict[str, str]) -> None:
            if mode == "HTTP":
                await by_http(load, session, url, SECRET, due, form(fields))
            else:
                await asyncio.wait_for(load.connected.wait(), 30)
                await by_socket(load, due, fields)

        looks: list[bool] = []
        keeping = asyncio.create_task(_keep_a_run_going(folder, load, send, looks))
        await _until(lambda: _running(folder))
        looks.clear()
        load.seconds.clear()
        load.tokens.clear()
        locking = asyncio.create_task(_lock(folder, chosen.seconds)) if locked else None
        await _drive(load, send, chosen.rate, chosen.seconds)
        ended = monotonic()
        keeping.cancel()
        if locking is not None:
            await locking
        went_on = sum(looks) / len(looks)
        with contextlib.suppress(TimeoutError):
            await _until(lambda: min(load.answers()) >= 1, 300.0)
        answered_after = monotonic() - ended
        await asyncio.sleep(1)  # for answers that should not be there
    seconds = sorted(load.seconds)

    def at(share: float) -> float:
        return seconds[min(len(seconds) - 1, int(len(seconds) * share))]

    limit, reached = (SLACKS_LIMIT, seconds[-1]) if locked else (P99_LIMIT, at(0.99))
    wrong = sum(number != 1 for number in _answers(load, locked))
    name = f"{mode}, database locked {LOCKED_SECONDS:.0f} s" if locked else mode
    times = (at(0.5), at(0.95), at(0.99), seconds[-1])
    return Row(
        name, len(load.tokens), *times, answered_after, load.failed, wrong, went_on, limit, reached
    )


def _answers(load: Load, locked: bool) -> list[int]:
    """Answers by command; where the database was away, one more that said so is right."""
    return [1 if locked and number == 2 else number for number in load.answers()]


async def _drive(load: Load, send: Send, rate: int, seconds: int) -> None:
    begun, texts = monotonic(), cycle(TEXTS)
    sending = set()
    for number in range(rate * seconds):
        due = begun + number / rate
        if (early := due - monotonic()) > 0:
            await asyncio.sleep(early)
        fields = load.fields(next(texts))
        for _ in range(2 if number % TWICE_EVERY == 0 else 1):
            task = asyncio.create_task(send(due, fields))
            sending.add(task)
            task.add_done_callback(sending.discard)
    while sending:
        await asyncio.wait(set(sending))


@asynccontextmanager
async def _app(folder: Path, load: Load, mode: str) -> AsyncIterator[str]:
    """The app as a process of its own, with a log; yields where it takes deliveries."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environ = {
        "FLYWHEEL_HOME": str(folder),
        "FLYWHEEL_LOGGING_CONFIG__LEVEL": "WARNING",
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        **({"SLACK_APP_TOKEN": "xapp-bench"} if mode == "Socket Mode" else {}),
    }
    async with open_backends(load_settings(environ=environ)) as backends:
        log = write_log(folder / "log.jsonl", RECORDS)
        await import_files(backends.logs, [log], reject_dir=folder)
    app = App(f"{load.url}/api/", port, environ, folder / "app.log")
    async with running(app):
        yield f"http://127.0.0.1:{port}/slack/events"


async def _lock(folder: Path, seconds: int) -> None:
    """Keep the database to oneself in the middle of the load."""
    await asyncio.sleep(seconds / 3)

    def lock() -> None:
        with contextlib.closing(
            sqlite3.connect(folder / "flywheel.db", timeout=10, isolation_level=None)
        ) as other:
            other.execute("BEGIN EXCLUSIVE")
            sleep(LOCKED_SECONDS)
            other.execute("ROLLBACK")

    await asyncio.to_thread(lock)


async def _keep_a_run_going(folder: Path, load: Load, send: Send, looks: list[bool]) -> None:
    """Start the next run whenever none is left; notes whether one went on at each look."""
    while True:
        looks.append(_running(folder))
        if not looks[-1]:
            fields = load.fields("run news")
            load.tokens.pop()  # it is answered by a card
            await send(monotonic(), fields)
            load.seconds.pop()
            await _until(lambda: _running(folder))
        await asyncio.sleep(POLL)


def _running(folder: Path) -> bool:
    return bool(_ask(folder, "SELECT count(*) FROM run WHERE finished_at IS NULL"))


def _ask(folder: Path, query: str) -> float:
    with contextlib.closing(sqlite3.connect(folder / "flywheel.db", timeout=30)) as database:
        return float(database.execute(query).fetchone()[0])


async def _until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.05)


def _print(rows: list[Row], *, heading: bool) -> None:
    line = "{:<30}{:>9}{:>8}{:>8}{:>8}{:>9}{:>12}{:>8}{:>7}{:>9}  {}"
    if heading:
        names = ["commands", "p50 ms", "p95 ms", "p99 ms", "slowest", "answered +s", "failed"]
        names += ["wrong", "run on", "of the limit"]
        sys.stdout.write(line.format("", *names) + "\n")
    for row in rows:
        times = [f"{1000 * t:.0f}" for t in (row.p50, row.p95, row.p99, row.slowest)]
        share = f"{row.reached / row.limit:.2f} of {1000 * row.limit:.0f} ms"
        rest = (f"{row.answered_after:.1f}", row.failed, row.wrong, f"{row.went_on:.2f}", share)
        sys.stdout.write(line.format(row.name, row.commands, *times, *rest) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
