"""What happens on the wire: busy, broken, slow and silent servers, and answers that are lost."""

import asyncio
from pathlib import Path

import pytest

from flywheel.errors import ForbiddenError, InvalidInputError, NotFoundError, UnavailableError
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import EVAL, SMALL, Run

pytestmark = pytest.mark.slow

CREATE = {
    "customization": "POST /nemo/v1/customization/jobs$",
    "evaluation": "POST /nemo/v1/evaluation/jobs$",
    "deployment": "POST /nemo/v1/deployment/model-deployments$",
}
IMPATIENT = {"request_timeout_seconds": 0.3}
LOST = ["drop", "drop-after", "hang", "hang-after", "status", "status-after"]


async def started(run: Run, effect: str) -> None:
    """Take the job of that effect to its end."""
    if effect == "deployment":
        job = run.deploy()
    elif effect == "evaluation":
        job = run.evaluate()
    else:
        job = run.customize()
    assert (await run.done(job)).state == "completed"


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("effect", list(CREATE))
async def test_whatever_becomes_of_the_answer_it_is_created_once(
    double: NemoDouble, make_platform: MakePlatform, run: Run, effect: str, kind: str
) -> None:
    await run.ready() if effect == "evaluation" else await run.done(run.upload())
    run.platform = make_platform(**IMPATIENT)
    before = len(double.world.made(effect))
    double.fault(CREATE[effect], kind)
    await started(run, effect)
    assert len(double.world.made(effect)) == before + 1


@pytest.mark.parametrize("kind", ["drop-after", "hang", "status"])
@pytest.mark.parametrize(
    "route",
    [
        "POST /nemo/v1/namespaces",
        "POST /datastore/v1/datastore/namespaces",
        "POST .*/repos/create",
        "POST .*/preupload/",
        "POST .*/commit/",
        "POST /nemo/v1/datasets",
    ],
)
async def test_datasets_arrive_once_whatever_becomes_of_an_answer(
    double: NemoDouble, make_platform: MakePlatform, run: Run, route: str, kind: str
) -> None:
    run.platform = make_platform(**IMPATIENT)
    double.fault(route, kind)
    assert (await run.done(run.upload())).state == "completed"
    assert len(double.world.made("dataset")) == 2
    assert len(double.world.made("repo")) == 2
    assert len(double.world.made("namespace")) == 1


@pytest.mark.parametrize("effect", list(CREATE))
async def test_a_busy_server_is_asked_again(double: NemoDouble, run: Run, effect: str) -> None:
    await run.ready() if effect == "evaluation" else await run.done(run.upload())
    before = len(double.world.made(effect))
    double.fault(CREATE[effect], "status", times=2, status=429, retry_after="0")
    await started(run, effect)
    assert len(double.world.made(effect)) == before + 1
    asked = [r for r in double.requests if r == CREATE[effect].rstrip("$")]
    assert len(asked) == before + 3


@pytest.mark.parametrize(("kind", "status"), [("status", 429), ("status", 503), ("drop", 0)])
async def test_reading_is_repeated(double: NemoDouble, run: Run, kind: str, status: int) -> None:
    await run.ready()
    fault = double.fault("GET /n", kind, times=10**6, status=status)
    job = run.customize()
    await run.platform.start(job)
    silent = await run.platform.poll(job)
    assert silent.state == "running"
    assert silent.message.startswith("waiting for NeMo: ")
    double.faults.remove(fault)
    for number in range(40):
        double.fault("GET /n", kind, skip=5 * number + 2, status=status)
    assert (await run.ended(job)).state == "completed"
    assert double.world.made("customization") == [f"flywheel-{run.uid}-{_slug()}-customize"]


async def test_a_silent_nemo_fails_a_job_in_the_end(
    double: NemoDouble, make_platform: MakePlatform, run: Run
) -> None:
    await run.ready()
    run.platform = make_platform(unavailable_seconds=0.2, **IMPATIENT)
    double.fault("GET /nemo/", "hang", times=10**6)
    status = await run.done(run.customize())
    assert status.state == "failed"
    assert status.error is not None
    assert "NeMo did not answer the list of customization jobs in time." in status.error
    with pytest.raises(UnavailableError):
        await run.platform.leftovers([])


async def test_nobody_listens(make_platform: MakePlatform, run: Run) -> None:
    nowhere = "http://127.0.0.1:9"
    run.platform = make_platform(
        nemo_base_url=nowhere,
        nim_base_url=nowhere,
        datastore_base_url=nowhere,
        unavailable_seconds=0.05,
        max_attempts=1,
    )
    with pytest.raises(UnavailableError, match="NeMo cannot be reached for the list of served"):
        await run.platform.ping()
    for job in (run.upload(), run.deploy(), run.customize()):
        status = await run.done(job)
        assert status.state == "failed"
        assert status.error is not None
        assert "cannot be reached" in status.error
    assert not await run.platform.cancel(run.customize())


async def test_what_nemo_refuses_is_said(double: NemoDouble, run: Run) -> None:
    await run.ready()
    double.fault(CREATE["customization"], "status", status=422, detail="rank 3 is no power of 2")
    with pytest.raises(InvalidInputError, match=r"\(422\): rank 3 is no power of 2\."):
        await run.platform.start(run.customize())
    assert double.world.made("customization") == []
    assert (await run.done(run.customize())).state == "completed"  # the refusal was not kept


async def test_a_wrong_key_is_said_and_not_repeated(double: NemoDouble, run: Run) -> None:
    double.fault("/nim/v1/models", "status", status=401, detail="key nvapi-hunter2 is wrong")
    with pytest.raises(ForbiddenError, match=r"key \*\*\* is wrong"):
        await run.platform.ping()


async def test_a_target_that_is_not_there(double: NemoDouble, run: Run) -> None:
    await run.done(run.upload())
    double.world.targets = {"meta/other@2.0"}
    with pytest.raises(NotFoundError, match=f"customization target {SMALL}@2.0 not found"):
        await run.platform.start(run.customize())


async def test_two_workers_start_one_job(
    double: NemoDouble, make_platform: MakePlatform, run: Run
) -> None:
    await run.ready()
    other = make_platform()
    for job in (run.customize(), run.evaluate()):
        await run.platform.start(job)
        await other.start(job)
        await run.platform.start(job)
        assert (await run.ended(job)).state == "completed"
        assert (await other.poll(job)).state == "completed"
    assert len(double.world.made("customization")) == len(double.world.made("evaluation")) == 1
    assert len(await other.predictions(run.evaluate())) > 0


async def test_a_worker_without_the_notes_finds_what_is_there(
    double: NemoDouble, make_platform: MakePlatform, run: Run, tmp_path: Path
) -> None:
    await run.ready()
    jobs = [run.upload(), run.deploy(), run.customize(), run.evaluate()]
    for job in jobs:
        await run.platform.start(job)
    before = list(double.world.journal)
    run.platform = make_platform(root=tmp_path / "elsewhere")
    for job in jobs:
        assert (await run.ended(job)).state == "completed"
    after = {effect for effect, _ in double.world.journal[len(before) :]}
    assert after <= {"model"}  # of the fine-tuning that was begun before
    assert len(await run.platform.predictions(jobs[-1])) == EVAL


async def test_a_killed_worker_leaves_nothing_twice(
    double: NemoDouble, make_platform: MakePlatform, run: Run
) -> None:
    """It dies between the request and the answer, again and again; others go on."""
    await run.ready()
    double.fault(CREATE["customization"], "hang-after")
    job = run.customize()
    task = asyncio.create_task(run.platform.start(job))
    async with asyncio.timeout(10):
        while not double.world.made("customization"):
            await asyncio.sleep(0.01)
    task.cancel()
    run.platform = make_platform()
    assert (await run.done(job)).state == "completed"
    assert len(double.world.made("customization")) == 1


async def test_a_run_with_everything_in_disorder(
    double: NemoDouble, make_platform: MakePlatform, run: Run
) -> None:
    """Every third request meets something; all jobs end well, each done once."""
    kinds = ["drop", "drop-after", "status", "status-after"]
    for number in range(300):
        # Not what Evaluator asks of the proxy: it has its own ways to bear that.
        double.fault("/(nemo|datastore)/|GET /nim", kinds[number % 4], skip=3 * number + number % 3)
    run.platform = make_platform(request_timeout_seconds=0.2)
    await run.ready()
    trained = await run.done(run.customize(), 40)
    assert trained.artifact is not None
    assert (await run.done(run.evaluate(), 40)).state == "completed"
    tuned = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    assert (await run.done(tuned, 40)).state == "completed"
    world = double.world
    assert (len(world.made("customization")), len(world.made("deployment"))) == (1, 1)
    assert len(world.made("evaluation")) == 2


def _slug() -> str:
    return SMALL.replace("/", "-")
