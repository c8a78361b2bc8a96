"""What people call things: runs by their number or 'last', workloads, and mistyped names."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.runs.state import run_ref


def nearest(name: str, known: Iterable[str]) -> str:
    """'Did you mean X? ' where one of the known names is close, else nothing."""
    close = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f"Did you mean {close[0]}? " if close else ""


def number(ref: str) -> int:
    """The number in 'r-12' or '12'. Raises NotFoundError where `ref` is no run's name."""
    match = re.fullmatch(r"(?:r-)?(\d{1,9})", ref.strip(), re.IGNORECASE)
    if match is None:
        raise NotFoundError(
            f"'{ref}' is not a run.", "Runs are called r-1, r-2 and so on, or 'last'."
        )
    return int(match[1])


def is_last(ref: str) -> bool:
    """Whether it means the newest run, whichever that is."""
    return ref.strip().lower() in {"last", "latest"}


async def find(session: AsyncSession, ref: str, hidden: frozenset[str]) -> int:
    """The id of the run that `ref` names; those of `hidden` workloads are not there.

    Raises NotFoundError.
    """
    query = select(Run.id).order_by(col(Run.id).desc()).limit(1)
    query = query.where(col(Run.workload_id).not_in(hidden)) if hidden else query
    last = (await session.exec(query)).one_or_none()
    if last is None:
        raise NotFoundError("There are no runs yet.", "Start one: `flywheel run WORKLOAD`.")
    if is_last(ref):
        return last
    wanted = number(ref)
    run = await session.get(Run, wanted)
    if run is None or run.workload_id in hidden:
        raise NotFoundError(
            f"There is no run {run_ref(wanted)}.", f"The last one is {run_ref(last)}."
        )
    return wanted


async def check_logged(backends: Backends, workload_id: str, client_id: str | None = None) -> None:
    """Raises NotFoundError where the log holds no such records."""
    selection = Selection(workload_id=workload_id, client_id=client_id, limit=1)
    if await backends.logs.count(selection):
        return
    summaries = await backends.logs.workloads()
    if not summaries:
        raise NotFoundError(
            "The log is empty.",
            "Import one with `flywheel logs import FILE`, or make one with `flywheel sample`.",
        )
    clients = [s.client_id for s in summaries if s.workload_id == workload_id]
    if clients:
        raise NotFoundError(
            f"The log holds no records of client '{client_id}' for {workload_id}.",
            f"It has: {', '.join(clients)}.",
        )
    names = sorted({s.workload_id for s in summaries})
    raise NotFoundError(
        f"The log holds no workload '{workload_id}'.",
        f"{nearest(workload_id, names)}It has: {', '.join(names)}.",
    )
