"""Which steps a run has, and when each may start. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from flywheel.ports.platform import CandidateSpec

StepKind = Literal[
    "build-datasets",
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

TERMINAL = frozenset({"completed", "failed", "skipped", "cancelled"})
ACTIVE_RUN = frozenset({"pending", "running", "cancelling"})
CONCLUDING = frozenset({"decide", "summarise", "receipt"})
PLATFORM_KINDS: frozenset[str] = frozenset(
    {"incumbent-eval", "base-eval", "icl-eval", "customize", "customized-eval"}
)


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


def plan(candidates: Sequence[CandidateSpec], incumbent: bool = False) -> list[PlannedStep]:
    """The steps of a run, in the order in which they are started where several may.

    An incumbent is scored as well: candidates are compared with it on the same records. Whether
    answers are judged is known once the records are read; those steps are added then.
    """
    steps = [PlannedStep("build-datasets")]
    if incumbent:
        steps.append(PlannedStep("incumbent-eval"))
    # Fine-tuning takes longest: it goes first, the cheap base evaluations fill the gaps.
    steps += [PlannedStep("customize", c.name) for c in candidates if c.customizable]
    steps += [PlannedStep("base-eval", c.name) for c in candidates]
    steps += [PlannedStep("icl-eval", c.name) for c in candidates if c.takes_prompts]
    steps += [PlannedStep("customized-eval", c.name) for c in candidates if c.customizable]
    return [*steps, PlannedStep("decide"), PlannedStep("summarise"), PlannedStep("receipt")]


def readiness(step: StepState, steps: Sequence[StepState]) -> Literal["ready", "wait", "skip"]:
    """Whether a pending step may start, has to wait, or can never run.

    A step is skipped where one that it needs has failed; `decide` needs only that every
    evaluation has ended, however it ended.
    """
    if step.kind == "decide":
        done = all(s.status in TERMINAL for s in steps if s.kind not in CONCLUDING)
        built = all(s.status == "completed" for s in steps if s.kind == "build-datasets")
        return ("ready" if built else "skip") if done else "wait"
    if step.kind == "judge":
        own = {s.kind: s.status for s in steps if s.candidate == step.candidate}
        final = next(own[kind] for kind in _FINAL_KINDS if kind in own)
        return "ready" if final == "completed" else "skip" if final in TERMINAL else "wait"
    needs = {
        "build-datasets": [],
        "incumbent-eval": ["build-datasets"],
        "base-eval": ["build-datasets"],
        "icl-eval": ["build-datasets"],
        "customize": ["build-datasets"],
        "customized-eval": ["customize"],
        "summarise": ["decide"],
        "receipt": ["summarise"],
    }[step.kind]
    statuses = [s.status for s in steps if s.kind in needs and s.candidate in {"", step.candidate}]
    if all(status == "completed" for status in statuses):
        return "ready"
    if any(status in TERMINAL and status != "completed" for status in statuses):
        return "skip"
    return "wait"
