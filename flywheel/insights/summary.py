"""The outcome of a run in a few sentences, always the same for the same run."""

from collections.abc import Iterator

from flywheel.formatting import count, money, percent
from flywheel.insights.phrases import currency, main_mistake
from flywheel.insights.subjects import recommended, weakest_classes
from flywheel.views import RunView

MOST_WORDS = 120

_NEXT = {
    "promote": "Next: let an approver promote it, or ask why first.",
    "keep": "Next: look at its weakest classes, or train on more records.",
    "insufficient-data": "Next: run again with more evaluation records (eval_size).",
}


def summarise(run: RunView, middle: str | None = None) -> str:
    """Verdict, why, saving, weakest class and what to do next: at most 120 words.

    `middle` stands for what is between the verdict and the next step, where somebody worded that.
    """
    between = list(_middle(run)) if middle is None else [middle]
    first, *rest = _opening(run), *between, *_ending(run)
    chosen = " ".join(first.split()[:MOST_WORDS])
    for sentence in rest:
        if len(f"{chosen} {sentence}".split()) <= MOST_WORDS:
            chosen = f"{chosen} {sentence}"
    return chosen


def words_left(run: RunView) -> int:
    """How many words the middle may have."""
    return MOST_WORDS - len(" ".join((_opening(run), *_ending(run))).split())


def _opening(run: RunView) -> str:
    said = run.recommendation
    if said is None:
        outcome = {"failed": "failed", "cancelled": "was cancelled"}
        how = outcome.get(run.status, f"is {run.status}")
        return f"The run of {run.workload_id} {how} and has no verdict."
    what = {
        "promote": f"{said.model_name} can take over {run.workload_id} from {_present(run)}.",
        "keep": f"Keep the present model for {run.workload_id}; no candidate is good enough.",
        "insufficient-data": f"There is not enough data to decide on {run.workload_id}.",
    }
    return what[said.verdict]


def _middle(run: RunView) -> Iterator[str]:
    said = run.recommendation
    if said is None:
        yield from _errors(run)
        return
    yield said.reason
    yield from _saving(run)
    yield from _weakest(run)
    failed = [candidate.model_name for candidate in run.nims if candidate.error]
    if failed:
        yield f"Without a result: {', '.join(failed)}."


def _ending(run: RunView) -> Iterator[str]:
    if run.recommendation is not None:
        yield _NEXT[run.recommendation.verdict]
    elif run.status == "failed":
        yield f"Next: look at what went wrong with flywheel show {run.id}, then start it again."


def _present(run: RunView) -> str:
    return "the teacher" if run.compared is None else run.compared.name


def _errors(run: RunView) -> Iterator[str]:
    if run.error:
        yield run.error
    yield from [f"{c.model_name}: {c.error}" for c in run.nims if c.error][:3]


def _saving(run: RunView) -> Iterator[str]:
    said = run.recommendation
    if said is None or said.saving_per_1000 is None:
        return
    amount = money(abs(said.saving_per_1000), currency(run))
    if said.saving_per_1000 < 0:
        yield f"It would cost {amount} more per 1,000 requests than the teacher."
    else:
        share = "" if said.saving_share is None else f" ({percent(said.saving_share)} of its cost)"
        yield f"Against the teacher it would save {amount} per 1,000 requests{share}."


def _weakest(run: RunView) -> Iterator[str]:
    chosen = recommended(run)
    if chosen is None or chosen.scores is None:
        return
    if (tools := chosen.scores.tools) is not None:
        for tool in sorted(tools.per_tool, key=lambda tool: (tool.exact_recall, -tool.support))[:1]:
            if tool.exact_recall < 1:
                yield (
                    f"Its weakest tool is {tool.tool}: {tool.exact_recall:.3f} of "
                    f"{count(tool.support)} calls are exact."
                )
        return
    for row in weakest_classes(chosen.scores, 1):
        mistake = main_mistake(chosen.scores, row)
        yield (
            f"Its weakest class is {row.label}: F1 {row.f1:.3f} (n {count(row.support)}){mistake}."
        )
