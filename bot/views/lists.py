"""Lists that people ask for: runs, workloads, commands."""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

from slack_sdk.models.blocks import Block

from bot.parsing.usage import USAGE
from bot.views.card import elapsed, fallback
from bot.views.message import Message, context, header, message, section
from bot.views.text import code, lines_that_fit, mrkdwn, person
from flywheel.formatting import count, when
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import RunView

_LIST_TEXT = 2900


def runs(views: Sequence[RunView], now: datetime) -> Message:
    """The newest runs, one line each."""
    if not views:
        return message("There are no runs yet. Start one: `/flywheel run WORKLOAD`.")
    lines = [run_line(view, now) for view in views]
    return message(
        "; ".join(fallback(view) for view in views[:5]),
        [header("Runs"), section(lines_that_fit(lines, _LIST_TEXT, "more runs"))],
    )


def workloads(summaries: Sequence[WorkloadSummary], serving: dict[str, str]) -> Message:
    """What the log holds; `serving` names the promoted model of a workload."""
    if not summaries:
        return message("The log is empty. Import one with `flywheel logs import FILE`.")
    lines = []
    for summary in summaries:
        promoted = serving.get(summary.workload_id)
        serves = code(promoted) if promoted else "the teacher"
        lines.append(
            f"{code(summary.workload_id)}, client {code(summary.client_id)}: "
            f"{count(summary.records)} records, {count(len(summary.answers))} kinds of answer\n"
            f"{summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}, serving: {serves}"
        )
    names = ", ".join(mrkdwn(s.workload_id, 60) for s in summaries[:20])
    return message(
        f"Workloads in the log: {names}",
        [
            header("Workloads in the log"),
            section(lines_that_fit(lines, _LIST_TEXT, "more workloads")),
            context(f"{code(f'/flywheel run {quote(summaries[0].workload_id)}')} starts a run."),
        ],
    )


def help_text(block_id: str | None = None) -> Message:
    """Every command with what it does; `block_id` marks the message."""
    lines = [f"• `/flywheel {usage.form}`: {usage.what}" for usage in USAGE.values()]
    blocks: list[Block] = [
        section(
            "*I turn the log of a big model into a small one that can take its place.*", block_id
        ),
        section("\n".join(lines)),
        context("Ask me anything about runs, scores and savings: mention me, or write to me."),
    ]
    return message("What `/flywheel` can do: " + ", ".join(USAGE), blocks)


def run_line(view: RunView, now: datetime) -> str:
    """A run in one line of mrkdwn."""
    parts = [
        f"*{view.id}* {code(view.workload_id, 80)} {view.status}",
        f"{when(view.created_at)}, {elapsed(view, now)}",
        f"by {person(view.requested_by)}",
    ]
    if view.recommendation is not None and view.recommendation.model_name:
        verdict = view.recommendation.verdict.replace("-", " ")
        parts.append(f"{verdict}: {code(view.recommendation.model_name, 80)}")
    return " · ".join(parts)
