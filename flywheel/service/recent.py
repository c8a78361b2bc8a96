"""The newest runs for those who ask again and again: what has not changed is not read anew."""

from collections.abc import Mapping
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Review, Run
from flywheel.ports.backends import Backends
from flywheel.promotions import registry
from flywheel.runs.history import completed_before
from flywheel.runs.state import run_ref
from flywheel.service.naming import number
from flywheel.service.runs import views_of
from flywheel.service.timetables import with_expectations
from flywheel.views import RunView

_MOST_KEPT = 500  # views of one database


class _Kept(NamedTuple):
    """A view, and what it was read under."""

    version: int
    review: int  # the last one; they do not change the version
    view: RunView

    def holds(self, version: int, review: int) -> bool:
        asked = self.view.approval
        expires = None if asked is None else asked.expires_at
        over = expires is not None and expires <= utc_now()
        return (self.version, self.review) == (version, review) and not over


_kept: WeakKeyDictionary[Database, dict[int, _Kept]] = WeakKeyDictionary()


async def recent_runs(
    backends: Backends, workload_id: str | None = None, limit: int = 20
) -> list[RunView]:
    """The newest runs, newest first, as `list_runs` returns them."""
    query = select(Run.id, Run.version).order_by(col(Run.id).desc()).limit(limit)
    if backends.hidden:
        query = query.where(col(Run.workload_id).not_in(backends.hidden))
    if workload_id is not None:
        query = query.where(Run.workload_id == workload_id)
    kept = _kept.setdefault(backends.database, {})
    async with backends.database.reading() as session:
        versions = {run: version for run, version in await session.exec(query) if run is not None}
        reviews = await _last_reviews(session, versions)
        stale = [
            run
            for run, version in versions.items()
            if run not in kept or not kept[run].holds(version, reviews.get(run, 0))
        ]
        # Others ask meanwhile: what is needed here is held here.
        known = {run: kept[run].view for run in versions if run not in stale}
        read = await views_of(session, stale) if stale else []
        for view in read:
            run = number(view.id)
            known[run] = view
            kept[run] = _Kept(view.version, reviews.get(run, 0), view)
        views = await _as_of_now(session, {run: known[run] for run in versions if run in known})
    while len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]  # the one that was read first
    return await with_expectations(backends, views)


async def _as_of_now(session: AsyncSession, views: Mapping[int, RunView]) -> list[RunView]:
    """With what depends on other runs than their own."""
    incumbents = {
        p.workload_id: f"{p.model_name} ({run_ref(p.run_id)})"
        for p in await registry.all_active(session)
    }
    previous = await completed_before(session, list(views))
    return [
        view.model_copy(
            update={
                "incumbent": incumbents.get(view.workload_id),
                "previous_run": run_ref(previous[run]) if run in previous else None,
            }
        )
        for run, view in views.items()
    ]


async def _last_reviews(session: AsyncSession, runs: Mapping[int, int]) -> dict[int, int]:
    query = (
        select(Review.run_id, func.max(Review.id))
        .where(col(Review.run_id).in_(list(runs)))
        .group_by(col(Review.run_id))
    )
    return {run: last for run, last in await session.exec(query) if last is not None}
