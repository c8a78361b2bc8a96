"""What people do with runs: start, list, show, cancel, delete."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Approval, Promotion, Run
from flywheel.decisions.policy import PolicyDocument
from flywheel.errors import (
    ConflictError,
    UnavailableError,
)
from flywheel.ports.backends import Backends
from flywheel.ports.platform import Leftover
from flywheel.promotions import registry
from flywheel.promotions.approvals import Pinned, open_approvals, votes_of
from flywheel.runs import events
from flywheel.runs.announcements import announce
from flywheel.runs.create import create
from flywheel.runs.graph import ACTIVE_RUN
from flywheel.runs.history import completed_before
from flywheel.runs.present import present
from flywheel.runs.state import RunState, load_state, load_states, run_folder, run_ref
from flywheel.runs.sweep import plan_trials
from flywheel.service import new_records
from flywheel.service.naming import check_logged, find, number
from flywheel.service.policies import policy_in_force
from flywheel.service.rights import rule_of
from flywheel.service.startable import offered_candidates, require_needs
from flywheel.service.timetables import with_expectations
from flywheel.service.visibility import without
from flywheel.settings.run_config import merge_run_config
from flywheel.views import Actor, ApprovalView, EventView, RunRequest, RunView

log = logging.getLogger(__name__)


Also = Callable[[AsyncSession, Run], Awaitable[None]]


async def start_run(
    backends: Backends,
    request: RunRequest,
    actor: Actor,
    policy_file: Path | None = None,
    also: Also | None = None,
    key: str | None = None,
) -> RunView:
    """Create a run and wake a worker for it.

    `policy_file` is a file of this machine, so not for people in a conversation to name. `also`
    does more in the transaction that creates the run; if it raises, there is none. A second call
    with the same `key` returns the run of the first. Raises NotFoundError for an unknown workload
    or client, InvalidInputError for a candidate or value that cannot be used, SettingsError for a
    faulty policy, one that does not fit the workload type, or where that type needs a judge and
    none is set.
    """
    if (before := await _started(backends, key)) is not None:
        return before
    await check_logged(backends, request.workload_id, request.client_id)
    policy = await policy_in_force(backends, policy_file)
    overrides = request.overrides()
    config = merge_run_config(backends.settings, overrides)
    require_needs(backends, config, policy)
    candidates = offered_candidates(backends, config)
    trials = await plan_trials(backends.settings, overrides, config, candidates)
    seed = config.data_split_config.random_seed
    assert seed is not None  # merge_run_config draws one where none is configured
    make = partial(
        create,
        workload_id=request.workload_id,
        client_id=request.client_id,
        requested_by=actor.id,
        config=config,
        seed=seed,
        candidates=candidates,
        policy=policy,
        priority=request.priority,
        uploads=backends.platform.uploads,
        deploys=backends.platform.deploys,
        trials=trials,
        request_key=key,
    )
    return await _begin(backends, request, make, key, also)


async def retry_run(backends: Backends, ref: str, actor: Actor, key: str | None = None) -> RunView:
    """Start a run like one that failed or was cancelled: its settings, seed, policy and trials.

    Records that were logged since are read as well. `key` as of `start_run`. Raises NotFoundError,
    ConflictError where it has neither failed nor been cancelled, InvalidInputError for a candidate
    that there is no more.
    """
    if (started := await _started(backends, key)) is not None:
        return started
    async with backends.database.transaction() as session:
        state = await load_state(session, await find(session, ref, backends.hidden))
    before = state.run
    if before.status not in {"failed", "cancelled"}:
        raise ConflictError(
            f"{run_ref(before.id)} is {before.status}.",
            "Only a run that failed or was cancelled is started again.",
        )
    request = RunRequest(workload_id=before.workload_id, client_id=before.client_id)
    await check_logged(backends, request.workload_id, request.client_id)
    candidates = offered_candidates(backends, state.config)
    trials = {c.name: [t.parameters for t in state.trials_of(c.name)] for c in candidates}
    policy = before.policy and PolicyDocument.model_validate(before.policy)
    make = partial(
        create,
        workload_id=before.workload_id,
        client_id=before.client_id,
        requested_by=actor.id,
        config=state.config,
        seed=before.seed,
        candidates=candidates,
        policy=policy or await policy_in_force(backends),
        priority=before.priority,
        uploads=backends.platform.uploads,
        deploys=backends.platform.deploys,
        trials=trials,
        request_key=key,
    )
    return await _begin(backends, request, make, key)


async def _begin(
    backends: Backends,
    request: RunRequest,
    make: Callable[[AsyncSession], Awaitable[Run]],
    key: str | None,
    also: Also | None = None,
) -> RunView:
    """Make the run in one transaction with all that goes with it, and wake a worker for it."""
    counted = await new_records.counts(backends, request)
    try:
        async with backends.database.transaction() as session:
            run = await make(session)
            await new_records.count_from(session, counted)
            await announce(session, run, _channel(backends, run))
            if also is not None:
                await also(session, run)
                await session.flush()
            view = (await views_of(session, [run.id or 0]))[0]
    except IntegrityError:  # somebody with the same key was faster
        if (started := await _started(backends, key)) is None:
            raise
        return started
    await _wake(backends, run, str(run.fence))
    return view


def _channel(backends: Backends, run: Run) -> str | None:
    """Where the runs of its workload are shown, whoever starts them."""
    return backends.settings.slack_config.channels.get(run.workload_id)


async def _started(backends: Backends, key: str | None) -> RunView | None:
    """The run that this has started before, if it has."""
    if key is None:
        return None
    async with backends.database.reading() as session:
        found = (await session.exec(select(Run.id).where(Run.request_key == key))).first()
        return None if found is None else (await views_of(session, [found]))[0]


async def _wake(backends: Backends, run: Run, token: str) -> None:
    """Tell a worker now; where the queue is away, the sweep of the next worker finds the run."""
    try:
        await backends.queue.wake(run.id or 0, token)
    except UnavailableError as error:
        log.info("nobody was woken for %s: %s", run_ref(run.id), error)


async def list_runs(
    backends: Backends,
    workload_id: str | None = None,
    limit: int = 20,
    before: str | None = None,
) -> list[RunView]:
    """The newest runs, newest first; `before` names a run that they are older than."""
    query = select(Run.id).order_by(col(Run.id).desc()).limit(limit)
    if backends.hidden:
        query = query.where(col(Run.workload_id).not_in(backends.hidden))
    if workload_id is not None:
        query = query.where(Run.workload_id == workload_id)
    if before is not None:
        query = query.where(col(Run.id) < number(before))
    async with backends.database.reading() as session:
        views = await views_of(session, [i for i in await session.exec(query) if i is not None])
    return await with_expectations(backends, views)


async def get_run(backends: Backends, ref: str) -> RunView:
    """The run that `ref` names: 'r-12', '12' or 'last'. Raises NotFoundError."""
    async with backends.database.reading() as session:
        views = await views_of(session, [await find(session, ref, backends.hidden)])
    return (await with_expectations(backends, views))[0]


async def run_for_a_channel(backends: Backends, ref: str) -> RunView:
    """The run as it is shown where anybody may read it: of what not everybody sees only itself.

    Raises NotFoundError.
    """
    view = await get_run(backends, ref)
    others = set(backends.settings.access_config.workloads) - {view.workload_id}
    return await get_run(without(backends, others), ref) if others else view


async def runs_by_id(backends: Backends, ids: Sequence[int]) -> list[RunView]:
    """Those of these runs that there are."""
    async with backends.database.reading() as session:
        views = await views_of(session, list(ids))
    return await with_expectations(backends, views)


async def cancel_run(backends: Backends, ref: str, actor: Actor) -> RunView:
    """Ask for the run to be stopped; the worker confirms once nothing of it runs.

    Raises ConflictError where it has ended already.
    """
    async with backends.database.transaction() as session:
        run = await _row(session, ref, backends.hidden)
        if run.status not in ACTIVE_RUN:
            raise ConflictError(f"{run_ref(run.id)} has ended already: it is {run.status}.")
        if run.status != "cancelling":
            log.info("%s is being cancelled by %s", run_ref(run.id), actor.id)
            run.status = "cancelling"
            run.version += 1
            run.wake_at = utc_now()
        await session.flush()
        view = (await views_of(session, [run.id or 0]))[0]
    # Under a name of its own: the look that is due next has the plain one, and comes later.
    await _wake(backends, run, f"{run.fence}-cancel")
    return view


async def delete_run(backends: Backends, ref: str, actor: Actor) -> list[Leftover]:
    """Remove a run with its datasets, predictions, models and events.

    Returns what of it could not be removed outside; `collect_garbage` tries that again. Raises
    ConflictError while it is unfinished, or while a promotion (or the rollback of one)
    needs its model.
    """
    async with backends.database.transaction() as session:
        run = await _row(session, ref, backends.hidden)
        if run.status in ACTIVE_RUN:
            raise ConflictError(
                f"{run_ref(run.id)} is {run.status}.",
                f"Stop it first: `flywheel cancel {run_ref(run.id)}`.",
            )
        if (used := await registry.uses_of(session, run.id or 0)) is not None:
            raise ConflictError(
                f"{used.model_name} of {run_ref(run.id)} is promoted for {used.workload_id}, "
                "or a rollback would bring it back.",
                f"Roll it back first: `flywheel rollback {used.workload_id}`.",
            )
        await session.delete(run)
    log.info("%s was deleted by %s", run_ref(run.id), actor.id)
    left = await backends.platform.remove(run.uid)
    if backends.tracker is not None:
        left += await backends.tracker.remove(run.uid)
    folder = run_folder(backends.settings.home, run.uid)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return left


async def run_versions(backends: Backends, run_ids: Sequence[str]) -> dict[str, int]:
    """The present `version` of each run; runs that are gone are left out."""
    ids = [number(ref) for ref in run_ids]
    query = select(Run.id, Run.version).where(col(Run.id).in_(ids))
    async with backends.database.reading() as session:
        return {run_ref(run_id): version for run_id, version in await session.exec(query)}


async def run_events(backends: Backends, run_id: str, after: int = 0) -> list[EventView]:
    """What happened to a run, in order, from the event after `after` on."""
    async with backends.database.reading() as session:
        rows = await events.read(session, number(run_id), after)
    return [
        EventView.model_validate({**row.model_dump(), "run_id": run_ref(row.run_id)})
        for row in rows
    ]


async def _row(session: AsyncSession, ref: str, hidden: frozenset[str]) -> Run:
    run_id = await find(session, ref, hidden)
    return (await session.exec(select(Run).where(Run.id == run_id).with_for_update())).one()


async def views_of(session: AsyncSession, run_ids: list[int]) -> list[RunView]:
    """These runs as people see them, without what is expected of those that go on."""
    states = await load_states(session, run_ids)
    asked = await open_approvals(session, run_ids)
    votes = await votes_of(session, [one.id for one in asked.values()])
    incumbents = {p.workload_id: p for p in await registry.all_active(session)}
    previous = await completed_before(session, run_ids)
    shown = [
        (
            state,
            _asked(state, asked[run_id], votes) if (run_id := state.run.id or 0) in asked else None,
            _named(incumbents.get(state.run.workload_id)),
        )
        for state in states
    ]
    # How far people agree takes scikit-learn, which is slow to import.
    views = await asyncio.to_thread(lambda: [present(*one) for one in shown])
    for view in views:
        if (before := previous.get(number(view.id))) is not None:
            view.previous_run = run_ref(before)
    return views


def _named(incumbent: Promotion | None) -> str | None:
    return None if incumbent is None else f"{incumbent.model_name} ({run_ref(incumbent.run_id)})"


def _asked(state: RunState, approval: Approval, votes: Mapping[str, list[str]]) -> ApprovalView:
    return ApprovalView(
        id=approval.id,
        needed=approval.needed,
        approved_by=votes.get(approval.id, []),
        four_eyes=rule_of(state.run).four_eyes,
        expires_at=approval.expires_at,
        digests=Pinned.model_validate(approval.pinned).models if approval.pinned else {},
    )
