"""What NeMo itself does: jobs that fail, stand still or are cancelled by others."""

import pytest

from flywheel.errors import NotFoundError
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import EVAL, LARGE, SMALL, Run

pytestmark = pytest.mark.slow

PATIENT = {"deploy_timeout_seconds": 0.5, "sync_timeout_seconds": 0.5, "stall_seconds": 0.5}


async def error_of(run: Run, job: object) -> str:
    """Why a job has failed."""
    status = await run.done(job)  # type: ignore[arg-type]
    assert status.state == "failed"
    assert status.error is not None
    assert (await run.platform.poll(job)).error == status.error  # type: ignore[arg-type] # stands
    return status.error


async def test_a_failed_deployment_fails_at_once_with_its_description(
    run: Run, double: NemoDouble
) -> None:
    double.world.trouble("deployment-fails")
    error = await error_of(run, run.deploy())
    assert error == (
        f"The deployment of {SMALL} is failed: ImagePullBackOff: nvcr.io/nim/{SMALL}:1.8.3."
    )
    assert not double.world.deployments  # it is taken down
    await run.cancelled(run.deploy())


async def test_a_deployment_that_exists_is_adopted(run: Run, double: NemoDouble) -> None:
    double.fault("POST /nemo/v1/deployment/model-deployments$", "drop-after")
    assert (await run.done(run.deploy())).state == "completed"
    answers = [r for r in double.requests if r.startswith("POST /nemo/v1/deployment")]
    assert len(answers) == 2  # the second was refused with a 500: already exists
    assert len(double.world.made("deployment")) == 1


@pytest.mark.parametrize("trouble", ["deployment-pending", "unlisted", "no GPU"])
async def test_a_deployment_is_not_waited_for_for_ever(
    run: Run, double: NemoDouble, make_platform: MakePlatform, trouble: str
) -> None:
    if trouble == "unlisted":
        double.world.durations.listing = 1e9
    elif trouble == "no GPU":
        double.world.gpus = 0
    else:
        double.world.trouble("deployment-pending")
    run.platform = make_platform(**PATIENT)
    error = await error_of(run, run.deploy())
    assert "after 0.5 s" in error or "after 1 s" in error or "after" in error
    if trouble == "no GPU":
        assert "NotEnoughResources" in error
    assert not double.world.deployments


async def test_a_deployment_that_somebody_deletes(run: Run, double: NemoDouble) -> None:
    double.world.durations.listing = 1e9
    job = run.deploy()
    await run.platform.start(job)
    await run.until(job, lambda s: "proxy" in s.message)
    double.world.deployments.clear()
    status = await run.ended(job)
    assert status.error == f"The deployment of {SMALL} is gone: somebody deleted it."


async def test_a_failed_training_says_why(run: Run, double: NemoDouble) -> None:
    await run.done(run.upload())
    double.world.trouble("training-fails")
    error = await error_of(run, run.customize())
    assert error == f"The fine-tuning of {SMALL} has failed: CUDA out of memory on rank 0."


async def test_a_training_without_progress_is_cancelled(
    run: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await run.done(run.upload())
    double.world.trouble("stuck")
    run.platform = make_platform(**PATIENT)
    error = await error_of(run, run.customize())
    assert "has made no progress for" in error
    assert double.world.made("customization-cancelled")


async def test_a_training_waits_for_gpus_and_gives_up_in_the_end(
    run: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await run.done(run.upload())
    double.world.gpus = 0
    job = run.customize()
    await run.platform.start(job)
    await run.until(job, lambda s: s.message == "waiting for a free GPU")
    double.world.gpus = 1
    assert (await run.ended(job)).state == "completed"

    double.world.gpus = 0
    run.platform, run.uid = make_platform(**PATIENT), "fw-bb"
    await run.done(run.upload())
    error = await error_of(run, run.customize())
    assert error.startswith(f"No GPU was free to fine-tune {SMALL} in ")
    assert len(double.world.made("customization-cancelled")) == 1


async def test_jobs_that_others_cancel(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.world.trouble("stuck")
    double.world.trouble("evaluation-stuck")
    sdk = run.platform._client.sdk
    tuning, evaluation = run.customize(), run.evaluate()
    for job, jobs, made in (
        (tuning, sdk.customization.jobs, double.world.customizations),
        (evaluation, sdk.evaluation.jobs, double.world.evaluations),
    ):
        await run.platform.start(job)
        await run.until(job, lambda s: s.message in {"training", "running"})
        (external,) = made
        await jobs.cancel(external)
        assert (await run.ended(job)).state == "cancelled"


async def test_cancelling_is_confirmed(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.world.trouble("stuck")
    double.world.trouble("cancel-slow")
    double.world.trouble("evaluation-stuck")
    tuning, evaluation = run.customize(), run.evaluate()
    await run.platform.start(tuning)
    await run.platform.start(evaluation)
    assert not await run.platform.cancel(tuning)
    assert not await run.platform.cancel(tuning)
    assert (await run.platform.poll(tuning)).state == "cancelled"
    double.world.troubles.remove(("cancel-slow", ""))
    await run.cancelled(tuning)
    assert await run.platform.cancel(evaluation)
    assert await run.platform.cancel(evaluation)
    states = [one["status"] for one in double.world.customizations.values()]
    states += [one["status"] for one in double.world.evaluations.values()]
    assert states == ["cancelled", "cancelled"]
    assert double.world.made("customization-cancelled") == double.world.made("customization")
    for job in (tuning, evaluation):  # cancelled once, it does not start again
        await run.platform.start(job)
    assert len(double.world.made("customization")) == 1
    assert len(double.world.made("evaluation")) == 1


async def test_what_was_never_started_can_be_cancelled(run: Run, double: NemoDouble) -> None:
    for job in (run.upload(), run.deploy(), run.customize(), run.evaluate()):
        assert await run.platform.cancel(job)
        await run.platform.start(job)
        assert (await run.platform.poll(job)).state == "cancelled"
    assert double.world.journal == []


async def test_what_has_ended_can_be_cancelled(run: Run) -> None:
    await run.ready()
    for job in (run.customize(), run.evaluate()):
        assert (await run.done(job)).state == "completed"
        assert await run.platform.cancel(job)
    await run.cancelled(run.deploy())


async def test_a_model_that_is_never_served(
    run: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await run.ready()
    double.world.trouble("never-synced")
    trained = await run.done(run.customize())
    assert trained.artifact is not None
    run.platform = make_platform(**PATIENT)
    job = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    error = await error_of(run, job)
    assert error.startswith(f"The NIM proxy does not serve {trained.artifact.uri} after ")
    assert double.world.made("evaluation") == []


async def test_a_failed_evaluation_says_why(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.world.trouble("evaluation-fails")
    error = await error_of(run, run.evaluate())
    assert error == (
        f"The evaluation of {SMALL} has failed: the evaluation container exited with code 137."
    )


async def test_an_evaluation_without_progress_is_cancelled(
    run: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await run.ready()
    double.world.trouble("evaluation-stuck")
    run.platform = make_platform(**PATIENT)
    error = await error_of(run, run.evaluate())
    assert "has made no progress for" in error
    assert len(double.world.made("evaluation-cancelled")) == 1


@pytest.mark.parametrize(("trouble", "missing"), [("no-rows", EVAL), ("half-rows", EVAL // 2)])
async def test_rows_that_evaluator_does_not_give_are_asked_for(
    run: Run, double: NemoDouble, trouble: str, missing: int
) -> None:
    await run.ready()
    double.world.trouble(trouble)  # type: ignore[arg-type]
    assert (await run.done(run.evaluate())).state == "completed"
    assert len(double.world.asked) == EVAL + missing
    rows = await run.platform.predictions(run.evaluate())
    assert [row.row for row in rows] == list(range(EVAL))


async def test_an_evaluation_that_is_lost_in_nemo(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.world.trouble("evaluation-stuck")
    job = run.evaluate()
    await run.platform.start(job)
    double.world.evaluations.clear()
    status = await run.ended(job)
    assert status.state == "failed"
    assert "not found" in (status.error or "")
    with pytest.raises(NotFoundError):
        await run.platform.predictions(job)


async def test_two_candidates_side_by_side(run: Run, double: NemoDouble) -> None:
    await run.ready(SMALL, LARGE)
    jobs = [run.evaluate(), run.evaluate(candidate=LARGE)]
    for job in jobs:
        await run.platform.start(job)
    for job in jobs:
        assert (await run.ended(job)).state == "completed"
    assert {one["model"] for one in double.world.asked} == {SMALL, LARGE}
