"""The blueprint's endpoints: /api/jobs."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter

from flywheel.api.auth import AUTHENTICATED, Caller
from flywheel.api.common import Parts, RunId
from flywheel.api.errors import RESPONSES
from flywheel.api.job_models import (
    Job,
    JobDone,
    JobList,
    JobRequest,
    JobResponse,
    job,
    list_item,
)
from flywheel.errors import ConflictError, InvalidInputError
from flywheel.service import runs
from flywheel.views import RunRequest

MOST = 1000  # jobs in the list, the newest ones

router = APIRouter(
    prefix="/api/jobs", tags=["blueprint"], dependencies=AUTHENTICATED, responses=RESPONSES
)


@router.post("")
async def create_job(request: JobRequest, parts: Parts, caller: Caller) -> JobResponse:
    """Start a job; a workload that the log does not know is refused at once."""
    wish = RunRequest(
        workload_id=request.workload_id,
        client_id=request.client_id,
        settings=request.settings(),
    )
    view = await runs.start_run(parts, wish, caller)
    return JobResponse(id=view.id, message=f"{view.id} waits for a worker.")


@router.get("")
async def list_jobs(parts: Parts) -> JobList:
    """List the newest jobs, the oldest of them first."""
    views = await runs.list_runs(parts, limit=MOST)
    return JobList(jobs=[list_item(view) for view in reversed(views)])


@router.get("/{id}")
async def get_job(run_id: RunId, parts: Parts) -> Job:
    """Show a job with its candidates, evaluations and scores."""
    return job(await runs.get_run(parts, run_id))


@router.delete("/{id}")
async def delete_job(run_id: RunId, parts: Parts, caller: Caller) -> JobDone:
    """Remove a job that has ended, with its datasets and models."""
    with _as_bad_request():
        await runs.delete_run(parts, run_id, caller)
    return JobDone(id=run_id, message=f"{run_id} is deleted.")


@router.post("/{id}/cancel")
async def cancel_job(run_id: RunId, parts: Parts, caller: Caller) -> JobDone:
    """Stop a job; it is cancelled once nothing of it runs any more."""
    with _as_bad_request():
        await runs.cancel_run(parts, run_id, caller)
    return JobDone(id=run_id, message=f"{run_id} is being cancelled.")


@contextmanager
def _as_bad_request() -> Iterator[None]:
    """The blueprint answers 400 where the state of a job does not allow it; elsewhere it is 409."""
    try:
        yield
    except ConflictError as error:
        raise InvalidInputError(error.message, error.hint) from error
