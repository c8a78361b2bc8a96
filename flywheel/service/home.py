"""What one person wants to see first: what waits for them, what runs, what serves."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Approval, Run
from flywheel.evaluation.scores import Scores
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.runs.graph import ACTIVE_RUN
from flywheel.runs.state import run_ref
from flywheel.service.naming import number
from flywheel.service.promotions import incumbents
from flywheel.service.rights import may_approve
from flywheel.service.runs import runs_by_id
from flywheel.views import Actor, HomeView, PromotionView, RunView, WorkloadView

WAITING, MINE, RUNNING, WORKLOADS = 10, 5, 10, 20
_LOOKED_AT = 50  # questions that a person might answer


async def home(backends: Backends, actor: Actor) -> HomeView:
    """The first look of a person; without the log, where that does not answer."""
    promoted = (await incumbents(backends))[:WORKLOADS]
    async with backends.database.reading() as session:
        asked = await _asked(backends, session, actor)
        seen = col(Run.workload_id).not_in(backends.hidden)
        active = select(Run.id).where(col(Run.status).in_(ACTIVE_RUN), seen)
        running = list(await session.exec(active.order_by(col(Run.id).desc())))
        own = select(Run.id).where(Run.requested_by == actor.id, seen)
        mine = list(await session.exec(own.order_by(col(Run.id).desc()).limit(MINE)))
        checked = {one.workload_id: await _last_check(session, one) for one in promoted}
    origins = {one.workload_id: number(one.run_id) for one in promoted}
    shown = (*asked, *running[:RUNNING], *mine, *checked.values(), *origins.values())
    wanted = sorted({i for i in shown if i is not None})
    views = {number(view.id): view for view in await runs_by_id(backends, wanted)}
    waiting = [v for v in _of(views, asked) if _waits_for(actor, v)]
    return HomeView(
        waiting=waiting[:WAITING],
        more_waiting=max(0, len(waiting) - WAITING),
        running=_of(views, running[:RUNNING]),
        more_running=max(0, len(running) - RUNNING),
        mine=_of(views, mine),
        workloads=[
            WorkloadView(
                workload_id=one.workload_id,
                serving=one,
                scores=_scores(one, views.get(origins[one.workload_id])),
                checked=_comparison(one, _of(views, [checked[one.workload_id]])),
            )
            for one in promoted
        ],
    )


async def with_log(backends: Backends, view: HomeView) -> HomeView:
    """The same with what the log holds: how many records, and workloads that nothing serves yet."""
    records: Counter[str] = Counter()
    for summary in await backends.logs.workloads():
        records[summary.workload_id] += summary.records
    known = {one.workload_id for one in view.workloads}
    served = await asyncio.gather(
        *(_with_records(backends, one, records[one.workload_id]) for one in view.workloads)
    )
    others = [
        WorkloadView(workload_id=name, records=count)
        for name, count in records.most_common()
        if name not in known
    ]
    return view.model_copy(
        update={
            "workloads": [*served, *others][:WORKLOADS],
            "more_workloads": max(0, len(served) + len(others) - WORKLOADS),
        }
    )


async def _asked(backends: Backends, session: AsyncSession, actor: Actor) -> list[int]:
    """The runs with an open question on whose workload this person decides, newest first."""
    query = (
        select(Approval.run_id, Run.workload_id)
        .join(Run, col(Run.id) == col(Approval.run_id))
        .where(Approval.status == "open", col(Run.workload_id).not_in(backends.hidden))
        .order_by(col(Approval.run_id).desc())
    )
    rows = await session.exec(query)
    return [i for i, workload in rows if may_approve(backends, actor, workload)][:_LOOKED_AT]


async def _last_check(session: AsyncSession, serving: PromotionView) -> int | None:
    """The newest run that has scored what serves now, on newer records."""
    later = select(Run.id).where(
        Run.workload_id == serving.workload_id,
        col(Run.id) > number(serving.run_id),
        Run.status == "completed",
        col(Run.incumbent).is_not(None),
    )
    return (await session.exec(later.order_by(col(Run.id).desc()).limit(1))).first()


async def _with_records(backends: Backends, one: WorkloadView, records: int) -> WorkloadView:
    """How many records there are, and how many of them nobody had seen when it was promoted."""
    since = None
    if one.serving is not None:
        newer = Selection(workload_id=one.workload_id, since=one.serving.approved_at)
        since = await backends.logs.count(newer)
    return one.model_copy(update={"records": records, "records_since": since})


def _of(views: dict[int, RunView], ids: Sequence[int | None]) -> list[RunView]:
    return [views[i] for i in ids if i in views]


def _waits_for(actor: Actor, view: RunView) -> bool:
    """Whether this person can still answer: has not said yes already, and is not left out."""
    approval = view.approval
    if approval is None:  # its time is over
        return False
    own = approval.four_eyes and view.requested_by == actor.id
    return not own and actor.id not in approval.approved_by


def _scores(serving: PromotionView, run: RunView | None) -> Scores | None:
    """Of what serves now, in its own run."""
    candidates = () if run is None else run.nims
    return next((c.customized for c in candidates if c.model_name == serving.model_name), None)


def _comparison(serving: PromotionView, runs: Sequence[RunView]) -> RunView | None:
    """The run, where it is really this model that it scored."""
    name = f"{serving.model_name} ({run_ref(number(serving.run_id))})"
    return next((r for r in runs if r.compared and r.compared.name == name), None)
