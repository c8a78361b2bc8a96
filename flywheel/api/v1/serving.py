"""Workloads, what serves them, frozen evaluation sets, questions."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from flywheel.api.auth import AUTHENTICATED, Caller
from flywheel.api.common import Parts, RunRef, Text
from flywheel.api.errors import RESPONSES
from flywheel.ports.logs import WorkloadSummary
from flywheel.promotions.audit import AuditEntry
from flywheel.service import eval_sets, logs, promotions, questions
from flywheel.views import Answer, DecisionView, EvalSetView, PromotionView

router = APIRouter(
    prefix="/api/v1", tags=["serving"], dependencies=AUTHENTICATED, responses=RESPONSES
)


class PromoteRequest(BaseModel):
    """A model that is to serve its workload."""

    run_id: RunRef
    model_name: Text
    reason: Text = Field(description="Goes on record")


class RollbackRequest(BaseModel):
    """A workload whose promoted model is to be taken back."""

    workload_id: Text
    reason: Text = Field(description="Goes on record")


class Serving(BaseModel):
    """What serves a workload."""

    workload_id: str
    promotion: PromotionView | None = Field(description="null: the teacher serves")


class FreezeRequest(BaseModel):
    """A run whose evaluation set later runs are to use."""

    run_id: RunRef


class ReleaseRequest(BaseModel):
    """A frozen evaluation set that is no longer to be used."""

    workload_id: Text
    client_id: Text | None = Field(None, description="null: the set of all clients")


class Question(BaseModel):
    """A question in plain words."""

    question: Text
    run_id: RunRef | None = Field(None, description="The run that it is about")


@router.get("/workloads")
async def list_workloads(parts: Parts) -> list[WorkloadSummary]:
    """List what the log holds, by workload and client."""
    return await logs.list_workloads(parts)


@router.get("/promotions")
async def list_promotions(parts: Parts) -> list[PromotionView]:
    """List the promoted models, one per workload."""
    return await promotions.incumbents(parts)


@router.post("/promotions", status_code=201)
async def promote(request: PromoteRequest, parts: Parts, caller: Caller) -> DecisionView:
    """Promote a model that its run's policy passed; for approvers only.

    Where the policy asks several people, it takes over with the last of them.
    """
    return await promotions.promote(
        parts, request.run_id, request.model_name, caller, request.reason
    )


@router.get("/audit")
async def list_audit(
    parts: Parts,
    workload: Annotated[Text | None, Query(description="Only decisions on this one")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The newest ones")] = 100,
) -> list[AuditEntry]:
    """List decisions on promotions, refusals too, the oldest first."""
    return await promotions.audit_trail(parts, workload, limit)


@router.post("/rollbacks")
async def rollback(request: RollbackRequest, parts: Parts, caller: Caller) -> Serving:
    """Take a promoted model back, and show what serves instead; for approvers only."""
    now = await promotions.rollback(parts, request.workload_id, caller, request.reason)
    return Serving(workload_id=request.workload_id, promotion=now)


@router.get("/eval-sets")
async def list_eval_sets(
    parts: Parts,
    workload: Annotated[Text | None, Query(description="Only this workload's")] = None,
) -> list[EvalSetView]:
    """List frozen evaluation sets, newest first, released ones as well."""
    return await eval_sets.eval_sets(parts, workload)


@router.post("/eval-sets", status_code=201)
async def freeze_eval_set(request: FreezeRequest, parts: Parts, caller: Caller) -> EvalSetView:
    """Freeze the evaluation set of a run for later runs of its workload."""
    return await eval_sets.freeze(parts, request.run_id, caller)


@router.post("/eval-sets/release")
async def release_eval_set(request: ReleaseRequest, parts: Parts, caller: Caller) -> EvalSetView:
    """Let later runs draw their own evaluation sets again."""
    return await eval_sets.release(parts, request.workload_id, request.client_id, caller)


@router.post("/ask")
async def ask(request: Question, parts: Parts, caller: Caller) -> Answer:
    """Answer a question about runs, models, costs and data from what the caller may see."""
    return await questions.ask(parts, request.question, caller, request.run_id)
