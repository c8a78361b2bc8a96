"""Runs: /api/v1/runs."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from flywheel.api.auth import AUTHENTICATED, Caller
from flywheel.api.common import Parts, RunId, RunRef, Text
from flywheel.api.errors import RESPONSES
from flywheel.service import runs
from flywheel.views import EventView, RunRequest, RunView

LARGEST = 2**31 - 1  # number of an event

router = APIRouter(
    prefix="/api/v1/runs", tags=["runs"], dependencies=AUTHENTICATED, responses=RESPONSES
)


class StartRequest(RunRequest):
    """A run to be started."""

    workload_id: Text
    client_id: Text | None = None


class RunPage(BaseModel):
    """Runs, newest first."""

    runs: list[RunView]
    next: str | None = Field(description="`before` of the next page; null where this is the last")


@router.post("", status_code=201)
async def start_run(request: StartRequest, parts: Parts, caller: Caller) -> RunView:
    """Start a run; what is left out comes from the settings."""
    return await runs.start_run(parts, request, caller)


@router.get("")
async def list_runs(
    parts: Parts,
    workload: Annotated[Text | None, Query(description="Only this workload's")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[RunRef | None, Query(description="Only older ones than this run")] = None,
) -> RunPage:
    """List runs, newest first."""
    views = await runs.list_runs(parts, workload, limit + 1, before)
    page = views[:limit]
    return RunPage(runs=page, next=page[-1].id if len(views) > limit else None)


@router.get("/{id}")
async def get_run(run_id: RunId, parts: Parts) -> RunView:
    """Show a run with its data, steps, scores, intervals and recommendation."""
    return await runs.get_run(parts, run_id)


@router.get("/{id}/events")
async def run_events(
    run_id: RunId,
    parts: Parts,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Id of the last one seen")] = 0,
) -> list[EventView]:
    """List what happened to a run, in order, after an event."""
    await runs.get_run(parts, run_id)  # an unknown run is not one without events
    return await runs.run_events(parts, run_id, after)


@router.post("/{id}/cancel")
async def cancel_run(run_id: RunId, parts: Parts, caller: Caller) -> RunView:
    """Stop a run; it is cancelled once nothing of it runs any more."""
    return await runs.cancel_run(parts, run_id, caller)


@router.delete("/{id}", status_code=204)
async def delete_run(run_id: RunId, parts: Parts, caller: Caller) -> None:
    """Remove a run that has ended, with its datasets, predictions and models."""
    await runs.delete_run(parts, run_id, caller)
