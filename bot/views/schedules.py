"""Schedules as people see them in Slack: a list with buttons, and what is said of one."""

from collections.abc import Sequence

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    PlainTextObject,
)

from bot.views.message import Message, context, header, message, section
from bot.views.text import code, mrkdwn, person, plain, shorten
from flywheel.formatting import count, when
from flywheel.service.schedule_words import next_run, trouble
from flywheel.views import ScheduleView

PAUSE = "pause_schedule"
RESUME = "resume_schedule"
REMOVE = "remove_schedule"
_MOST = 12  # each takes two blocks and up to 700 characters with its buttons
_TEXT = 500
_HOW = "`/flywheel schedule WORKLOAD every monday 06:00 Europe/London` makes one."


def schedule_list(views: Sequence[ScheduleView]) -> Message:
    """Every schedule, with buttons that pause, resume and remove it."""
    if not views:
        return message(f"There is no schedule. {_HOW}")
    blocks: list[Block] = [header("Schedules")]
    for view in views[:_MOST]:
        blocks += [section(shorten(_lines(view), _TEXT)), _buttons(view)]
    more = len(views) - _MOST
    if more > 0:
        blocks.append(
            context(
                f"{count(more)} more: `/flywheel schedule list WORKLOAD` lists those of a workload."
            )
        )
    blocks.append(context(_HOW))
    listed = [f"{view.id} on {mrkdwn(view.workload_id, 60)}, {_next(view)}" for view in views[:5]]
    return message(f"Schedules: {'; '.join(listed)}", blocks)


def made(view: ScheduleView) -> Message:
    """To the channel in which its runs will appear."""
    what = f"a run of {code(view.workload_id, 80)} {mrkdwn(view.rule, 150)}"
    return message(
        f"{person(view.made_by)} made the schedule {view.id}: {what}. "
        f"Its runs appear here. Next: {_next(view)}."
    )


def paused(view: ScheduleView) -> Message:
    """It starts no more runs."""
    return message(f"{view.id} is paused. `/flywheel schedule resume {view.id}` lets it go on.")


def resumed(view: ScheduleView) -> Message:
    """It goes on."""
    return message(f"{view.id} goes on. Next: {_next(view)}.")


def removed(view: ScheduleView) -> Message:
    """It is gone."""
    return message(f"{view.id} is removed; its runs stay.")


def _next(view: ScheduleView) -> str:
    return mrkdwn(next_run(view), 150)


def _lines(view: ScheduleView) -> str:
    client = f", client {code(view.client_id, 40)}" if view.client_id else ""
    lines = [
        f"*{view.id}* {code(view.workload_id, 80)}{client} {mrkdwn(view.rule, 120)}",
        f"{'Paused' if view.paused else f'Next: {_next(view)}'} · by {person(view.made_by)}",
    ]
    if view.last_fired is not None:
        lines[1] += f" · last: {view.last_run or 'deleted'}, {when(view.last_fired)}"
    lines += [f":warning: {mrkdwn(sentence, 250)}" for sentence in trouble(view)]
    return "\n".join(lines)


def _buttons(view: ScheduleView) -> ActionsBlock:
    label, action = ("Resume", RESUME) if view.paused else ("Pause", PAUSE)
    question = f"{view.id} on {view.workload_id} starts no more runs; those it has started stay."
    remove = ButtonElement(
        text=PlainTextObject(text="Remove"),
        action_id=REMOVE,
        value=view.id,
        style="danger",
        confirm=ConfirmObject(
            title="Remove this schedule?",
            text=PlainTextObject(text=plain(question, 150)),
            confirm="Remove it",
            deny="Keep it",
            style="danger",
        ),
    )
    turn = ButtonElement(text=PlainTextObject(text=label), action_id=action, value=view.id)
    return ActionsBlock(block_id=f"schedule:{view.id}", elements=[turn, remove])
