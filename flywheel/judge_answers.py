"""`python -m flywheel.judge_answers DIR`: the process behind the step `judge`."""

import asyncio
import os

from flywheel.formatting import count
from flywheel.processes import ReportProgress, job_main
from flywheel.runs.judging import JudgedAnswers, JudgeSpec, read_pairs
from flywheel.settings.environment import secrets_from
from flywheel.wiring import open_judge


def _run(spec: JudgeSpec, report_progress: ReportProgress) -> JudgedAnswers:
    return asyncio.run(_judge(spec, report_progress))


async def _judge(spec: JudgeSpec, report_progress: ReportProgress) -> JudgedAnswers:
    pairs = await asyncio.to_thread(read_pairs, spec)

    def report(done: int) -> None:
        report_progress(100 * done / len(pairs), f"{count(done)} of {count(len(pairs))} judged")

    key = secrets_from(os.environ).llm_judge_api_key
    async with open_judge(spec.judge, key, spec.cache) as judge:
        scores, judgements = await judge.judge(spec.task, pairs, spec.confidence, report)
    return JudgedAnswers(scores=scores, judged=[judgement.score for judgement in judgements])


if __name__ == "__main__":
    job_main(JudgeSpec, _run)
