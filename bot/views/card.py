"""The card: the one message that shows a run and changes as the run goes on."""

from datetime import datetime, timedelta

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    PlainTextObject,
)

from bot.views.failures import failure
from bot.views.message import Message, context, header, message, section
from bot.views.progress import candidate_lines, doing_now, run_percent, run_step_line
from bot.views.text import code, lines_that_fit, mrkdwn, person, plain, shorten
from flywheel.formatting import count, duration, when
from flywheel.views import RunView

CANCEL = "cancel_run"
RETRY = "retry_run"
CARD_BLOCK = "card:"
_SOON = timedelta(minutes=2)  # the end of a run that is over by then is not worth a word

_STATUS = {
    "pending": "waiting for a worker",
    "running": "running",
    "cancelling": "being cancelled",
    "completed": "complete",
    "failed": "failed",
    "cancelled": "cancelled",
}
ENDED = frozenset({"completed", "failed", "cancelled"})


def card_block_id(run_id: str) -> str:
    """Marks a card, so that it is found again after a restart."""
    return f"{CARD_BLOCK}{run_id}"


def card(view: RunView, now: datetime) -> Message:
    """A run as it stands at `now`."""
    blocks: list[Block] = [
        header(f"Run {view.id} · {view.workload_id}", card_block_id(view.id)),
        section(_status_line(view, now)),
    ]
    progress = candidate_lines(view, now)
    if progress and view.status != "pending":
        blocks.append(section(lines_that_fit(progress, 2800, "more candidates")))
    if view.status == "completed":
        blocks.append(section("The results are in the thread."))
    if view.status == "failed":
        blocks.append(section(failure(view)))
    elif view.error:
        blocks.append(section(f"*Why:* {mrkdwn(view.error, 1500)}"))
    blocks.append(context(_small_print(view)))
    if view.status in {"pending", "running"}:
        blocks.append(_cancel_button(view))
    elif view.status in {"failed", "cancelled"}:
        blocks.append(_retry_button(view))
    return message(fallback(view), blocks)


def still(view: RunView) -> Message:
    """The card without what changes by itself: time that passes, and what is expected."""
    steps = [
        step.model_copy(update={"expected_start": None, "expected_end": None})
        for step in view.steps
    ]
    unmoved = view.model_copy(update={"steps": steps, "expected_end": None})
    return card(unmoved, view.created_at)


def gone(run_id: str) -> Message:
    """What is left of the card of a run that was deleted."""
    text = f"Run {mrkdwn(run_id, 40)} was deleted."
    return message(text, [section(text, card_block_id(run_id))])


def fallback(view: RunView) -> str:
    """The card in one line."""
    line = f"Run {view.id} on {mrkdwn(view.workload_id, 150)}: {_STATUS[view.status]}"
    if view.status in {"running", "cancelling"}:
        line += f" ({run_percent(view)} %)"
    if view.error:
        return f"{line}. {mrkdwn(view.error, 300)}"
    doing = doing_now(view) if view.status == "running" else []
    return f"{line}: {shorten(', '.join(doing), 300)}" if doing else line


def elapsed(view: RunView, now: datetime) -> str:
    """How long the run has taken so far, or took."""
    start = view.started_at or view.created_at
    seconds = ((view.finished_at or now) - start).total_seconds()
    return duration(round(max(0.0, seconds)))


def _status_line(view: RunView, now: datetime) -> str:
    status = f"*{_STATUS[view.status].capitalize()}*"
    if view.status in {"running", "cancelling"}:
        status += f" · {run_percent(view)} % · {elapsed(view, now)}"
        if view.expected_end is not None and view.expected_end > now + _SOON:
            status += f" · should end about {when(view.expected_end)}"
    elif view.status in ENDED:
        status += f" after {elapsed(view, now)}"
    doing = run_step_line(view, now)
    return f"{status}\n{doing}" if doing and view.status == "running" else status


def _small_print(view: RunView) -> str:
    parts = []
    if view.schedule is not None:
        rule = mrkdwn(view.schedule.rule, 150)
        parts.append(f"Started by schedule {mrkdwn(view.schedule.id, 20)}, {rule}")
    parts.append(f"{'asked' if parts else 'Asked'} for by {person(view.requested_by)}")
    if view.client_id:
        parts.append(f"client {code(view.client_id)}")
    report = view.dataset_report
    if report is not None:
        parts.append(f"{count(report.usable)} usable records of {count(report.read)}")
        parts.append(f"{count(report.train)} for training, {count(report.eval)} for evaluation")
    elif view.num_records is not None:
        parts.append(f"{count(view.num_records)} records")
    parts.append(f"seed {view.seed}")
    return " · ".join(parts)


def _retry_button(view: RunView) -> ActionsBlock:
    button = ButtonElement(
        text=PlainTextObject(text="Retry"),
        action_id=RETRY,
        value=view.id,
        confirm=ConfirmObject(
            title="Start it again?",
            text=PlainTextObject(
                text=plain(
                    f"A new run of {view.workload_id} starts with the settings and the seed of "
                    f"{view.id}.",
                    300,
                )
            ),
            confirm="Start it",
            deny="Not now",
        ),
    )
    return ActionsBlock(block_id=f"card-actions:{view.id}", elements=[button])


def _cancel_button(view: RunView) -> ActionsBlock:
    return ActionsBlock(
        block_id=f"card-actions:{view.id}",
        elements=[
            ButtonElement(
                text=PlainTextObject(text="Cancel"),
                action_id=CANCEL,
                value=view.id,
                style="danger",
                confirm=ConfirmObject(
                    title="Cancel this run?",
                    text=PlainTextObject(
                        text=plain(
                            f"Run {view.id} on {view.workload_id} stops; what it has trained so "
                            "far is not scored.",
                            300,
                        )
                    ),
                    confirm="Cancel the run",
                    deny="Keep it running",
                    style="danger",
                ),
            )
        ],
    )
