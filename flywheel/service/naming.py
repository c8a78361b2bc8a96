"""What people call things: runs by their number or 'last', and mistyped names."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run
from flywheel.errors import NotFoundError
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


async def find(session: AsyncSession, ref: str) -> int:
    """The id of the run that `ref` names. Raises NotFoundError."""
    query = select(Run.id).order_by(col(Run.id).desc()).limit(1)
    last = (await session.exec(query)).one_or_none()
    if last is None:
        raise NotFoundError("There are no runs yet.", "Start one: `flywheel run WORKLOAD`.")
    if is_last(ref):
        return last
    wanted = number(ref)
    if await session.get(Run, wanted) is None:
        raise NotFoundError(
            f"There is no run {run_ref(wanted)}.", f"The last one is {run_ref(last)}."
        )
    return wanted
