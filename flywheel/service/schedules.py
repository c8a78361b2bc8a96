"""What people do with schedules: add, list, pause, resume, remove."""

import logging
import re
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Run, Schedule
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.backends import Backends
from flywheel.runs.state import run_ref
from flywheel.schedules.parsing import parse_rule
from flywheel.schedules.rule import CalendarRule, RecordsRule, next_due, stored_rule
from flywheel.service import new_records
from flywheel.service.startable import check_startable
from flywheel.settings.slack import CHANNEL_ID, WHERE_ITS_ID
from flywheel.views import Actor, RunRequest, ScheduleView

log = logging.getLogger(__name__)


def schedule_ref(schedule_id: int | None) -> str:
    """What people call a schedule."""
    return f"s-{schedule_id}"


def channel_named(channel: str | None) -> str | None:
    """The Slack channel that somebody outside Slack names. Raises InvalidInputError."""
    if channel is not None and CHANNEL_ID.fullmatch(channel) is None:
        raise InvalidInputError(
            f"'{channel[:40]}' is not the id of a Slack channel.", f"{WHERE_ITS_ID}."
        )
    return channel


async def add_schedule(
    backends: Backends, request: RunRequest, rule: str, actor: Actor, channel: str | None = None
) -> ScheduleView:
    """Start such a run whenever the rule says so, and announce it in the channel.

    Raises InvalidInputError for a rule that is none, and like `start_run` for a run that could
    not be started now.
    """
    parsed = parse_rule(rule)
    await check_startable(backends, request)
    now = utc_now()
    counted = 0
    if isinstance(parsed, RecordsRule):
        counted = await new_records.count(backends, request.workload_id, request.client_id)
    row = Schedule(
        workload_id=request.workload_id,
        client_id=request.client_id,
        typed=" ".join(rule.split()),
        rule=parsed.model_dump(mode="json"),
        request=request.model_dump(mode="json"),
        made_by=actor.id,
        made_by_name=actor.name,
        channel=channel,
        next_due=next_due(parsed, now) if isinstance(parsed, CalendarRule) else now,
        counted=counted,
    )
    async with backends.database.transaction() as session:
        session.add(row)
    log.info("%s was made by %s: %s", schedule_ref(row.id), actor.id, parsed.words)
    return await _view(backends, row)


async def list_schedules(backends: Backends, workload_id: str | None = None) -> list[ScheduleView]:
    """All schedules, the oldest first."""
    query = select(Schedule).order_by(col(Schedule.id))
    if workload_id is not None:
        query = query.where(Schedule.workload_id == workload_id)
    async with backends.database.reading() as session:
        rows = [row for row in await session.exec(query) if row.workload_id not in backends.hidden]
    return [await _view(backends, row) for row in rows]


async def get_schedule(backends: Backends, ref: str) -> ScheduleView:
    """The schedule that `ref` names: 's-3' or '3'. Raises NotFoundError."""
    async with backends.database.reading() as session:
        row = await _row(session, ref, backends.hidden)
    return await _view(backends, row)


async def pause_schedule(backends: Backends, ref: str, actor: Actor) -> ScheduleView:
    """Start no run until it is resumed. Raises NotFoundError, ConflictError."""
    async with backends.database.transaction() as session:
        row = await _row(session, ref, backends.hidden)
        if row.paused_at is not None:
            raise ConflictError(f"{schedule_ref(row.id)} is paused already.")
        row.paused_at = utc_now()
    log.info("%s was paused by %s", schedule_ref(row.id), actor.id)
    return await _view(backends, row)


async def resume_schedule(backends: Backends, ref: str, actor: Actor) -> ScheduleView:
    """Go on from now; what was missed meanwhile is not caught up. Raises like `pause_schedule`."""
    async with backends.database.transaction() as session:
        row = await _row(session, ref, backends.hidden)
        if row.paused_at is None:
            raise ConflictError(f"{schedule_ref(row.id)} is not paused.")
        rule, now = stored_rule(row.rule), utc_now()
        row.paused_at, row.claimed_until = None, None
        row.failures, row.error, row.notice = 0, None, None
        row.next_due = next_due(rule, now) if isinstance(rule, CalendarRule) else now
    log.info("%s was resumed by %s", schedule_ref(row.id), actor.id)
    return await _view(backends, row)


async def remove_schedule(backends: Backends, ref: str, actor: Actor) -> ScheduleView:
    """Forget it; the runs that it has started stay. Raises NotFoundError."""
    async with backends.database.transaction() as session:
        row = await _row(session, ref, backends.hidden)
        await session.delete(row)
    log.info("%s was removed by %s", schedule_ref(row.id), actor.id)
    return await _view(backends, row)


class ScheduleNotice(BaseModel):
    """What people have yet to be told about a schedule."""

    schedule_id: int
    text: str
    at: datetime
    channel: str | None
    made_by: str


async def notices(backends: Backends) -> list[ScheduleNotice]:
    """What people have yet to be told, the oldest first."""
    query = (
        select(Schedule).where(col(Schedule.notice).is_not(None)).order_by(col(Schedule.notice_at))
    )
    async with backends.database.reading() as session:
        rows = list(await session.exec(query))
    return [
        ScheduleNotice(
            schedule_id=row.id or 0,
            text=row.notice or "",
            at=row.notice_at or row.created_at,
            channel=row.channel,
            made_by=row.made_by,
        )
        for row in rows
    ]


async def notice_told(backends: Backends, told: ScheduleNotice) -> None:
    """People know it; what has come up since stays."""
    async with backends.database.transaction() as session:
        await session.exec(
            update(Schedule)
            .where(col(Schedule.id) == told.schedule_id, col(Schedule.notice_at) == told.at)
            .values(notice=None)
            .execution_options(synchronize_session=False)
        )


async def _row(session: AsyncSession, ref: str, hidden: frozenset[str]) -> Schedule:
    match = re.fullmatch(r"(?:s-)?([0-9]{1,9})", ref.strip(), re.IGNORECASE)
    if match is None:
        raise NotFoundError(
            f"'{ref[:60]}' is not a schedule.", "`flywheel schedule list` shows what there is."
        )
    query = select(Schedule).where(Schedule.id == int(match[1])).with_for_update()
    row = (await session.exec(query)).one_or_none()
    if row is None or row.workload_id in hidden:
        raise NotFoundError(
            f"There is no schedule {schedule_ref(int(match[1]))}.",
            "`flywheel schedule list` shows what there is.",
        )
    return row


async def _view(backends: Backends, row: Schedule) -> ScheduleView:
    rule = stored_rule(row.rule)
    newest = select(func.max(Run.id)).where(Run.schedule_id == row.id)
    async with backends.database.reading() as session:
        last_run = (await session.exec(newest)).one()
    waits = row.paused_at is not None or isinstance(rule, RecordsRule)
    return ScheduleView(
        id=schedule_ref(row.id),
        workload_id=row.workload_id,
        client_id=row.client_id,
        rule=rule.words,
        typed=row.typed,
        asks=RunRequest.model_validate(row.request).overrides(),
        made_by=row.made_by,
        channel=row.channel,
        created_at=row.created_at,
        zone=rule.zone if isinstance(rule, CalendarRule) else None,
        next_due=None if waits else row.next_due,
        last_fired=row.last_fired,
        last_run=None if last_run is None else run_ref(last_run),
        skipped=row.skipped,
        records=rule.records if isinstance(rule, RecordsRule) else None,
        new_records=await _new(backends, row) if isinstance(rule, RecordsRule) else None,
        paused=row.paused_at is not None,
        error=row.error,
    )


async def _new(backends: Backends, row: Schedule) -> int | None:
    try:
        there = await new_records.count(backends, row.workload_id, row.client_id)
    except UnavailableError as error:  # a schedule can be seen and paused all the same
        log.info("%s is shown without its new records: %s", schedule_ref(row.id), error)
        return None
    return max(0, there - row.counted)
