"""Who may decide on promotions, by our own rules; what is refused goes on record."""

from typing import Any

from flywheel.db.models import Run
from flywheel.decisions.policy import ApprovalRule, PolicyDocument
from flywheel.errors import FlywheelError, ForbiddenError
from flywheel.ports.backends import Backends
from flywheel.promotions import audit
from flywheel.runs.state import run_ref
from flywheel.views import API_ANONYMOUS, Actor

_NAMED = 20  # people, in a sentence


def may_approve(backends: Backends, actor: Actor, workload_id: str) -> bool:
    """Whether this person may approve, reject and roll back on the workload.

    On the command line whoever can run it owns the files; in a conversation and over HTTP only
    those on the configured list may, by their own id or that of a group that they are in, and
    never somebody without a name, a guest or a program.
    """
    if actor.id == API_ANONYMOUS or actor.barred is not None:
        return False
    listed = _deciders(backends, workload_id)
    return actor.origin == "cli" or bool({actor.id, *actor.groups} & set(listed))


def _deciders(backends: Backends, workload_id: str) -> list[str]:
    """Who is listed; for one that the person does not see, as if it were not there."""
    rules = backends.settings.approval_config
    return rules.approvers if workload_id in backends.hidden else rules.of(workload_id)


def rule_of(run: Run) -> ApprovalRule:
    """What the policy of a run asks of an approval."""
    if run.policy is None:  # of a version that had no policies
        return ApprovalRule(expires_hours=None)
    return PolicyDocument.model_validate(run.policy).parsed().approval


async def require(backends: Backends, actor: Actor, workload_id: str, what: str) -> None:
    """Raises ForbiddenError, and puts it on record, where the person may not decide."""
    if may_approve(backends, actor, workload_id):
        return
    listed = _deciders(backends, workload_id)
    if actor.id == API_ANONYMOUS:
        error = ForbiddenError(
            "Without a key nobody may decide on promotions over the API.",
            "Set FLYWHEEL_API_KEYS, and list api:NAME in approval_config.approvers.",
        )
    elif actor.barred is not None:
        error = ForbiddenError(
            f"{actor.name} may not decide on promotions: {actor.barred}.",
            f"These may: {', '.join(listed)}." if listed else "",
        )
    else:
        error = ForbiddenError(
            f"{actor.name} may not decide on promotions of {workload_id}.",
            f"These may: {', '.join(listed[:_NAMED])}{' and others' if listed[_NAMED:] else ''}."
            if listed
            else "Nobody may yet: list user ids in approval_config.approvers.",
        )
    await refuse(backends, actor, workload_id, error, what=what)
    raise error


async def require_four_eyes(backends: Backends, actor: Actor, run: Run, model_name: str) -> None:
    """Raises ForbiddenError where the policy wants somebody else than who asked for the run."""
    if not rule_of(run).four_eyes or actor.id != run.requested_by:
        return
    error = ForbiddenError(
        f"{actor.name} asked for {run_ref(run.id)}, and the policy wants somebody else to approve "
        "it (approval: four_eyes).",
        "Ask another approver.",
    )
    await refuse(
        backends, actor, run.workload_id, error, run_id=run.id, what="approve", model=model_name
    )
    raise error


async def refuse(
    backends: Backends,
    actor: Actor,
    workload_id: str,
    error: FlywheelError,
    *,
    run_id: int | None = None,
    approval_id: str | None = None,
    **detail: Any,
) -> None:
    """Put on record that somebody was refused, and why."""
    async with backends.database.transaction() as session:
        await audit.append(
            backends.database,
            session,
            "refused",
            (actor.id, actor.origin),
            workload_id,
            run_id=run_id,
            approval_id=approval_id,
            why=error.message,
            **detail,
        )
