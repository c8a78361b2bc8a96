"""A sweep on the double of NeMo Microservices."""

from pathlib import Path

import pytest

from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import SMALL
from tests.support.running import ended, start, until, working, write_log

# The double's loss is lowest at 0.001; the last one has no hope, and three others before it.
SWEEP = {
    "sweep_config.search": "grid",
    "sweep_config.parameters": '{"learning_rate": [5e-4, 1e-3, 2e-3, 1e-6]}',
}


@pytest.mark.slow
async def test_the_hopeless_trial_is_stopped_and_the_best_is_evaluated(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    double.world.durations.training = 20
    async with open_backends(nemo_settings) as backends:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(backends.logs, [log], reject_dir=tmp_path)
        async with working(backends):
            run = await start(backends, eval_size=40, candidates=[SMALL], settings=SWEEP)
            view = await until(backends, run.id, ended, seconds=120)
    assert view.status == "completed", view.error
    (candidate,) = view.nims
    first, second, third, hopeless = candidate.trials
    assert [trial.chosen for trial in candidate.trials] == [False, True, False, False]
    for trial in (first, second, third):
        assert trial.validation is not None
        assert trial.stopped is None
    assert second.validation is not None
    assert second.validation.value == 0.3
    assert hopeless.validation is None
    assert hopeless.status == "completed"
    assert hopeless.stopped is not None
    assert "validation loss" in hopeless.stopped

    world = double.world
    jobs = {job["hyperparameters"]["learning_rate"]: job for job in world.customizations.values()}
    assert sorted(jobs) == [1e-6, 5e-4, 1e-3, 2e-3]
    assert jobs[1e-6]["status"] == "cancelled"
    assert len(world.made("customization")) == 4
    (done,) = candidate.customizations
    assert done.customized_model == jobs[1e-3]["output_model"]
    assert len(world.made("evaluation")) == len(candidate.evaluations)
    asked = {str(one["target"]) for one in world.evaluations.values()}
    assert not [one for one in asked if jobs[5e-4]["output_model"] in one]
    assert world.deployments == {}
    assert world.gpus_used == {}
