"""A run that has failed: what of it, why, and what to do next."""

from bot.views.progress import stage_of
from bot.views.text import code, lines_that_fit, mrkdwn
from flywheel.views import RunView, StepView

_AGAIN = "Press Retry once that is seen to: the new run has the same settings and the same seed."
_TRAININGS = frozenset({"customize", "trial", "select"})
_PLATFORM = frozenset(
    {"deploy", "upload-datasets", "base-eval", "icl-eval", "customized-eval", "incumbent-eval"}
)
_JUDGE = frozenset({"judge", "deploy-judge"})


def failure(view: RunView) -> str:
    """Three short paragraphs of mrkdwn."""
    failed = [s for s in view.steps if s.status == "failed" and s.trial is None]
    parts = []
    if failed:
        parts.append(f"*What failed:* {lines_that_fit([_named(s) for s in failed], 600)}")
    if view.error:
        parts.append(f"*Why:* {mrkdwn(view.error, 1300)}")
    parts.append(f"*Next:* {_next(view, {step.kind for step in failed})}")
    return "\n".join(parts)


def _named(step: StepView) -> str:
    stage = stage_of(step)
    return stage if step.candidate is None else f"{stage} of {code(step.candidate, 80)}"


def _next(view: RunView, kinds: set[str]) -> str:
    """Where it can be known, what to look at; in the end always how to go on."""
    first = ""
    if "build-datasets" in kinds:
        first = "`/flywheel workloads` shows what the log holds. "
    elif kinds & _PLATFORM:
        first = "`flywheel doctor` on the command line says whether the platform answers. "
    elif kinds & _JUDGE:
        first = "`flywheel doctor` on the command line says whether the judge answers. "
    elif kinds & _TRAININGS and len(view.nims) > 1:
        first = "`/flywheel run WORKLOAD candidates=A,B` leaves out what cannot be trained. "
    return f"{first}{_AGAIN}"
