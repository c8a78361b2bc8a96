"""The modals in which people approve or reject, and what they are told around it."""

from collections.abc import Sequence

from pydantic import BaseModel
from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.views import evidence
from bot.views.message import Message, context, message, section
from bot.views.results import saving_text
from bot.views.text import code, mrkdwn, person, plain
from flywheel.evaluation.scores import Scores
from flywheel.views import DecisionView, PromotionView, RunView

APPROVE_VIEW = "approve_view"
REJECT_VIEW = "reject_view"
MODEL = "model"
REASON = "reason"
REASON_TEXT = 500
_MIN_REASON = 4
_OPTIONS = 100


class DecisionContext(BaseModel):
    """What a modal carries along, so that its submission knows where it came from."""

    run_id: str
    approval_id: str
    channel: str
    message_ts: str
    response_url: str | None = None
    ephemeral: bool = False
    home: str = ""  # whose Home tab it was pressed on


def passed(view: RunView) -> list[str]:
    """The candidates that the policy passed, the recommended one first."""
    recommendation = view.recommendation
    if recommendation is None:
        return []
    names = [v.model_name for v in recommendation.candidates if v.verdict == "promote"]
    return sorted(names, key=lambda name: name != recommendation.model_name)


def approve_modal(view: RunView, carried: DecisionContext) -> View:
    """Which model takes over, what it scores, what it replaces, and why."""
    models = passed(view)[:_OPTIONS]
    options = [
        Option(text=PlainTextObject(text=plain(name, 75)), value=name[:150]) for name in models
    ]
    blocks: list[Block] = [
        section(_about(view), "about"),
        InputBlock(
            block_id=MODEL,
            label=PlainTextObject(text="Model that takes over"),
            element=StaticSelectElement(
                action_id=MODEL, options=options, initial_option=options[0]
            ),
        ),
        section(_scores(view, models), "scores"),
        section(evidence.clauses(view, models), "evidence"),
        *(section(text, f"rule-{n}") for n, text in enumerate(_rules(view, models))),
        _reason_input("Why does it take over?"),
        context("The reason is kept with the promotion. A rollback brings the old model back."),
    ]
    return View(
        type="modal",
        callback_id=APPROVE_VIEW,
        title=PlainTextObject(text="Promote a model"),
        submit=PlainTextObject(text="Approve & promote"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=carried.model_dump_json(),
        blocks=blocks,
    )


def reject_modal(view: RunView, carried: DecisionContext) -> View:
    """Why nothing changes."""
    blocks: list[Block] = [section(_about(view), "about"), _reason_input("Why not?")]
    return View(
        type="modal",
        callback_id=REJECT_VIEW,
        title=PlainTextObject(text="Reject"),
        submit=PlainTextObject(text="Reject"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=carried.model_dump_json(),
        blocks=blocks,
    )


def reason_problem(reason: str) -> str | None:
    """What is wrong with a reason, or None."""
    if len(reason.strip()) < _MIN_REASON:
        return "Say in a few words why; it is kept with the decision."
    return None


def already_decided(decision: str | None) -> Message:
    """For a button that was pressed after the decision."""
    if decision is None:
        return message("This is not open for a decision any more: a newer run has finished.")
    return message(f"This has been decided already. {mrkdwn(decision, 1000)}")


def approved(said: DecisionView, model_name: str, by: str) -> Message:
    """The answer to `/flywheel promote`."""
    promotion = said.promotion
    if promotion is None:
        return message(
            f"{person(by)} approved {code(model_name)}: {len(said.approved_by)} of {said.needed}. "
            "It takes over with the last of them."
        )
    text = (
        f"{person(by)} promoted {code(promotion.model_name)} of {promotion.run_id} for "
        f"{code(promotion.workload_id)}."
    )
    if promotion.replaced:
        text += f" It takes over from {code(promotion.replaced)}."
    return message(f"{text}\n*Why:* {mrkdwn(promotion.reason, 1000)}")


def rolled_back(workload_id: str, serves: PromotionView | None, by: str, reason: str) -> Message:
    """The answer to `/flywheel rollback`: what serves now."""
    now = (
        "the teacher, the model that the log comes from"
        if serves is None
        else f"{code(serves.model_name)} of {serves.run_id}"
    )
    return message(
        f"{person(by)} rolled {code(workload_id)} back. Serving now: {now}.\n"
        f"*Why:* {mrkdwn(reason, 1000)}"
    )


def _rules(view: RunView, models: Sequence[str]) -> list[str]:
    return [text for text in (evidence.asked(view), evidence.pinned(view, models)) if text]


def _about(view: RunView) -> str:
    lines = [f"*Workload:* {code(view.workload_id)}", f"*Run:* {view.id}"]
    recommendation = view.recommendation
    if recommendation is not None:
        lines.append(f"*The policy says:* {mrkdwn(recommendation.reason, 800)}")
    lines.append(f"*Replaces:* {_replaces(view)}")
    return "\n".join(lines)


def _replaces(view: RunView) -> str:
    if view.incumbent:
        return code(view.incumbent)
    if view.teacher is not None:
        return f"{code(view.teacher.model_name)}, the teacher"
    return "the teacher"


def _scores(view: RunView, models: Sequence[str]) -> str:
    by_name = {c.model_name: c.customized for c in view.nims}
    lines = []
    for name in models[:10]:
        scores = by_name.get(name)
        if scores is None:
            continue
        found = scores.headline
        line = f"{code(name, 80)}: {'not judged' if found is None else found.words}"
        saving = _saving(view, scores)
        lines.append(f"{line}; {saving}" if saving else line)
    return "\n".join(lines) or "No scores were kept."


def _saving(view: RunView, scores: Scores) -> str | None:
    before = view.teacher.cost_per_1000 if view.teacher else None
    if before is None or scores.cost_per_1000 is None or view.recommendation is None:
        return None
    saving = before - scores.cost_per_1000
    share = float(saving / before) if before else None
    return saving_text(saving, share, view.recommendation.currency)


def _reason_input(label: str) -> InputBlock:
    return InputBlock(
        block_id=REASON,
        label=PlainTextObject(text=label),
        element=PlainTextInputElement(action_id=REASON, multiline=True, max_length=REASON_TEXT),
    )
