"""What one person wants to see first: what waits for them, what runs, what serves."""

from collections import Counter
from collections.abc import Sequence

from sqlmodel import col, select

from flywheel.db.models import Approval, Run
from flywheel.ports.backends import Backends
from flywheel.runs.graph import ACTIVE_RUN
from flywheel.runs.state import run_ref
from flywheel.service.naming import number
from flywheel.service.promotions import incumbents
from flywheel.service.rights import may_approve
from flywheel.service.runs import runs_by_id
from flywheel.views import Actor, HomeView, PromotionView, RunView, WorkloadView

WAITING, MINE, RUNNING, WORKLOADS = 10, 5, 10, 20


async def home(backends: Backends, actor: Actor) -> HomeView:
    """The first look of a person; without the log, where that does not answer."""
    promoted = (await incumbents(backends))[:WORKLOADS]
    async with backends.database.reading() as session:
        asked = select(Approval.run_id).where(Approval.status == "open")
        waiting = list(await session.exec(asked.order_by(col(Approval.run_id).desc())))
        active = select(Run.id).where(col(Run.status).in_(ACTIVE_RUN))
        running = list(await session.exec(active.order_by(col(Run.id).desc()).limit(RUNNING)))
        own = select(Run.id).where(Run.requested_by == actor.id)
        mine = list(await session.exec(own.order_by(col(Run.id).desc()).limit(MINE)))
        checked = {}
        for one in promoted:  # the newest run that has scored what serves now
            later = select(Run.id).where(
                Run.workload_id == one.workload_id,
                col(Run.id) > number(one.run_id),
                Run.status == "completed",
                col(Run.incumbent).is_not(None),
            )
            checked[one.workload_id] = (
                await session.exec(later.order_by(col(Run.id).desc()).limit(1))
            ).first()
    wanted = {i for i in (*waiting[:100], *running, *mine, *checked.values()) if i is not None}
    views = {number(view.id): view for view in await runs_by_id(backends, sorted(wanted))}
    return HomeView(
        waiting=[v for v in _of(views, waiting) if _waits_for(backends, actor, v)][:WAITING],
        running=_of(views, running),
        mine=_of(views, mine),
        workloads=[
            WorkloadView(
                workload_id=one.workload_id,
                serving=one,
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
    served = [
        one.model_copy(update={"records": records.get(one.workload_id, 0)})
        for one in view.workloads
    ]
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


def _of(views: dict[int, RunView], ids: Sequence[int | None]) -> list[RunView]:
    return [views[i] for i in ids if i in views]


def _waits_for(backends: Backends, actor: Actor, view: RunView) -> bool:
    """Whether this person is one of those who decide, and has not said yes already."""
    approval = view.approval
    if approval is None or not may_approve(backends, actor, view.workload_id):
        return False
    own = approval.four_eyes and view.requested_by == actor.id
    return not own and actor.id not in approval.approved_by


def _comparison(serving: PromotionView, runs: Sequence[RunView]) -> RunView | None:
    """The run, where it is really this model that it scored."""
    name = f"{serving.model_name} ({run_ref(number(serving.run_id))})"
    return next((r for r in runs if r.compared and r.compared.name == name), None)
