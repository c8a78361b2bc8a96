"""The policy that a run is judged by: read when the run is started, and kept with it."""

import asyncio
from pathlib import Path

from flywheel.db.models import Run
from flywheel.decisions.policy import PACKAGED, PolicyDocument, policy_document
from flywheel.errors import NotFoundError, SettingsError
from flywheel.ports.backends import Backends
from flywheel.resources import resource_text
from flywheel.runs.state import run_ref
from flywheel.service.naming import check_logged, find
from flywheel.views import PolicyView


async def policy_in_force(backends: Backends, file: Path | None = None) -> PolicyDocument:
    """The policy in `file`, else in the configured one, else the packaged one.

    Raises SettingsError with one line per fault.
    """
    configured = backends.settings.decision_config.policy_file
    if file is not None:
        return await read_policy(file)
    if configured is not None:
        return await read_policy(configured.expanduser())
    return policy_document(await asyncio.to_thread(resource_text, PACKAGED), PACKAGED)


async def policy_for(backends: Backends, workload_id: str | None = None) -> PolicyView:
    """The policy in force with the approvers of a workload, or of all of them.

    Raises NotFoundError for an unknown workload, SettingsError for a faulty policy.
    """
    rules = backends.settings.approval_config
    document = await policy_in_force(backends)
    if workload_id is None:
        return PolicyView(
            document=document,
            workload_id=None,
            approvers=rules.approvers,
            elsewhere={n: who for n, who in rules.workloads.items() if n not in backends.hidden},
        )
    if workload_id not in rules.workloads or workload_id in backends.hidden:
        await check_logged(backends, workload_id)
    return PolicyView(document=document, workload_id=workload_id, approvers=rules.of(workload_id))


async def read_policy(file: Path) -> PolicyDocument:
    """The policy in the file. Raises SettingsError."""
    try:
        text = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise SettingsError(
            f"The policy {file} cannot be read: {error.strerror}.",
            "decision_config.policy_file or --policy names it.",
        ) from error
    try:
        return policy_document(text.decode(), str(file))
    except UnicodeDecodeError:
        raise SettingsError(f"The policy {file} is not UTF-8 text.") from None


async def policy_of(backends: Backends, ref: str) -> PolicyDocument:
    """The policy that the run is judged by. Raises NotFoundError."""
    async with backends.database.transaction() as session:
        run = await session.get_one(Run, await find(session, ref, backends.hidden))
    if run.policy is None:
        raise NotFoundError(
            f"{run_ref(run.id)} has no policy: an earlier version of flywheel started it."
        )
    return PolicyDocument.model_validate(run.policy)
