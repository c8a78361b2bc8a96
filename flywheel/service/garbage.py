"""What is left outside of runs that there are no more."""

from sqlmodel import select

from flywheel.db.models import Run
from flywheel.ports.backends import Backends
from flywheel.ports.platform import Leftover
from flywheel.service.asked import forget_old
from flywheel.views import GarbageView


async def leftovers(backends: Backends) -> list[Leftover]:
    """What is ours outside and belongs to no run."""
    async with backends.database.transaction() as session:
        known = set(await session.exec(select(Run.uid)))
    found = await backends.platform.leftovers(known)
    if backends.tracker is not None:
        found += await backends.tracker.leftovers(known)
    return found


async def collect_garbage(backends: Backends) -> GarbageView:
    """Remove it, run by run; what cannot be removed comes back with the reason.

    Questions that are older than the settings keep them go as well.
    Nothing is touched whose name does not say which run made it.
    """
    found = await leftovers(backends)
    left = [
        leftover.model_copy(update={"why": "Its name does not say which run made it."})
        for leftover in found
        if leftover.run_uid is None
    ]
    for uid in sorted({leftover.run_uid for leftover in found if leftover.run_uid}):
        left += await backends.platform.remove(uid)
        if backends.tracker is not None:
            left += await backends.tracker.remove(uid)
    return GarbageView(
        removed=max(len(found) - len(left), 0), left=left, questions=await forget_old(backends)
    )
