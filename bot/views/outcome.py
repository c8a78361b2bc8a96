"""One line to whoever asked for a run: how it ended, or that its channel does not show it."""

from bot.views.message import Message, message, section
from bot.views.results import verdict_line
from bot.views.text import channel_link, code, link, mrkdwn
from flywheel.views import RunView


def outcome(view: RunView, permalink: str | None, block_id: str) -> Message:
    """That a run is complete or has failed; `permalink` leads to its card."""
    by = "" if view.schedule is None else f" (schedule {mrkdwn(view.schedule.id, 20)})"
    run = f"Your run {view.id} on {code(view.workload_id)}{by}"
    if view.status == "failed":
        why = f": {mrkdwn(view.error, 600)}" if view.error else "."
        text = f"{run} has failed{why}"
    elif view.recommendation is None:
        text = f"{run} is complete."
    else:
        reason = mrkdwn(view.recommendation.reason, 600)
        text = f"{run} is complete. {verdict_line(view.recommendation)}. {reason}"
    shown = text if permalink is None else f"{text} {link(permalink, 'See the thread')}"
    return message(text, [section(shown, block_id)])


def unshown(view: RunView, channel: str, closed: bool, block_id: str) -> Message:
    """That a run goes on out of sight; `closed`: for good."""
    where = f"{view.id} on {code(view.workload_id)} in {channel_link(channel)}"
    if closed:
        text = f"I show {where} no more: the channel is archived."
    else:
        text = (
            f"I cannot show {where}: I am not in that channel. "
            "Invite me there with `/invite @flywheel`, and it appears."
        )
    text += f" It goes on all the same; `/flywheel status {view.id}` shows how it stands."
    return message(text, [section(text, block_id)])
