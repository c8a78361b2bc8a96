"""The end of a run: scores, the policy's recommendation and, where people decide, the buttons."""

from collections.abc import Sequence
from decimal import Decimal

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, PlainTextObject

from bot.views import evidence
from bot.views.followups import followups
from bot.views.message import Message, context, header, message, section
from bot.views.scores import score_table
from bot.views.text import code, lines_that_fit, mrkdwn
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.audit import in_words
from flywheel.formatting import count, money, percent
from flywheel.views import RunView

APPROVE = "approve_promotion"
REJECT = "reject_promotion"
VOID = "The question to approve is void"  # how the event of that begins


def event_block_id(event_id: int) -> str:
    """Marks the message of an event, so that it is found again after a restart."""
    return f"event:{event_id}"


def results(view: RunView, decisions: Sequence[str] = (), event_id: int | None = None) -> Message:
    """What a completed run found; `decisions` are sentences on what people decided since."""
    title = f"Results of {view.id} · {view.workload_id}"
    blocks: list[Block] = [
        header(title, event_block_id(event_id) if event_id is not None else None)
    ]
    recommendation = view.recommendation
    if recommendation is not None:
        blocks.append(section(recommendation_text(recommendation, view.summary or "")))
    if view.nims:
        blocks.append(score_table(view))
    if view.summary:
        blocks.append(section(mrkdwn(view.summary, 2000)))
    blocks.append(context(_small_print(view)))
    if audits := _audits(view):
        blocks.append(context(audits, "audits"))
    if decisions:
        lines = [f"{_heading(text)} {mrkdwn(text, 600)}" for text in decisions]
        blocks.append(section(lines_that_fit(lines, 1600), "decision"))
    elif view.approval_id:
        if rule := evidence.asked(view):
            blocks.append(context(rule, "asked"))
        blocks.append(decision_buttons(view))
    elif recommendation is not None and recommendation.verdict == "promote":
        blocks.append(section("Not open for a decision any more: a newer run has finished."))
    blocks.append(followups(view))
    return message(_fallback(view, decisions), blocks)


def decision_buttons(view: RunView, block_id: str = "decide") -> ActionsBlock:
    """Approve and reject; the value carries the run and its open approval."""
    value = f"{view.id}:{view.approval_id}"
    return ActionsBlock(
        block_id=block_id,
        elements=[
            ButtonElement(
                text=PlainTextObject(text="Approve & promote"),
                action_id=APPROVE,
                value=value,
                style="primary",
            ),
            ButtonElement(
                text=PlainTextObject(text="Reject"), action_id=REJECT, value=value, style="danger"
            ),
        ],
    )


def _heading(decision: str) -> str:
    return "*Closed:*" if decision.startswith(VOID) else "*Decided:*"


def verdict_line(recommendation: Recommendation) -> str:
    """The verdict in a few words of mrkdwn."""
    name = code(recommendation.model_name or "")
    match recommendation.verdict:
        case "promote":
            return f"*Recommended:* promote {name}"
        case "keep":
            return "*Recommended:* keep the model that serves now"
        case "insufficient-data":
            return "*No recommendation:* there is too little data"


def saving_text(saving: Decimal, share: float | None, currency: str) -> str:
    """'saves 0.72 USD per 1,000 requests (99.4 %)'."""
    verb = "saves" if saving >= 0 else "costs an extra"
    part = "" if share is None else f" ({percent(abs(share))})"
    return f"{verb} {money(abs(saving), currency)} per 1,000 requests{part}"


def recommendation_text(recommendation: Recommendation, summary: str = "") -> str:
    """The verdict, its reason where the summary does not have it, and what it saves."""
    parts = [verdict_line(recommendation)]
    if recommendation.reason not in summary:  # which then says it in full
        parts.append(mrkdwn(recommendation.reason, 1000))
    saving = recommendation.saving_per_1000
    if saving is not None and recommendation.verdict == "promote":
        share, currency = recommendation.saving_share, recommendation.currency
        parts.append(f"It {saving_text(saving, share, currency)}.")
    return "\n".join(parts)


def _small_print(view: RunView) -> str:
    parts = []
    report = view.dataset_report
    if report is not None:
        parts.append(
            f"Scored on the same {count(report.eval)} records, "
            f"trained on {count(report.train)}; seed {view.seed}"
        )
    absent = {label for c in view.nims if c.customized for label in c.customized.absent_classes}
    if absent:
        parts.append(f"not judged, without records: {mrkdwn(', '.join(sorted(absent)), 200)}")
    if view.llm_judge is not None:
        parts.append(_judged(view, view.llm_judge["model_name"]))
    if view.teacher is not None:
        parts.append(f"teacher: {code(view.teacher.model_name)}")
    measures = {e.measures for c in view.nims for e in c.evaluations if e.eval_type == "base-eval"}
    if named := ", ".join(sorted(filter(None, measures))):
        parts.append(f"before fine-tuning: {mrkdwn(named, 200)}")
    parts.append(f"`/flywheel status {view.id}`")
    return " · ".join(parts)


def _audits(view: RunView) -> str:
    """What people have found who judged the answers."""
    lines = [
        f"{code(c.model_name, 80)} {mrkdwn(in_words(c.audit), 400)}" for c in view.nims if c.audit
    ]
    return lines_that_fit(lines, 1200)


def _judged(view: RunView, model: str) -> str:
    """Who judged, and how many answers got no score."""
    judges = [c.customized.judge for c in view.nims if c.customized and c.customized.judge]
    lacking = sum(judge.unreadable + judge.failed for judge in judges)
    without = f", no score for {count(lacking)} of {count(sum(j.n for j in judges))} answers"
    return f"judge: {code(model)}{without if lacking else ''}"


def _fallback(view: RunView, decisions: Sequence[str]) -> str:
    start = f"Results of {view.id} on {mrkdwn(view.workload_id, 150)}"
    if decisions:
        return f"{start}. {mrkdwn(decisions[-1], 600)}"
    if view.recommendation is None:
        return f"{start}: {view.status}."
    return f"{start}: {mrkdwn(view.recommendation.reason, 600)}"
