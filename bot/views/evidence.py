"""What a decision rests on: the clauses of the policy, the digests, who has approved so far."""

from collections.abc import Sequence

from bot.views.text import code, lines_that_fit, mrkdwn, person
from flywheel.formatting import count, when
from flywheel.views import RunView

_DIGEST = 12  # digits that people compare; the audit has all
_MODELS = 5
_SIGNS = {"passed": "✓ passed", "failed": "✗ failed", "undecided": "? undecided"}


def clauses(view: RunView, models: Sequence[str]) -> str:
    """Every clause of the policy with what was seen, model by model."""
    said = view.recommendation
    lines = []
    for verdict in said.candidates if said is not None else ():
        if verdict.model_name not in models[:_MODELS]:
            continue
        lines.append(f"*{mrkdwn(verdict.model_name, 80)}*")
        lines += [f"{_SIGNS[c.state]}: {mrkdwn(c.text, 300)}" for c in verdict.clauses]
        if weakest := _weakest(view, verdict.model_name):
            lines.append(weakest)
    return lines_that_fit(lines, 2800, "more lines") or "No clause of the policy was kept."


def pinned(view: RunView, models: Sequence[str]) -> str | None:
    """The digests of what is decided on, shortened; None for a run of before."""
    if view.approval is None or not view.approval.digests:
        return None
    known = view.approval.digests
    parts = [f"{code(m, 60)} {known[m][:_DIGEST]}" for m in models[:_MODELS] if m in known]
    parts += [f"{d.name} set {d.digest[:_DIGEST]}" for d in view.datasets]
    return f"Pinned (sha256): {' · '.join(parts)}. A change of any of them makes this void."


def asked(view: RunView) -> str | None:
    """What the policy asks of the decision, and who has approved; None where nothing special."""
    approval = view.approval
    if approval is None:
        return None
    parts = []
    if approval.needed > 1:
        parts.append(f"{count(approval.needed)} people have to approve the same model")
    if approval.approved_by:
        people = ", ".join(person(name) for name in approval.approved_by)
        parts.append(f"{so_far(view)}, by {people}")
    if approval.four_eyes:
        parts.append(f"not by {person(view.requested_by)}, who asked for the run")
    if approval.expires_at is not None:
        parts.append(f"until {when(approval.expires_at)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if parts else None


def so_far(view: RunView) -> str:
    """'1 of 2 approved'."""
    approval = view.approval
    if approval is None:
        return ""
    return f"{count(len(approval.approved_by))} of {count(approval.needed)} approved"


def _weakest(view: RunView, model: str) -> str | None:
    scores = next((c.customized for c in view.nims if c.model_name == model), None)
    if scores is None or not any(c.support for c in scores.per_class):
        return None
    worst = min((c for c in scores.per_class if c.support), key=lambda c: c.f1)
    return f"weakest class: {mrkdwn(worst.label, 80)}, F1 {worst.f1:.2f} (n {worst.support})"
