"""Steps of runs in the timetable: what they need, what they hold, and what holds them back."""

import pytest

from flywheel.ports.platform import CandidateSpec
from flywheel.runs.graph import PlannedStep, plan
from flywheel.runs.timing import Stand, TimedStep, planned_steps, training_first
from flywheel.scheduling.packing import NOTHING, Demand
from flywheel.scheduling.timetable import Timed, timetable

SECONDS = {"customize": 1200.0, "deploy": 300.0, "base-eval": 60.0, "customized-eval": 60.0}
ONE = [CandidateSpec(name="one", description="", base_label="")]


def seconds(step: TimedStep) -> float:
    return SECONDS.get(step.kind, 0.0)


def shared(step: TimedStep) -> Demand:
    return Demand("gpus", 1) if step.kind in {"customize", "deploy"} else NOTHING


def two_pools(step: TimedStep) -> Demand:
    pools = {"customize": "training", "deploy": "inference"}
    return Demand(pools[step.kind], 1) if step.kind in pools else NOTHING


def times(
    gpus: dict[str, int], demand: object = shared, **stands: dict[str, Stand]
) -> dict[str, Timed]:
    steps: list[PlannedStep] = plan(ONE, deploys=True)
    planned = planned_steps("r", steps, seconds, demand, **stands)  # type: ignore[arg-type]
    found = timetable(planned, gpus, gate=training_first(planned))
    return {step.key.split("|")[1]: step for step in found}


def test_a_deployment_waits_for_its_own_fine_tuning_where_both_need_the_same() -> None:
    assert times({"gpus": 2})["deploy"].start == 0
    assert times({"gpus": 1})["deploy"].start == 1200
    apart = times({"training": 0, "inference": 1}, two_pools)
    assert apart["deploy"].start == 0
    assert "customize" not in apart


def test_a_deployment_that_serves_holds_its_gpu_until_it_is_taken_down() -> None:
    stands = {
        "r|build-datasets|0|": Stand("completed"),
        "r|deploy|0|one": Stand("completed", elapsed=500),
        "r|base-eval|0|one": Stand("running", elapsed=20),
    }
    found = times({"gpus": 1}, stands=stands)
    assert found["base-eval"].end == 40
    assert "customize" not in found  # for it waits for a model that waits for it
    found = times({"gpus": 2}, stands=stands)
    assert found["customize"].end == 1200
    assert found["deploy"].released == found["customized-eval"].end == 1260

    gone = {
        **stands,
        "r|base-eval|0|one": Stand("completed"),
        "r|customized-eval|0|one": Stand("skipped"),
        "r|undeploy|0|one": Stand("completed"),
    }
    assert times({"gpus": 1}, stands=gone)["customize"].start == 0


@pytest.mark.parametrize(("elapsed", "end"), [(200.0, 1000.0), (5000.0, 0.0)])
def test_what_runs_takes_what_is_left_of_it(elapsed: float, end: float) -> None:
    stands = {
        "r|build-datasets|0|": Stand("completed"),
        "r|customize|0|one": Stand("running", elapsed),
    }
    assert times({"gpus": 2}, stands=stands)["customize"].end == end
