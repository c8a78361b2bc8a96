"""The judge as a deployment of ours: held by the runs that need it, by whichever worker."""

import asyncio
import shutil
from pathlib import Path

import pytest

from flywheel.ports.platform import DeployJob
from flywheel.settings.endpoints import JudgeConfig
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import Run, datasets, written

JUDGE = "meta/llama-3.3-70b-instruct"
NAME = "flywheel-shared-meta-llama-3.3-70b-instruct"
LOCAL = JudgeConfig(deployment_type="local", model_name=JUDGE, tag="1", gpus=2)


def deploy(uid: str) -> DeployJob:
    return DeployJob(name=f"{uid}-deploy-judge", run_uid=uid, candidate=JUDGE, judge=True)


def two_workers(make_platform: MakePlatform, double: NemoDouble, tmp_path: Path) -> tuple[Run, Run]:
    """A run each, on the same notes."""
    files = datasets(tmp_path / "data", written)
    return (
        Run(make_platform(judge=LOCAL), double, files, "fw-aa"),
        Run(make_platform(judge=LOCAL), double, files, "fw-bb"),
    )


async def test_how_it_is_asked(make_platform: MakePlatform, double: NemoDouble) -> None:
    own = make_platform(judge=LOCAL).own_judge()
    assert own is not None
    assert own.config.deployment_type == "remote"
    assert (own.config.url, own.config.model_name) == (f"{double.nim}/v1", JUDGE)
    assert own.api_key is not None
    assert own.api_key.get_secret_value() == "nvapi-hunter2", "the key of NeMo, not the judge's"
    remote = JudgeConfig(url="http://judge.test/v1", model_name=JUDGE)
    assert make_platform(judge=remote).own_judge() is None
    assert make_platform().own_judge() is None


@pytest.mark.slow
async def test_it_stays_up_until_the_last_run_lets_it_go(
    make_platform: MakePlatform, double: NemoDouble, tmp_path: Path
) -> None:
    first, second = two_workers(make_platform, double, tmp_path)
    for run in (first, second):
        assert (await run.done(deploy(run.uid))).state == "completed"
    assert len(double.world.made("deployment")) == 1
    await first.cancelled(deploy(first.uid))
    assert await first.platform.remove("shared") == []
    assert await first.platform.leftovers([]) == [], "the second run uses it"
    await first.cancelled(deploy(second.uid))
    assert double.world.deployments == {}
    await first.cancelled(deploy(second.uid))
    assert len(double.world.made("deployment-deleted")) == 1


@pytest.mark.slow
async def test_one_that_nobody_knows_of_is_found_and_removed(
    make_platform: MakePlatform, double: NemoDouble, tmp_path: Path
) -> None:
    run, _ = two_workers(make_platform, double, tmp_path)
    assert (await run.done(deploy(run.uid))).state == "completed"
    shutil.rmtree(tmp_path / "nemo")
    (found,) = await run.platform.leftovers([run.uid])
    assert (found.kind, found.name, found.run_uid) == ("deployment", NAME, "shared")
    double.fault("DELETE .*/model-deployments/", "status", times=10**6, status=403, detail="no")
    (left,) = await run.platform.remove("shared")
    assert "no" in left.why
    double.faults.clear()
    assert await run.platform.remove("shared") == []
    assert double.world.deployments == {}


@pytest.mark.slow
async def test_a_run_that_comes_while_it_goes_down_has_it_deployed_anew(
    make_platform: MakePlatform, double: NemoDouble, tmp_path: Path
) -> None:
    first, second = two_workers(make_platform, double, tmp_path)
    assert (await first.done(deploy(first.uid))).state == "completed"
    going = double.fault("DELETE .*/model-deployments/", "hold")
    leaving = asyncio.create_task(first.cancelled(deploy(first.uid)))
    async with asyncio.timeout(20):
        while not going.met:
            await asyncio.sleep(0.01)
    coming = asyncio.create_task(second.done(deploy(second.uid)))
    _, waiting = await asyncio.wait({coming}, timeout=0.5)
    assert waiting, "it took what is about to go for its own"
    going.let_go = True
    await leaving
    assert (await coming).state == "completed"
    assert [name.split("/")[1] for name in double.world.deployments] == [NAME]
