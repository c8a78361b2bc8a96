"""The signed receipt of the verdict: the last step of a run."""

import asyncio
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Receipt as ReceiptRow
from flywheel.db.models import Run, Step
from flywheel.decisions.verdict import Recommendation
from flywheel.ports.backends import Backends
from flywheel.receipts.document import FileEntry, ModelEntry, Receipt
from flywheel.receipts.keys import key_id, signing_key
from flywheel.receipts.signing import sign
from flywheel.runs.state import RunState, run_folder, run_ref
from flywheel.runs.steps.base import InstantStep, Outcome
from flywheel.settings import Settings

_TOOLS = ("flywheel", "numpy", "scipy", "scikit-learn", "statsmodels")


class SignReceipt(InstantStep):
    """What the verdict rests on, signed. The row is unique, so a run has one receipt."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """Done at once; fails where there is no key."""
        document, key = await asyncio.to_thread(_sign, state, backends.settings)

        async def apply(session: AsyncSession, run: Run) -> None:
            assert run.id is not None
            session.add(
                ReceiptRow(
                    run_uid=run.uid,
                    run_id=run.id,
                    workload_id=run.workload_id,
                    key_id=key,
                    document=document.decode(),
                )
            )

        return Outcome("completed", 100.0, apply=apply)


def _sign(state: RunState, settings: Settings) -> tuple[bytes, str]:
    """The document, and the id of its key."""
    key = signing_key(settings)
    policy = _write_policy(state, settings.home)
    return sign(_receipt(state, policy), key), key_id(key.public_key())


def _write_policy(state: RunState, home: Path) -> Path:
    """The policy as a file beside the datasets, so that all that is named can be checked."""
    recommendation = Recommendation.model_validate(state.run.recommendation)
    assert recommendation.policy is not None
    path = run_folder(home, state.run.uid) / "policy.yaml"
    path.write_bytes(recommendation.policy.text.encode())
    return path


def _receipt(state: RunState, policy: Path) -> Receipt:
    run = state.run
    report = DatasetReport.model_validate(run.dataset_report)
    recommendation = Recommendation.model_validate(run.recommendation)
    assert recommendation.policy is not None
    return Receipt(
        run_id=run_ref(run.id),
        run_uid=run.uid,
        workload_id=run.workload_id,
        client_id=run.client_id,
        requested_by=run.requested_by,
        created_at=run.created_at,
        started_at=run.started_at,
        decided_at=utc_now(),
        seed=run.seed,
        files=[
            *(
                FileEntry.model_validate(
                    {"role": d.name, "path": d.uri, "sha256": d.digest, "records": d.num_records}
                )
                for d in state.datasets
            ),
            FileEntry(role="policy", path=str(policy), sha256=recommendation.policy.sha256),
        ],
        data=report,
        teacher=report.teacher.model_name,
        incumbent=_incumbent(state),
        candidates=list(_candidates(state)),
        recommendation=recommendation,
        tools={"python": platform.python_version(), **{tool: version(tool) for tool in _TOOLS}},
    )


def _incumbent(state: RunState) -> ModelEntry | None:
    model = state.incumbent()
    if model is None:
        return None
    return ModelEntry(
        name=model.name,
        uri=model.artifact.uri,
        digest=model.artifact.digest,
        scores=state.scores("", "incumbent-eval"),
    )


def _candidates(state: RunState) -> Iterator[ModelEntry]:
    for candidate in state.candidates:
        artifact = state.artifact(candidate.name)
        yield ModelEntry(
            name=candidate.name,
            uri=None if artifact is None else artifact.uri,
            digest=None if artifact is None else artifact.digest,
            base=state.scores(candidate.name, "base-eval"),
            scores=state.final_scores(candidate.name),
        )
