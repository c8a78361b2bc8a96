"""`flywheel` that kills itself at the commits of a run: `mortal_worker.py FILE DEATHS worker`.

At each kind of commit it dies as often as DEATHS says just before it, and as often just after it.
FILE has a line for each death; the next worker reads it. A kind is the functions that opened the
transaction, and which columns of which rows it changes from what to what.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.cli.main import main
from flywheel.db.engine import Database
from flywheel.db.models import Run, Step

FLYWHEEL = str(Path(sys.modules["flywheel"].__path__[0])) + os.sep
PLUMBING = {"advance_job", "transaction", "__aenter__"}


class Mortal:
    """Where a worker is to die, and has died."""

    def __init__(self, deaths: Path, times: int) -> None:
        self._file, self._times = deaths, times
        self._before = Counter(deaths.read_text().splitlines() if deaths.exists() else [])

    def reaches(self, when: str, kind: str) -> None:
        """Die, where not enough have."""
        death = f"{when}: {kind}"
        if self._before[death] >= self._times:
            return
        with self._file.open("a") as file:
            file.write(f"{death}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def install(mortal: Mortal) -> None:
    """Let every transaction of this process pass by it."""
    opened = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[AsyncSession]:
        callers = _callers(sys._getframe())
        changes: set[str] = set()

        def collect(flushed: Session, *_: object) -> None:
            changes.update(_changes(flushed))

        async with opened(self) as session:
            event.listen(session.sync_session, "before_flush", collect)
            yield session
            await session.flush()
            kind = f"{callers} [{'; '.join(sorted(changes))}]" if changes else callers
            mortal.reaches("before", kind)
        mortal.reaches("after", kind)

    Database.transaction = transaction  # type: ignore[method-assign]


def _callers(frame: FrameType | None) -> str:
    """The functions of flywheel that led here, the last first, without what is always there."""
    names = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(FLYWHEEL) and code.co_name not in PLUMBING:
            names.append(code.co_name)
        frame = frame.f_back
    return " < ".join(names[:2])


def _changes(session: Session) -> set[str]:
    """What the rows of runs and steps are changed to, and which rows are added."""
    said = {f"+{type(row).__name__}" for row in session.new}
    for row in session.dirty:
        if not isinstance(row, Run | Step) or not session.is_modified(row):
            continue
        states = inspect(row).attrs
        changed = [
            f"{name} {_old(states[name].history.deleted)}→{getattr(row, name)}"
            for name in ("status", "launched")
            if name in states and states[name].history.has_changes()
        ]
        what = row.kind if isinstance(row, Step) else "run"
        said.add(f"{what} {', '.join(changed)}".strip())
    return said


def _old(values: object) -> object:
    return values[0] if isinstance(values, list | tuple) and values else "?"


if __name__ == "__main__":
    _, deaths, times, *words = sys.argv
    install(Mortal(Path(deaths), int(times)))
    sys.argv = ["flywheel", *words]
    main()
