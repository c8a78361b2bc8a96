"""Frozen evaluation sets: runs that are compared are evaluated on the same records."""

import asyncio
import logging
import shutil
from hashlib import sha256
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import FrozenSet
from flywheel.errors import ConflictError, DataError, NotFoundError, UnavailableError
from flywheel.ports.backends import Backends
from flywheel.runs.state import load_state, run_ref
from flywheel.service.naming import find, nearest
from flywheel.views import Actor, EvalSetView

log = logging.getLogger(__name__)


async def freeze(backends: Backends, ref: str, actor: Actor) -> EvalSetView:
    """Freeze the evaluation set of a run for later runs of its workload (and client).

    The file is copied, so that it stays when the run is deleted. The set that was in force is
    released; its records are still not trained on. Raises NotFoundError, ConflictError where the
    run has no evaluation set or another set was frozen at the same moment, DataError where its
    file is gone or was changed, UnavailableError where it cannot be copied.
    """
    async with backends.database.transaction() as session:
        state = await load_state(session, await find(session, ref, backends.hidden))
    run = state.run
    found = [d for d in state.datasets if d.name == "eval"]
    if not found:
        raise ConflictError(
            f"{run_ref(run.id)} has no evaluation set.",
            f"It is {run.status}; wait for its datasets.",
        )
    source = found[0]
    path = backends.settings.home / "eval-sets" / f"{source.digest}.jsonl"
    await asyncio.to_thread(_copy, Path(source.uri), source.digest, path)
    try:
        async with backends.database.transaction() as session:
            now = await _in_force(session, run.workload_id, run.client_id)
            if now is not None and now.digest == source.digest:
                return _view(now)
            if now is not None:
                now.released_at, now.released_by = utc_now(), actor.id
                await session.flush()
            assert run.id is not None
            row = FrozenSet(
                workload_id=run.workload_id,
                client_id=run.client_id or "",
                run_id=run.id,
                uri=str(path),
                num_records=source.num_records,
                digest=source.digest,
                frozen_by=actor.id,
            )
            session.add(row)
            await session.flush()
            view = _view(row)
    except IntegrityError as error:
        raise ConflictError(
            f"Somebody else froze an evaluation set of {run.workload_id} just now.",
            "See it with `flywheel eval-set list`.",
        ) from error
    log.info("%s froze the evaluation set of %s", actor.id, run_ref(run.id))
    return view


async def release(
    backends: Backends, workload_id: str, client_id: str | None, actor: Actor
) -> EvalSetView:
    """Let later runs draw their own evaluation sets again. Raises NotFoundError."""
    async with backends.database.transaction() as session:
        row = await _in_force(session, workload_id, client_id)
        if row is None or workload_id in backends.hidden:
            query = select(FrozenSet.workload_id).where(col(FrozenSet.released_at).is_(None))
            names = sorted(set(await session.exec(query)) - backends.hidden)
            of = f" of client '{client_id}'" if client_id else ""
            raise NotFoundError(
                f"No evaluation set of {workload_id}{of} is frozen.",
                f"{nearest(workload_id, [n for n in names if n != workload_id])}"
                f"Frozen are those of: {', '.join(names) or 'none'}.",
            )
        row.released_at, row.released_by = utc_now(), actor.id
        await session.flush()
        return _view(row)


async def eval_sets(backends: Backends, workload_id: str | None = None) -> list[EvalSetView]:
    """Every frozen set, the newest first; those that were released as well."""
    query = select(FrozenSet).order_by(col(FrozenSet.id).desc())
    if workload_id is not None:
        query = query.where(FrozenSet.workload_id == workload_id)
    async with backends.database.transaction() as session:
        rows = list(await session.exec(query))
    return [_view(row) for row in rows if row.workload_id not in backends.hidden]


async def _in_force(
    session: AsyncSession, workload_id: str, client_id: str | None
) -> FrozenSet | None:
    query = select(FrozenSet).where(
        FrozenSet.workload_id == workload_id,
        FrozenSet.client_id == (client_id or ""),
        col(FrozenSet.released_at).is_(None),
    )
    return (await session.exec(query.with_for_update())).one_or_none()


def _copy(source: Path, digest: str, path: Path) -> None:
    """Copy a dataset file, all or nothing, after it has been checked."""
    try:
        with source.open("rb") as file:
            if sha256(file.read()).hexdigest() != digest:
                raise DataError(
                    f"The evaluation set {source} is not the file that was built.",
                    "Start the run again, and freeze the set of the new one.",
                )
    except OSError as error:
        raise DataError(
            f"The evaluation set {source} cannot be read: {error.strerror}.",
            "Start the run again, and freeze the set of the new one.",
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        shutil.copyfile(source, draft)
        draft.replace(path)
    except OSError as error:
        raise UnavailableError(
            f"The evaluation set cannot be copied to {path}: {error.strerror}.",
            "Check its permissions and the space on its disk.",
        ) from error


def _view(row: FrozenSet) -> EvalSetView:
    return EvalSetView(
        workload_id=row.workload_id,
        client_id=row.client_id or None,
        run_id=run_ref(row.run_id),
        records=row.num_records,
        digest=row.digest,
        uri=row.uri,
        frozen_by=row.frozen_by,
        frozen_at=row.frozen_at,
        released_by=row.released_by,
        released_at=row.released_at,
    )
