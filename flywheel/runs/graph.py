"""Which steps a run has, and when each may start. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeVar

from flywheel.ports.platform import CandidateSpec

StepKind = Literal[
    "build-datasets",
    "upload-datasets",
    "deploy",
    "undeploy",
    "deploy-judge",
    "undeploy-judge",
    "incumbent-eval",
    "base-eval",
    "icl-eval",
    "customize",
    "trial",
    "select",
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
PLATFORM_KINDS = EVALUATIONS | {"customize", "trial", "deploy"}
# What fine-tunes a candidate: one training, or one of several that `select` chooses from.
TRAININGS = frozenset({"customize", "trial"})

_DATA = frozenset({"build-datasets", "upload-datasets"})  # the second only where there is one
_JUDGE = frozenset({"deploy-judge"})  # only where the judge is ours to deploy
_OF_THE_RUN = _DATA | CONCLUDING | _JUDGE
_NEEDS: dict[str, frozenset[str]] = {
    "build-datasets": frozenset(),
    "upload-datasets": frozenset({"build-datasets"}),
    "deploy": _DATA,
    "deploy-judge": _DATA,
    "incumbent-eval": _DATA | _JUDGE | {"deploy"},
    "base-eval": _DATA | _JUDGE | {"deploy"},
    "icl-eval": _DATA | _JUDGE | {"deploy"},
    "customize": _DATA,
    "trial": _DATA,
    "select": _DATA | {"trial"},
    "customized-eval": _JUDGE | {"customize", "select", "deploy"},
    "summarise": frozenset({"decide"}),
    "receipt": frozenset({"summarise"}),
}

# Of these the last one that a model has is judged, where answers are judged.
_FINAL_KINDS = ("customized-eval", "icl-eval", "incumbent-eval")


class StepState(Protocol):
    """What the graph looks at."""

    kind: str
    candidate: str
    status: str


class Node(Protocol):
    """What needs and is needed."""

    @property
    def kind(self) -> str: ...
    @property
    def candidate(self) -> str: ...


_S = TypeVar("_S", bound=Node)


class PlannedStep(NamedTuple):
    """A step of a run that is about to be created."""

    kind: StepKind
    candidate: str = ""
    trial: int = 0  # of a sweep, from 1


def plan(
    candidates: Sequence[CandidateSpec],
    incumbent: bool = False,
    *,
    uploads: bool = False,
    deploys: bool = False,
    trials: Mapping[str, int] = MappingProxyType({}),
) -> list[PlannedStep]:
    """The steps of a run, in the order in which they are started where several may.

    An incumbent is scored as well: candidates are compared with it on the same records. Whether
    answers are judged is known once the records are read; those steps are added then. `uploads`
    and `deploys`: what the platform needs. `trials`: how many trainings a sweep compares, of the
    candidates that it is about.
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
    for c in candidates:
        if number := trials.get(c.name, 0):
            steps += [PlannedStep("trial", c.name, n) for n in range(1, number + 1)]
            steps.append(PlannedStep("select", c.name))
        elif c.customizable:
            steps.append(PlannedStep("customize", c.name))
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
    needed = [s.status for s in needed_by(step, steps)]
    own = {s.kind: s.status for s in steps if s.candidate == step.candidate}
    ended = all(status in TERMINAL for status in needed)
    match step.kind:
        case "decide":
            built = all(s.status == "completed" for s in steps if s.kind in _DATA)
            return "wait" if not ended else "ready" if built else "skip"
        case "undeploy" | "undeploy-judge":  # also after a failure: something of it may be there
            deployed = own[step.kind.removeprefix("un")]
            return "wait" if not ended else "skip" if deployed == "skipped" else "ready"
        case "deploy" if _training_ended(own) in TERMINAL - {"completed"}:
            return "skip"  # nobody would ask it
        case "select":  # a trial that has failed leaves the others to choose from
            return "wait" if not ended else "skip" if own["trial"] == "skipped" else "ready"
    if any(status in TERMINAL and status != "completed" for status in needed):
        return "skip"
    return "ready" if ended else "wait"


def needed_by(step: _S, steps: Sequence[_S]) -> list[_S]:
    """The steps that have to end before this one starts."""
    if step.kind == "decide":
        beside = CONCLUDING | {"undeploy", "undeploy-judge"}
        return [s for s in steps if s.kind not in beside]
    if step.kind == "undeploy-judge":  # Evaluator asks it as well
        return [s for s in steps if s.kind in EVALUATIONS | _JUDGE | {"judge"}]
    own = [s for s in steps if s.candidate == step.candidate]
    if step.kind == "judge":
        final = next(kind for kind in _FINAL_KINDS if _has(own, kind))
        return [s for s in own if s.kind == final] + [s for s in steps if s.kind in _JUDGE]
    if step.kind == "undeploy":
        return [s for s in own if s.kind in EVALUATIONS | {"deploy"}]
    needs = _NEEDS[step.kind]
    return [s for s in steps if s.kind in needs & _OF_THE_RUN] + [
        s for s in own if s.kind in needs - _OF_THE_RUN
    ]


def _has(steps: Sequence[Node], kind: str) -> bool:
    return any(step.kind == kind for step in steps)


def _training_ended(own: Mapping[str, str]) -> str | None:
    return own.get("select", own.get("customize"))


def waits_for_training(step: StepState, steps: Sequence[StepState]) -> bool:
    """Whether a deployment would hold what its own fine-tuning still waits for.

    Where both come out of one pool, it would keep it idle until then, or for ever.
    """
    waiting = {s.candidate for s in steps if s.kind in TRAININGS and s.status == "pending"}
    return step.kind == "deploy" and step.candidate in waiting
