"""An examination of the answers that people here get: a company of its own, asked everything."""

from collections.abc import Sequence
from time import perf_counter

from flywheel.insights.exam.company import write_company
from flywheel.insights.exam.marking import Mark, mark
from flywheel.insights.exam.paper import ExamQuestion, load_questions
from flywheel.insights.exam.report import Examination, report_of
from flywheel.insights.exam.truth import Truth
from flywheel.insights.history import Turn
from flywheel.ports.backends import Backends
from flywheel.service import promotions, runs
from flywheel.service.questions import ask
from flywheel.views import Actor

_ALL = 100  # runs; the company has fewer
_EXAMINER = Actor(id="cli:exam", name="exam", origin="cli")


async def examine(backends: Backends, every: int = 1) -> Examination:
    """Write the company into these empty backends, ask the questions and mark the answers.

    `every` leaves out all but each so-manieth one.
    """
    await write_company(backends.database, backends.logs)
    fitted, held_out = [
        report_of(*await sat(backends, load_questions(held_out)[::every]))
        for held_out in (False, True)
    ]
    return Examination(fitted=fitted, held_out=held_out)


async def sat(
    backends: Backends, questions: Sequence[ExamQuestion]
) -> tuple[list[Mark], list[float]]:
    """The marks of all answers, and how long each took."""
    truth = await truth_of(backends)
    marks, seconds = [], []
    for question in questions:
        began = perf_counter()
        history = [Turn(question=text, answer="") for text in question.before]
        answer = await ask(backends, question.text, _EXAMINER, question.focus, history=history)
        seconds.append(perf_counter() - began)
        marks.append(mark(question, answer, truth))
    return marks, seconds


async def truth_of(backends: Backends) -> Truth:
    """What the database and the log hold."""
    return Truth(
        runs=await runs.list_runs(backends, limit=_ALL),
        promotions=await promotions.incumbents(backends),
        workloads=await backends.logs.workloads(),
    )
