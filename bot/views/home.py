"""The Home tab: what waits for one person, what runs, and what serves each workload."""

from collections.abc import Sequence
from datetime import datetime

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    DividerBlock,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.views import evidence
from bot.views.card import elapsed
from bot.views.lists import run_line
from bot.views.message import context, header, section
from bot.views.progress import bar, run_percent
from bot.views.results import decision_buttons, recommendation_text
from bot.views.text import code, lines_that_fit, person
from flywheel.evaluation.headline import NAMES
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count, days, when
from flywheel.views import HomeView, PromotionView, RunView, WorkloadView

START, REFRESH = "home_run", "home_refresh"
_TEXT = 2900


def home_tab(view: HomeView, now: datetime) -> View:
    """The tab of one person as it stands at `now`."""
    blocks: list[Block] = [*_waiting(view, now), header("Running now")]
    running = [_running(run, now) for run in view.running]
    blocks.append(_lines(running, "Nothing is running."))
    blocks += _more(view.more_running, "runs")
    blocks.append(header("My runs"))
    mine = [run_line(run, now) for run in view.mine]
    blocks.append(_lines(mine, "You have not asked for a run yet."))
    blocks.append(header("Workloads"))
    blocks += [section(_workload(one, now)) for one in view.workloads] or [
        section("The log is empty.")
    ]
    blocks += _more(view.more_workloads, "workloads")
    blocks += [DividerBlock(), _buttons(), context(f"As of {when(now)}.")]
    return View(type="home", blocks=blocks)


def _waiting(view: HomeView, now: datetime) -> list[Block]:
    if not view.waiting:
        return []
    blocks: list[Block] = [header("Waiting for your decision")]
    for run in view.waiting:
        text = f"*{run.id}* {code(run.workload_id)}, {_ago(run.finished_at or run.created_at, now)}"
        if run.recommendation is not None:
            text += f"\n{recommendation_text(run.recommendation)}"
        if rule := evidence.asked(run):
            text += f"\n{rule}"
        blocks += [section(text), decision_buttons(run, f"decide:{run.id}")]
    if view.more_waiting:
        blocks.append(context(f"{count(view.more_waiting)} more wait, and show up after these."))
    return blocks


def _more(number: int, command: str) -> list[Block]:
    return [context(f"{count(number)} more: `/flywheel {command}` lists them.")] if number else []


def _running(run: RunView, now: datetime) -> str:
    percent = run_percent(run)
    parts = [
        f"`{bar(percent)}` {percent} % *{run.id}* {code(run.workload_id, 80)}",
        f"{run.status} for {elapsed(run, now)}, asked for by {person(run.requested_by)}",
    ]
    if run.expected_end is not None and run.expected_end > now:
        parts.append(f"should end about {when(run.expected_end)}")
    return " · ".join(parts)


def _workload(one: WorkloadView, now: datetime) -> str:
    line = code(one.workload_id)
    if one.records is not None:
        line += f" · {count(one.records)} records in the log"
    if one.serving is None:
        return f"{line}\nserved by the teacher"
    serving = one.serving
    line += f"\nserved by {code(serving.model_name, 80)} of {serving.run_id}"
    line += f", promoted {_ago(serving.approved_at, now)} by {person(serving.approved_by)}"
    return f"{line}\n{_drift(one, serving)}{_since(one.records_since)}"


def _drift(one: WorkloadView, serving: PromotionView) -> str:
    """How what serves scored when it was promoted, and how it scores on newer records."""
    then, checked = _then(serving, one.scores), one.checked
    if checked is None or checked.compared is None:
        return f"{then} when promoted; no later run has scored it since"
    scores = checked.compared.scores
    found = None if scores is None else scores.headline
    if found is None:
        why = checked.compared.error or "it got no score"
        return f"{then} when promoted; {checked.id} could not score it: {code(why, 200)}"
    return f"{then} when promoted, {found.words} in {checked.id}"


def _then(serving: PromotionView, scores: Scores | None) -> str:
    """With its interval, where the run that it is from still has that."""
    if serving.score is None:
        return "no score was kept"
    found = None if scores is None else scores.headline
    if found is not None and found.metric == serving.metric:
        return found.words
    return f"{NAMES[serving.metric]} {serving.score:.3f}"


def _since(records: int | None) -> str:
    match records:
        case None:
            return ""
        case 0:
            return "; nothing was logged since"
        case _:
            return f"; {count(records)} record{'' if records == 1 else 's'} logged since"


def _ago(moment: datetime, now: datetime) -> str:
    passed = (now - moment).days
    return "today" if passed < 1 else f"{days(passed)} ago"


def _lines(lines: Sequence[str], nothing: str) -> Block:
    return section(lines_that_fit(lines, _TEXT, "more runs") or nothing)


def _buttons() -> ActionsBlock:
    return ActionsBlock(
        block_id="home",
        elements=[
            ButtonElement(
                text=PlainTextObject(text="Start a run"), action_id=START, style="primary"
            ),
            ButtonElement(text=PlainTextObject(text="Refresh"), action_id=REFRESH),
        ],
    )
