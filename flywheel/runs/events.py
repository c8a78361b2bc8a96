"""The outbox: what happened to a run, written in the transaction that made it happen."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Event, Run
from flywheel.views import EventKind


def record(session: AsyncSession, run: Run, kind: EventKind, text: str) -> None:
    """Add an event; it exists if, and only if, the transaction commits."""
    assert run.id is not None
    session.add(Event(run_id=run.id, kind=kind, text=text))


async def read(session: AsyncSession, run_id: int, after: int = 0) -> list[Event]:
    """The events of a run with an id above `after`, in order."""
    query = (
        select(Event).where(Event.run_id == run_id, col(Event.id) > after).order_by(col(Event.id))
    )
    return list(await session.exec(query))
