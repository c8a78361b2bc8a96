"""The graph of a run: what may start when."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from flywheel.ports.platform import CandidateSpec
from flywheel.runs.graph import TERMINAL, plan, readiness


@dataclass
class FakeStep:
    kind: str
    candidate: str
    status: str = "pending"
    trial: int = 0


def spec(name: str, **more: bool) -> CandidateSpec:
    return CandidateSpec(name=name, description="", base_label="", **more)


def steps_of(*candidates: str) -> list[FakeStep]:
    return steps_of_specs(*(spec(name) for name in candidates))


def steps_of_specs(*candidates: CandidateSpec) -> list[FakeStep]:
    return [FakeStep(step.kind, step.candidate) for step in plan(candidates)]


def find(steps: list[FakeStep], kind: str, candidate: str = "") -> FakeStep:
    return next(s for s in steps if (s.kind, s.candidate) == (kind, candidate))


def test_only_the_datasets_can_start_first() -> None:
    steps = steps_of("a", "b")
    assert [s.kind for s in steps if readiness(s, steps) == "ready"] == ["build-datasets"]


def test_after_the_datasets_every_candidate_trains_and_is_scored_side_by_side() -> None:
    steps = steps_of("a", "b")
    find(steps, "build-datasets").status = "completed"
    ready = {(s.kind, s.candidate) for s in steps[1:] if readiness(s, steps) == "ready"}
    assert ready == {(k, c) for k in ("customize", "base-eval") for c in "ab"}


def test_a_candidate_that_fails_does_not_hold_up_the_others() -> None:
    steps = steps_of("a", "b")
    for step in steps:
        if step.kind not in {"decide", "summarise"}:
            step.status = "completed"
    find(steps, "customize", "a").status = "failed"
    find(steps, "customized-eval", "a").status = "pending"
    assert readiness(find(steps, "customized-eval", "a"), steps) == "skip"
    assert readiness(find(steps, "decide"), steps) == "wait"
    find(steps, "customized-eval", "a").status = "skipped"
    assert readiness(find(steps, "decide"), steps) == "ready"


def test_what_takes_prompts_is_asked_with_examples_and_only_what_can_be_is_fine_tuned() -> None:
    steps = steps_of_specs(
        spec("a", takes_prompts=True), spec("b", takes_prompts=True, customizable=False)
    )
    kinds = {c: {s.kind for s in steps if s.candidate == c} for c in "ab"}
    assert kinds["a"] == {"customize", "base-eval", "icl-eval", "customized-eval"}
    assert kinds["b"] == {"base-eval", "icl-eval"}
    find(steps, "build-datasets").status = "completed"
    assert readiness(find(steps, "icl-eval", "a"), steps) == "ready"


def test_answers_are_judged_once_the_last_evaluation_of_their_model_is_done() -> None:
    steps = [FakeStep(step.kind, step.candidate) for step in plan([spec("a"), spec("b")], True)]
    judges = [FakeStep("judge", name) for name in ("", "a", "b")]
    steps += judges
    assert [readiness(step, steps) for step in judges] == ["wait"] * 3
    for kind, candidate, status in (
        ("incumbent-eval", "", "completed"),
        ("base-eval", "a", "completed"),
        ("customized-eval", "b", "failed"),
    ):
        find(steps, kind, candidate).status = status
    assert [readiness(step, steps) for step in judges] == ["ready", "wait", "skip"]
    asked = FakeStep("judge", "c")
    steps += [FakeStep("icl-eval", "c", "completed"), asked]
    assert readiness(asked, steps) == "ready"
    for step in steps:
        if step.kind not in {"judge", "decide"}:
            step.status = "completed"
    assert readiness(find(steps, "decide"), steps) == "wait", "not before all is judged"


def judging(*candidates: str) -> list[FakeStep]:
    """What is added where answers are judged by a judge that is ours to deploy."""
    steps = [("deploy-judge", ""), *(("judge", name) for name in candidates)]
    return [FakeStep(*step) for step in (*steps, ("undeploy-judge", ""))]


def test_a_judge_of_ours_is_up_before_anything_is_asked_and_goes_after_the_last_answer() -> None:
    steps = [*steps_of("a", "b"), *judging("a", "b")]
    find(steps, "build-datasets").status = "completed"
    ready = {s.kind for s in steps[1:] if readiness(s, steps) == "ready"}
    assert ready == {"customize", "deploy-judge"}
    for step in steps:
        if step.kind in {"customize", "deploy-judge", "base-eval", "customized-eval"}:
            step.status = "completed"
    down, last = find(steps, "undeploy-judge"), find(steps, "judge", "b")
    find(steps, "judge", "a").status = "failed"
    assert (readiness(last, steps), readiness(down, steps)) == ("ready", "wait")
    last.status = "completed"
    find(steps, "base-eval", "b").status = "running"  # Evaluator may ask it there
    assert readiness(down, steps) == "wait"
    find(steps, "base-eval", "b").status = "completed"
    assert readiness(down, steps) == "ready"
    assert readiness(find(steps, "decide"), steps) == "ready", "the verdict does not wait for it"


def test_without_its_judge_nothing_is_asked_and_what_is_there_of_it_goes() -> None:
    steps = [*steps_of("a"), *judging("a")]
    find(steps, "build-datasets").status = "completed"
    find(steps, "deploy-judge").status = "failed"
    assert readiness(find(steps, "base-eval", "a"), steps) == "skip"
    for kind in ("base-eval", "customized-eval", "judge"):
        find(steps, kind, "a").status = "skipped"
    assert readiness(find(steps, "undeploy-judge"), steps) == "ready"
    find(steps, "deploy-judge").status = "skipped"
    assert readiness(find(steps, "undeploy-judge"), steps) == "skip"


def test_without_datasets_nothing_else_ever_starts() -> None:
    steps = steps_of("a")
    find(steps, "build-datasets").status = "failed"
    for step in steps[1:]:
        if step.kind != "decide":
            assert readiness(step, steps) in {"skip", "wait"}
    while True:
        skipped = [s for s in steps if s.status == "pending" and readiness(s, steps) == "skip"]
        if not skipped:
            break
        for step in skipped:
            step.status = "skipped"
    assert all(s.status in TERMINAL for s in steps)


@given(
    candidates=st.integers(1, 5),
    random=st.randoms(use_true_random=False),
    failing=st.floats(0, 1),
    judged=st.booleans(),
)
def test_every_run_ends_whatever_fails(  # type: ignore[no-untyped-def]
    candidates: int, random, failing: float, judged: bool
) -> None:
    """Start whatever is ready in any order, let any step fail: no run is ever stuck."""
    names = "abcde"[:candidates]
    steps = [*steps_of(*names), *(judging(*names) if judged else [])]
    for _ in range(len(steps) * 2):
        for step in [s for s in steps if s.status == "pending"]:
            match readiness(step, steps):
                case "skip":
                    step.status = "skipped"
                case "ready" if random.random() < 0.7:
                    step.status = "failed" if random.random() < failing else "completed"
    for _ in range(len(steps)):
        for step in [s for s in steps if s.status == "pending"]:
            match readiness(step, steps):
                case "skip":
                    step.status = "skipped"
                case "ready":
                    step.status = "completed"
    assert all(step.status in TERMINAL for step in steps)


def with_a_sweep() -> list[FakeStep]:
    """Of 'a' three trials, of 'b' one training; the datasets are there."""
    steps = [
        FakeStep(step.kind, step.candidate, trial=step.trial)
        for step in plan([spec("a"), spec("b")], deploys=True, trials={"a": 3})
    ]
    find(steps, "build-datasets").status = "completed"
    return steps


def test_a_sweep_trains_all_trials_and_chooses_once_they_have_ended() -> None:
    steps = with_a_sweep()
    ready = [(s.kind, s.candidate, s.trial) for s in steps if readiness(s, steps) == "ready"]
    assert [r for r in ready if r[0] in {"trial", "customize"}] == [
        ("trial", "a", 1),
        ("trial", "a", 2),
        ("trial", "a", 3),
        ("customize", "b", 0),
    ]
    assert not [s for s in steps if (s.kind, s.candidate) == ("customize", "a")]
    trials = [s for s in steps if s.kind == "trial"]
    for done, trial in enumerate(trials):
        assert readiness(find(steps, "select", "a"), steps) == "wait", done
        trial.status = "failed" if done == 1 else "completed"
    assert readiness(find(steps, "select", "a"), steps) == "ready"
    assert readiness(find(steps, "customized-eval", "a"), steps) == "wait"
    find(steps, "select", "a").status = "completed"
    find(steps, "deploy", "a").status = "completed"
    assert readiness(find(steps, "customized-eval", "a"), steps) == "ready"


def test_where_no_trial_is_any_good_nothing_is_deployed() -> None:
    steps = with_a_sweep()
    for trial in (s for s in steps if s.kind == "trial"):
        trial.status = "failed"
    select = find(steps, "select", "a")
    assert readiness(select, steps) == "ready"  # it says why
    select.status = "failed"
    assert readiness(find(steps, "deploy", "a"), steps) == "skip"
    assert readiness(find(steps, "customized-eval", "a"), steps) == "skip"


def test_without_datasets_a_sweep_is_skipped() -> None:
    steps = with_a_sweep()
    find(steps, "build-datasets").status = "failed"
    for trial in (s for s in steps if s.kind == "trial"):
        assert readiness(trial, steps) == "skip"
        trial.status = "skipped"
    assert readiness(find(steps, "select", "a"), steps) == "skip"
