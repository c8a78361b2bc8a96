"""Tools about runs, models, classes and what serves."""

from collections.abc import Iterable

from flywheel.insights.subjects import ranked, weakest_classes
from flywheel.insights.tools.arguments import (
    Named,
    OfClass,
    OfModel,
    OfRun,
    OfWorkload,
    PerhapsOfWorkload,
)
from flywheel.insights.tools.toolbox import Found, Toolbox, ToolError
from flywheel.insights.topic import gather, is_scored
from flywheel.insights.values import Value, log_values, promotion_values, run_values
from flywheel.views import RunView

_MOST_RUNS = 12
_MOST_CLASSES = 6
_SCORES = (
    "macro_f1 weighted_f1 accuracy balanced_accuracy tool_calls function_names similarity n "
    "seconds p95 cost_per_1000 saving_per_1000 saving_share unparseable difference p_adjusted "
    "records_needed reason error"
).split()
_OF_TEACHER = ("seconds", "cost_per_1000", "input_tokens", "output_tokens")
_OF_DATA = (
    "records usable train val eval duplicates near_duplicates invalid unlabeled conflicting"
).split()
_ACTIVE = {"pending", "running", "cancelling"}


async def find_things(box: Toolbox, asked: Named) -> Found:
    """Runs, workloads and models that words may mean."""
    topic = await gather(asked.words, box.evidence, box.focus)
    runs = topic.named_runs or topic.candidate_runs
    notes = [f"Workloads: {', '.join(await box.workloads())}."]
    for run in runs[:_MOST_RUNS]:
        box.know(run)
        models = ", ".join(candidate.model_name for candidate in run.nims)
        verdict = f", verdict {run.recommendation.verdict}" if run.recommendation else ""
        notes.append(f"{run.id} on {run.workload_id}: {run.status}{verdict}; models: {models}.")
    if topic.missing_runs:
        notes.append(f"There is no run {', '.join(topic.missing_runs)}.")
    return Found(values=_some(runs[:_MOST_RUNS], ["started", "finished"]), notes=notes)


async def results(box: Toolbox, asked: OfModel) -> Found:
    """Scores, speed, cost and verdict of a run's models."""
    run = await box.run(asked.run)
    names = [box.model(run, asked.model)] if asked.model else [s.name for s in ranked(run)]
    values = run_values(run)
    failed = [c.model_name for c in run.nims if c.error]
    wanted = [f"{run.id}/{name}/{part}" for name in [*names, *failed] for part in _SCORES]
    wanted += [f"{run.id}/incumbent/{part}" for part in _SCORES]
    wanted += [f"{run.id}/{name}/base/{part}" for name in names for part in _SCORES[:7]]
    wanted += [f"{run.id}/teacher/{part}" for part in _OF_TEACHER]
    wanted += [f"{run.id}/reason", f"{run.id}/error"]
    return Found(values=_present(values, wanted), notes=[_status(run), *_verdicts(run)])


async def classes(box: Toolbox, asked: OfClass) -> Found:
    """One class, or the weakest ones, with what they are taken for."""
    run = await box.run(asked.run)
    name = box.model(run, asked.model)
    scores = next((s.scores for s in ranked(run) if s.name == name), None)
    if scores is None:
        raise ToolError(f"{name} has no scores in {run.id}.")
    if scores.tools is not None:
        start = f"{run.id}/{name}/tool/"
        tools = [v for v in run_values(run).values() if v.id.startswith(start)]
        return Found(values=tools, notes=[f"Tools of {name} in {run.id}."])
    chosen = [box.label(run, asked.label)] if asked.label else []
    labels = chosen or [row.label for row in weakest_classes(scores, _MOST_CLASSES)]
    if not labels:
        return Found(notes=[f"{name} makes no mistake in any class of {run.id}."])
    values = run_values(run)
    of_class = [
        f"{run.id}/{part}/{label}/"
        for label in labels
        for part in (f"{name}/class", f"{name}/taken_for", "class")
    ]
    found = [v for start in of_class for key, v in values.items() if key.startswith(start)]
    absent = [f"No evaluation record: {', '.join(scores.absent_classes)}."]
    return Found(
        values=found,
        notes=[
            f"Classes of {name} in {run.id}: {', '.join(labels)}.",
            *(absent if scores.absent_classes else []),
        ],
    )


async def data(box: Toolbox, asked: OfRun) -> Found:
    """What dataset building made of the records."""
    run = await box.run(asked.run)
    if run.dataset_report is None:
        raise ToolError(f"{run.id} is {run.status} and has no datasets.")
    wanted = [f"{run.id}/{part}" for part in _OF_DATA]
    return Found(
        values=_present(run_values(run), wanted),
        notes=[_status(run)],
        untrusted=list(run.dataset_report.notes),
    )


async def log(box: Toolbox, asked: PerhapsOfWorkload) -> Found:
    """What the log holds."""
    wanted = await box.workload(asked.workload) if asked.workload else None
    summaries = await box.evidence.workloads()
    found = [s for s in summaries if wanted in {None, s.workload_id}]
    box.names.update(s.workload_id for s in found)
    box.looked_at.update(s.workload_id for s in found)
    return Found(values=list(log_values(found).values()))


async def status(box: Toolbox, asked: OfRun) -> Found:
    """How a run stands, or all that go on."""
    if asked.run is None and box.focus is None:
        shown = [run for run in await box.evidence.runs() if run.status in _ACTIVE]
        if not shown:
            return Found(notes=["Nothing is running, and nothing waits."])
    else:
        shown = [await box.run(asked.run)]
    notes = []
    for run in shown[:_MOST_RUNS]:
        box.know(run)
        now = [f"{s.kind} {s.candidate or ''}".strip() for s in run.steps if s.status == "running"]
        waits = [s.waits for s in run.steps if s.waits]
        notes.append(_status(run) + (f" Now: {', '.join(now)}." if now else ""))
        notes += [f"{run.id} waits for {w.pool}, held by {', '.join(w.held_by)}." for w in waits]
    parts = ["started", "finished", "took", "expected_end", "steps_done", "steps", "error"]
    return Found(values=_some(shown[:_MOST_RUNS], parts), notes=notes)


async def trend(box: Toolbox, asked: OfWorkload) -> Found:
    """The headline of the best model, and of what serves, in each run of a workload."""
    workload = await box.workload(asked.workload)
    runs = [run for run in await box.evidence.runs(workload) if is_scored(run)][:_MOST_RUNS]
    if not runs:
        raise ToolError(f"No run of {workload} has scores.")
    values: list[Value] = []
    for run in reversed(runs):
        box.know(run)
        best, of_run = ranked(run)[0], run_values(run)
        metric = best.scores.metric if best.scores else ""
        wanted = [f"{run.id}/finished", f"{run.id}/{best.name}/{metric}"]
        values += _present(of_run, [*wanted, f"{run.id}/incumbent/{metric}"])
    return Found(
        values=values,
        notes=["Oldest first. Two runs may have been scored on other records: compare_runs says."],
    )


async def serving(box: Toolbox, asked: PerhapsOfWorkload) -> Found:
    """Which model serves, since when, and who approved it."""
    wanted = await box.workload(asked.workload) if asked.workload else None
    promotions = [p for p in await box.evidence.incumbents() if wanted in {None, p.workload_id}]
    notes = []
    for promotion in promotions:
        box.names |= {promotion.model_name, promotion.workload_id, promotion.run_id}
        box.names.add(promotion.approved_by)
        box.looked_at.add(promotion.workload_id)
        box.models.add(promotion.model_name)
        notes.append(
            f"{promotion.model_name} of {promotion.run_id} serves {promotion.workload_id}, "
            f"approved by {promotion.approved_by}."
        )
        if promotion.replaced:
            box.names.add(promotion.replaced)
            notes.append(f"It replaced {promotion.replaced}.")
    if not promotions:
        notes.append("No model is promoted: the teacher serves.")
    decided = [] if wanted is None else await box.evidence.decisions(wanted)
    box.names.update(one.actor for one in decided)
    notes += [f"{one.action} by {one.actor} on {one.at:%Y-%m-%d}" for one in decided]
    return Found(values=list(promotion_values(promotions).values()), notes=notes)


def _some(runs: Iterable[RunView], parts: Iterable[str]) -> list[Value]:
    return [v for run in runs for v in _present(run_values(run), [f"{run.id}/{p}" for p in parts])]


def _present(values: dict[str, Value], wanted: Iterable[str]) -> list[Value]:
    return [values[one] for one in wanted if one in values]


def _status(run: RunView) -> str:
    return f"{run.id} on {run.workload_id} is {run.status}."


def _verdicts(run: RunView) -> list[str]:
    said = run.recommendation
    if said is None:
        return []
    notes = [
        f"Verdict of the policy: {said.verdict} ({said.model_name}), against {said.reference}."
    ]
    return notes + [f"{one.model_name}: {one.verdict}." for one in said.candidates]
