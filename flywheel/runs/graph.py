"""Which steps a run has, and when each may start. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from flywheel.ports.platform import CandidateSpec

StepKind = Literal[
    "build-datasets",
    "upload-datasets",
    "deploy",
    "undeploy",
    "incumbent-eval",
    "base-eval",
    "icl-eval",
    "customize",
    "customized-eval",
    "judge",
    "decide",
    "summarise",
    "receipt",
]

Readiness = Literal["ready", "wait", "skip"]

TERMINAL = frozenset({"completed", "failed", "skipped", "cancelled"})
ACTIVE_RUN = frozenset({"pending", "running", "cancelling"})
CONCLUDING = frozenset({"decide", "summarise", "receipt"})
EVALUATIONS: frozenset[str] = frozenset(
    {"incumbent-eval", "base-eval", "icl-eval", "customized-eval"}
)
# What a candidate goes through on the platform.
PLATFORM_KINDS = EVALUATIONS | {"customize", "deploy"}

# Of these the last one that a model has is judged, where answers are judged.
_FINAL_KINDS = ("customized-eval", "icl-eval", "incumbent-eval")


class StepState(Protocol):
    """What the graph looks at."""

    kind: str
    candidate: str
    status: str


class PlannedStep(NamedTuple):
    """A step of a run that is about to be created."""

    kind: StepKind
    candidate: str = ""


def plan(
    candidates: Sequence[CandidateSpec],
    incumbent: bool = False,
    *,
    uploads: bool = False,
    deploys: bool = False,
) -> list[PlannedStep]:
    """The steps of a run, in the order in which they are started where several may.

    An incumbent is scored as well: candidates are compared with it on the same records. Whether
    answers are judged is known once the records are read; those steps are added then. `uploads`
    and `deploys`: what the platform needs.
    """
    steps = [PlannedStep("build-datasets")]
    if uploads:
        steps.append(PlannedStep("upload-datasets"))
    served = [*([""] if incumbent else []), *(c.name for c in candidates)]
    if deploys:
        steps += [PlannedStep("deploy", name) for name in served]
    if incumbent:
        steps.append(PlannedStep("incumbent-eval"))
    # Fine-tuning takes longest: it goes first, the cheap base evaluations fill the gaps.
    steps += [PlannedStep("customize", c.name) for c in candidates if c.customizable]
    steps += [PlannedStep("base-eval", c.name) for c in candidates]
    steps += [PlannedStep("icl-eval", c.name) for c in candidates if c.takes_prompts]
    steps += [PlannedStep("customized-eval", c.name) for c in candidates if c.customizable]
    if deploys:
        steps += [PlannedStep("undeploy", name) for name in served]
    return [*steps, PlannedStep("decide"), PlannedStep("summarise"), PlannedStep("receipt")]


def readiness(step: StepState, steps: Sequence[StepState]) -> Readiness:
    """Whether a pending step may start, has to wait, or can never run.

    A step is skipped where one that it needs has failed; `decide` needs only that every
    evaluation has ended, however it ended, and `undeploy` that nobody asks the model any more.
    """
    if step.kind == "decide":
        beside = CONCLUDING | {"undeploy"}
        done = all(s.status in TERMINAL for s in steps if s.kind not in beside)
        built = all(s.status == "completed" for s in steps if s.kind == "build-datasets")
        return ("ready" if built else "skip") if done else "wait"
    own = {s.kind: s.status for s in steps if s.candidate == step.candidate}
    match step.kind:
        case "judge":
            return _by(next(own[kind] for kind in _FINAL_KINDS if kind in own))
        case "undeploy":
            return _undeploy(own)
        case "deploy" if own.get("customize") in TERMINAL - {"completed"}:
            return "skip"  # nobody would ask it
    return _by_needs(step, steps)


def _by(status: str) -> Readiness:
    """Of a step that needs one other, which stands so."""
    return "ready" if status == "completed" else "skip" if status in TERMINAL else "wait"


def _by_needs(step: StepState, steps: Sequence[StepState]) -> Readiness:
    data = ["build-datasets", "upload-datasets"]  # the second only where there is such a step
    needs = {
        "build-datasets": [],
        "upload-datasets": ["build-datasets"],
        "deploy": data,
        "incumbent-eval": [*data, "deploy"],
        "base-eval": [*data, "deploy"],
        "icl-eval": [*data, "deploy"],
        "customize": data,
        "customized-eval": ["customize", "deploy"],
        "summarise": ["decide"],
        "receipt": ["summarise"],
    }[step.kind]
    shared = {"build-datasets", "upload-datasets", "decide", "summarise"}
    statuses = [
        s.status
        for s in steps
        if s.kind in needs and (s.kind in shared or s.candidate == step.candidate)
    ]
    if all(status == "completed" for status in statuses):
        return "ready"
    if any(status in TERMINAL and status != "completed" for status in statuses):
        return "skip"
    return "wait"


def _undeploy(own: Mapping[str, str]) -> Readiness:
    """Also what could not be deployed is taken down: something of it may be there."""
    if own["deploy"] == "skipped":
        return "skip"
    asking = [status for kind, status in own.items() if kind in EVALUATIONS]
    ended = own["deploy"] in TERMINAL and all(status in TERMINAL for status in asking)
    return "ready" if ended else "wait"


def waits_for_training(step: StepState, steps: Sequence[StepState]) -> bool:
    """Whether a deployment would hold what its own fine-tuning still waits for.

    Where both come out of one pool, it would keep it idle until then, or for ever.
    """
    waiting = {s.candidate for s in steps if s.kind == "customize" and s.status == "pending"}
    return step.kind == "deploy" and step.candidate in waiting
