"""Schedules: /api/v1/schedules."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from flywheel.api.auth import AUTHENTICATED, Caller
from flywheel.api.common import Parts, Text
from flywheel.api.errors import RESPONSES
from flywheel.errors import NotFoundError
from flywheel.service import schedules
from flywheel.views import RunRequest, ScheduleView

router = APIRouter(
    prefix="/api/v1/schedules", tags=["schedules"], dependencies=AUTHENTICATED, responses=RESPONSES
)


class ScheduleRequest(RunRequest):
    """A run that is to be started again and again."""

    workload_id: Text
    client_id: Text | None = None
    rule: Text = Field(
        description="When: 'every monday 06:00 Europe/London', 'when 5000 new records'"
    )
    channel: Text | None = Field(None, description="Slack channel where its runs are announced")


async def _schedule_id(ref: Annotated[str, Path(alias="id", description="e.g. s-3")]) -> str:
    if re.fullmatch(r"s-[0-9]{1,9}", ref) is None:
        raise NotFoundError(f"There is no schedule '{ref[:40]}'.", "Their ids look like s-3.")
    return ref


ScheduleId = Annotated[str, Depends(_schedule_id)]


@router.post("", status_code=201)
async def add_schedule(request: ScheduleRequest, parts: Parts, caller: Caller) -> ScheduleView:
    """Start such a run whenever the rule says so."""
    run = RunRequest.model_validate(request.model_dump(exclude={"rule", "channel"}))
    channel = schedules.channel_named(request.channel)
    return await schedules.add_schedule(parts, run, request.rule, caller, channel)


@router.get("")
async def list_schedules(
    parts: Parts,
    workload: Annotated[Text | None, Query(description="Only this workload's")] = None,
) -> list[ScheduleView]:
    """List schedules, the oldest first."""
    return await schedules.list_schedules(parts, workload)


@router.get("/{id}")
async def get_schedule(schedule_id: ScheduleId, parts: Parts) -> ScheduleView:
    """Show a schedule: when it is due, and what went wrong last."""
    return await schedules.get_schedule(parts, schedule_id)


@router.post("/{id}/pause")
async def pause_schedule(schedule_id: ScheduleId, parts: Parts, caller: Caller) -> ScheduleView:
    """Start no more runs until it is resumed."""
    return await schedules.pause_schedule(parts, schedule_id, caller)


@router.post("/{id}/resume")
async def resume_schedule(schedule_id: ScheduleId, parts: Parts, caller: Caller) -> ScheduleView:
    """Go on from now; what was missed meanwhile is not caught up."""
    return await schedules.resume_schedule(parts, schedule_id, caller)


@router.delete("/{id}", status_code=204)
async def remove_schedule(schedule_id: ScheduleId, parts: Parts, caller: Caller) -> None:
    """Forget a schedule; the runs that it has started stay."""
    await schedules.remove_schedule(parts, schedule_id, caller)
