"""Starting the runs of schedules that are due: each firing once, whatever happens to workers.

A worker claims a firing for a while by one conditional UPDATE. The run is created in the same
transaction that moves the schedule on, on condition that nobody has: so a worker that is killed in
between leaves the firing to the next one, and one that is too slow starts no second run. However
many moments went by while nobody was there, one run makes up for them. A moment at which the
schedule's last run still goes on is left out: runs do not pile up.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import case, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Run, Schedule
from flywheel.errors import FlywheelError, UnavailableError
from flywheel.formatting import when
from flywheel.ports.backends import Backends
from flywheel.runs.announcements import announce
from flywheel.runs.graph import ACTIVE_RUN
from flywheel.runs.state import run_ref
from flywheel.schedules.rule import CalendarRule, RecordsRule, next_due, stored_rule
from flywheel.service import new_records
from flywheel.service.runs import start_run
from flywheel.service.schedules import schedule_ref
from flywheel.views import Actor, RunRequest

log = logging.getLogger(__name__)

PATIENCE = 3  # failures in a row; then it pauses itself
RETRY = timedelta(hours=1)  # of one by records, after a failure


class _LostError(Exception):
    """Somebody else has moved the schedule on, or paused it."""


async def fire_due(backends: Backends) -> list[str]:
    """Start the runs that are due; returns which. Raises UnavailableError."""
    due = (
        select(Schedule.id)
        .where(col(Schedule.paused_at).is_(None), col(Schedule.next_due) <= utc_now())
        .order_by(col(Schedule.next_due))
    )
    async with backends.database.reading() as session:
        ids = [found for found in await session.exec(due) if found is not None]
    started = [await _fire(backends, schedule_id) for schedule_id in ids]
    return [run_id for run_id in started if run_id is not None]


async def _fire(backends: Backends, schedule_id: int) -> str | None:
    row = await _claim(backends, schedule_id)
    if row is None:
        return None
    try:
        if await _goes_on(backends, row) or not await _has_enough(backends, row):
            return None
        return await _start(backends, row)
    except _LostError:
        return None
    except UnavailableError:
        raise  # the claim runs out, and the firing is tried again
    except FlywheelError as error:
        await _failed(backends, row, f"{error.message} {error.hint}".strip())
    except Exception:
        log.exception("%s could not start a run", schedule_ref(schedule_id))
        await _failed(backends, row, "Something went wrong; the log of the worker says what.")
    return None


async def _claim(backends: Backends, schedule_id: int) -> Schedule | None:
    now = utc_now()
    until = now + timedelta(seconds=backends.settings.worker_config.lease_seconds)
    async with backends.database.transaction() as session:
        claimed = await session.exec(
            update(Schedule)
            .where(
                col(Schedule.id) == schedule_id,
                col(Schedule.paused_at).is_(None),
                col(Schedule.next_due) <= now,
                or_(col(Schedule.claimed_until).is_(None), col(Schedule.claimed_until) < now),
            )
            .values(claimed_until=until)
            .returning(col(Schedule.id))
            .execution_options(synchronize_session=False)
        )
        if claimed.scalar_one_or_none() is None:
            return None
        return await session.get(Schedule, schedule_id)


async def _goes_on(backends: Backends, row: Schedule) -> bool:
    """Whether its last run does. Then that one by the calendar leaves this moment out."""
    query = select(Run.id).where(Run.schedule_id == row.id, col(Run.status).in_(ACTIVE_RUN))
    async with backends.database.reading() as session:
        active = (await session.exec(query)).first()
    if active is None:
        return False
    rule, name = stored_rule(row.rule), schedule_ref(row.id)
    following = _following(backends, rule, utc_now())
    async with backends.database.transaction() as session:
        if isinstance(rule, CalendarRule):
            await _move_on(session, row, next_due=following, skipped=row.next_due)
            log.info("%s starts no run: %s still goes on", name, run_ref(active))
        else:
            await _move_on(session, row, next_due=following)
    return True


async def _has_enough(backends: Backends, row: Schedule) -> bool:
    """Whether the records that it waits for are there; always, for one by the calendar."""
    rule = stored_rule(row.rule)
    if isinstance(rule, CalendarRule):
        return True
    there = await new_records.count(backends, row.workload_id, row.client_id)
    if there - row.counted >= rule.records:
        return True
    async with backends.database.transaction() as session:
        await _move_on(session, row, next_due=_following(backends, rule, utc_now()))
        # Records that were deleted since would otherwise have to come in twice. What is stored
        # decides, not the row: a run that was started meanwhile has begun to count anew.
        fewer = col(Schedule.counted) > there
        await session.exec(
            update(Schedule)
            .where(col(Schedule.id) == row.id)
            .values(counted=case((fewer, there), else_=col(Schedule.counted)))
            .execution_options(synchronize_session=False)
        )
    return False


async def _start(backends: Backends, row: Schedule) -> str:
    rule, now = stored_rule(row.rule), utc_now()

    async def also(session: AsyncSession, run: Run) -> None:
        following = _following(backends, rule, now)
        await _move_on(session, row, next_due=following, last_fired=now, failures=0, error=None)
        run.schedule_id, run.schedule_due = row.id, row.next_due
        run.schedule_words = rule.words
        await announce(session, run, row.channel)

    maker = Actor(id=row.made_by, name=row.made_by_name, origin="system")
    view = await start_run(backends, RunRequest.model_validate(row.request), maker, also=also)
    log.info("%s has started %s, due %s", schedule_ref(row.id), view.id, when(row.next_due))
    return view.id


def _following(backends: Backends, rule: CalendarRule | RecordsRule, now: datetime) -> datetime:
    if isinstance(rule, CalendarRule):
        return next_due(rule, now)
    return now + timedelta(seconds=backends.settings.worker_config.count_seconds)


async def _failed(backends: Backends, row: Schedule, why: str) -> None:
    """Try again next time, and pause in the end; people are told at the first and at the last."""
    rule, now = stored_rule(row.rule), utc_now()
    again = next_due(rule, now) if isinstance(rule, CalendarRule) else now + RETRY
    failures, name = row.failures + 1, schedule_ref(row.id)
    notice = None
    if failures >= PATIENCE:
        notice = (
            f"The schedule {name} ({rule.words}, {row.workload_id}) is paused: it could not start "
            f"a run {failures} times in a row. {why} When that is put right: "
            f"`flywheel schedule resume {name}`."
        )
    elif failures == 1:
        notice = (
            f"The schedule {name} ({rule.words}, {row.workload_id}) could not start a run: {why} "
            f"It tries again {when(again)}."
        )
    log.warning("%s could not start a run (%s in a row): %s", name, failures, why)
    told: dict[str, datetime | str] = {}
    if notice is not None:
        told = {"notice": notice, "notice_at": now}
    paused = now if failures >= PATIENCE else None
    try:
        async with backends.database.transaction() as session:
            await _move_on(
                session,
                row,
                next_due=again,
                failures=failures,
                error=why,
                paused_at=paused,
                **told,
            )
    except _LostError:
        log.info("%s was changed meanwhile", name)


async def _move_on(
    session: AsyncSession, row: Schedule, **values: datetime | int | str | None
) -> None:
    """Change the schedule and give up the claim, unless somebody has been there: _LostError."""
    moved = await session.exec(
        update(Schedule)
        .where(
            col(Schedule.id) == row.id,
            col(Schedule.next_due) == row.next_due,
            col(Schedule.paused_at).is_(None),
        )
        .values(claimed_until=None, **values)
        .returning(col(Schedule.id))
        .execution_options(synchronize_session=False)
    )
    if moved.scalar_one_or_none() is None:
        raise _LostError
