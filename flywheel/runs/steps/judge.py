"""Having a model's answers judged, in a process of its own: it is minutes of HTTP."""

import asyncio
import sys
from pathlib import Path

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel import processes
from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Evaluation, Prediction, Run, Step
from flywheel.evaluation.judge import JudgeScores, judged_in_words
from flywheel.evaluation.scores import Scores
from flywheel.ports.backends import Backends
from flywheel.runs.judging import Answer, JudgedAnswers, JudgeSpec, write_answers
from flywheel.runs.needs import judge_task
from flywheel.runs.state import RunState, run_folder
from flywheel.runs.steps.base import Apply, Outcome
from flywheel.settings.endpoints import JudgeConfig
from flywheel.settings.environment import SECRET_VARIABLES

CACHE = "judge"  # under the home: replies are kept by what was asked, whichever run asked it


class Judge:
    """The answers of a candidate's final evaluation, or of the incumbent's, are judged."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start the process."""
        report = DatasetReport.model_validate(state.run.dataset_report)
        task = judge_task(report.workload_type, state.config.evaluation_config)
        assert task is not None  # the step was planned for it
        folder = _folder(backends, state, step)
        answers = folder / "answers.jsonl"
        await asyncio.to_thread(write_answers, answers, await _answers(backends, state, step))
        spec = JudgeSpec(
            judge=_asked(backends)[0],
            task=task,
            confidence=state.config.evaluation_config.confidence,
            evaluation=Path(state.dataset("eval").uri),
            answers=answers,
            cache=backends.settings.home / CACHE,
        )
        argv = [sys.executable, "-m", "flywheel.judge_answers", str(folder)]
        await processes.start(folder, argv, spec, _asked(backends)[1])

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Progress, or the scores that the judge gave."""
        status = await processes.poll(_folder(backends, state, step), _asked(backends)[1])
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        name = _said(state, step)
        if status.result is None:
            error = status.error or "It was stopped."
            text = f"The answers of {name} could not be judged: {error}"
            return Outcome(
                "failed", status.percent, error=error, events=[("candidate-failed", text)]
            )
        found = JudgedAnswers.model_validate_json(status.result)
        if not found.scores.scored:
            text = f"{name}: {judged_in_words(found.scores)}."
            return Outcome(
                "failed",
                100.0,
                error=f"The judge gave no score: {judged_in_words(found.scores)}.",
                apply=_store(step.candidate, _eval_type(state, step), found),
                events=[("candidate-failed", text)],
            )
        return Outcome(
            "completed",
            100.0,
            "judged",
            apply=_store(step.candidate, _eval_type(state, step), found),
            events=[("candidate-evaluated", f"{name}: {judged_in_words(found.scores)}.")],
        )

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop the process."""
        return await processes.cancel(_folder(backends, state, step))


def _asked(backends: Backends) -> tuple[JudgeConfig, dict[str, str]]:
    """The judge, and the variable with its key; empty where it has none, whoever started us."""
    config, secrets = backends.settings.llm_judge_config, backends.settings.secrets
    own = backends.platform.own_judge()
    key = secrets.for_judge(config.url) if own is None else own.api_key
    variable = SECRET_VARIABLES["llm_judge_api_key"]
    return own.config if own else config, {variable: key.get_secret_value() if key else ""}


def _folder(backends: Backends, state: RunState, step: Step) -> Path:
    return run_folder(backends.settings.home, state.run.uid) / "judge" / str(step.id)


def _eval_type(state: RunState, step: Step) -> str:
    return state.candidate(step.candidate).final_eval if step.candidate else "incumbent-eval"


def _said(state: RunState, step: Step) -> str:
    incumbent = state.incumbent()
    return step.candidate or (f"{incumbent.name}, the incumbent" if incumbent else "the incumbent")


async def _answers(backends: Backends, state: RunState, step: Step) -> list[Answer]:
    query = (
        select(Prediction.answer, Prediction.tool_calls)
        .join(Evaluation, col(Evaluation.id) == col(Prediction.evaluation_id))
        .where(
            Evaluation.run_id == state.run.id,
            Evaluation.candidate == step.candidate,
            Evaluation.eval_type == _eval_type(state, step),
        )
        .order_by(col(Prediction.row))
    )
    async with backends.database.transaction() as session:
        return [Answer(text, calls) for text, calls in await session.exec(query)]


def _store(candidate: str, eval_type: str, found: JudgedAnswers) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        query = select(Evaluation).where(
            Evaluation.run_id == run.id,
            Evaluation.candidate == candidate,
            Evaluation.eval_type == eval_type,
        )
        evaluation = (await session.exec(query)).one()
        evaluation.scores = _with_judge(evaluation.scores, found.scores)
        rows = select(Prediction).where(Prediction.evaluation_id == evaluation.id)
        for row in await session.exec(rows):
            row.judged = found.judged[row.row]

    return apply


def _with_judge(stored: dict[str, object], judge: JudgeScores) -> dict[str, object]:
    scores = Scores.model_validate(stored)
    return scores.model_copy(update={"judge": judge}).model_dump(mode="json")
