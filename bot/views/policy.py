"""The policy in force, in words: what a model has to show, and who decides."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from bot.views.message import Message, context, header, message, section
from bot.views.text import code, lines_that_fit, mrkdwn, with_people
from flywheel.decisions.stated import asks_of_candidates, asks_of_people
from flywheel.formatting import count
from flywheel.views import PolicyView

_TEXT = 2800
_PEOPLE = 20
_WORKLOADS = 20


def policy(view: PolicyView) -> Message:
    """What it asks of a candidate and of people, who they are, and its digest."""
    said = view.document.parsed()
    of_candidates = _bullets(asks_of_candidates(said))
    of_people = _bullets(asks_of_people(said.approval))
    title = "Policy" if view.workload_id is None else f"Policy · {view.workload_id}"
    return message(
        f"The policy in force, sha256 {view.document.sha256}",
        [
            header(title),
            section(
                "*What a model has to show*\n" + lines_that_fit(of_candidates, _TEXT, "more rules")
            ),
            section("*Who decides*\n" + lines_that_fit([*of_people, *_deciders(view)], _TEXT)),
            context(
                f"{code(PurePath(view.document.name).name)} · sha256 {view.document.sha256}"
                " · A run keeps the policy that it was started under."
            ),
        ],
    )


def _deciders(view: PolicyView) -> list[str]:
    lines = [f"• Approvers: {_people(view.approvers)}"]
    for workload_id, people in list(view.elsewhere.items())[:_WORKLOADS]:
        lines.append(f"• Of {code(workload_id, 80)} instead: {_people(people)}")
    rest = len(view.elsewhere) - _WORKLOADS
    if rest > 0:
        lines.append(f"• {count(rest)} more have approvers of their own.")
    return lines


def _people(ids: Sequence[str]) -> str:
    if not ids:
        return "nobody yet; user ids are listed in `approval_config.approvers`"
    named = ", ".join(with_people(mrkdwn(name, 60)) for name in ids[:_PEOPLE])
    rest = len(ids) - _PEOPLE
    return f"{named} and {rest} more" if rest > 0 else named


def _bullets(sentences: Iterable[str]) -> list[str]:
    return [f"• {mrkdwn(sentence, 300)}" for sentence in sentences]
