"""The judge, shared deployments, and what is left behind."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from flywheel.adapters.nemo.rows import rows_of
from flywheel.settings.endpoints import JudgeConfig
from flywheel.settings.sections import EvaluationConfig
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import SMALL, Run, called, datasets, written

pytestmark = pytest.mark.slow

JUDGE = "meta/llama-3.3-70b-instruct"
SHARED = "team/flywheel-shared-meta-llama-3.3-70b-instruct"
LOCAL = JudgeConfig(deployment_type="local", model_name=JUDGE, tag="1", gpus=2)


@pytest.mark.parametrize("make", [written, called])
async def test_a_judge_of_ours_is_deployed_and_released(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path, make: object
) -> None:
    platform = make_platform(
        judge=LOCAL, evaluation=EvaluationConfig(tool_eval_type="tool-calling-judge")
    )
    assert await platform.budget() == {"training": 4, "inference": 2}
    run = Run(platform, double, datasets(tmp_path / "data", make), "fw-aa")  # type: ignore[arg-type]
    await run.ready()
    status = await run.done(run.evaluate())
    assert status.state == "completed"
    assert ("similarity " if make is written else "tool-calling ") in status.message
    assert double.world.made("deployment")[1:] == [SHARED]
    assert double.world.made("deployment-deleted") == [SHARED]
    judged = [one for one in double.world.asked if one["model"] == JUDGE]
    assert len(judged) == len(await platform.predictions(run.evaluate()))


async def test_a_judge_is_shared_as_long_as_somebody_needs_it(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    platform, files = make_platform(judge=LOCAL), datasets(tmp_path / "data", written)
    first, second = (Run(platform, double, files, uid) for uid in ("fw-aa", "fw-bb"))
    await first.ready()
    await second.done(second.upload())
    double.world.trouble("evaluation-stuck", "fw-bb")
    await platform.start(second.evaluate())
    await second.until(second.evaluate(), lambda s: s.message == "running")
    assert (await first.done(first.evaluate())).state == "completed"
    assert double.world.made("deployment-deleted") == []
    assert await platform.leftovers(["fw-aa", "fw-bb"]) == []
    await second.cancelled(second.evaluate())
    assert double.world.made("deployment-deleted") == [SHARED]
    assert len(double.world.made("deployment")) == 2


async def test_a_judge_that_does_not_come_up(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    run = Run(make_platform(judge=LOCAL), double, datasets(tmp_path / "d", written), "fw-aa")
    await run.ready()
    double.world.trouble("deployment-fails", "shared")
    status = await run.done(run.evaluate())
    assert (status.error or "").startswith(f"The deployment of {JUDGE} is failed: ImagePull")
    assert list(double.world.deployments) == [
        "team/flywheel-fw-aa-meta-llama-3.2-1b-instruct-deploy"
    ]


async def test_a_remote_judge_is_named_with_its_key(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    judge = JudgeConfig(url="http://judge.test/v1/chat/completions", model_name=JUDGE)
    platform = make_platform(judge=judge)
    platform._helpers._judge_key = SecretStr("nvapi-judge")
    metric = platform._helpers.judge_metric("generic")
    assert metric is not None
    assert metric["params"]["model"] == {
        "api_endpoint": {"url": judge.url, "model_id": JUDGE, "api_key": "nvapi-judge"}
    }
    assert platform._helpers.judge_metric("classification") is None
    assert await platform.budget() == {"training": 4, "inference": 4}


async def test_a_run_is_removed_and_nothing_else(
    run: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    other = Run(run.platform, double, run.files, "fw-bb")
    for one in (run, other):
        await one.ready()
        trained = await one.done(one.customize())
        assert trained.artifact is not None
        await one.done(one.evaluate("customized-eval", artifact=trained.artifact.uri))
    assert {(one.kind, one.run_uid) for one in await run.platform.leftovers(["fw-bb"])} == {
        (kind, run.uid) for kind in ("dataset", "model", "job", "deployment")
    }
    assert await run.platform.remove(run.uid) == []
    assert await run.platform.remove(run.uid) == []
    world = double.world
    left = [*world.datasets, *world.models, *world.deployments, *world.repos]
    assert left
    assert not [name for name in left if run.uid in name]
    assert [one["description"] for one in world.evaluations.values()] == [
        other.evaluate("customized-eval").name
    ]
    assert not run.platform._book.folder(run.uid).exists()
    assert await run.platform.leftovers([other.uid]) == []


async def test_what_still_runs_is_stopped_before_it_is_removed(
    run: Run, double: NemoDouble
) -> None:
    await run.ready()
    double.world.trouble("stuck")
    double.world.trouble("evaluation-stuck")
    await run.platform.start(run.customize())
    await run.platform.start(run.evaluate())
    left = await run.platform.remove(run.uid)
    assert [(one.kind, one.why) for one in left] in (
        [],
        [("job", left[0].why if left else "")],
    )
    while left:
        left = await run.platform.remove(run.uid)
    assert [one["status"] for one in double.world.customizations.values()] == ["cancelled"]
    assert not double.world.evaluations
    assert double.world.free() == 8


async def test_what_cannot_be_removed_is_said(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.fault("DELETE .*/repos/delete", "status", times=10**6, status=403, detail="read only")
    left = await run.platform.remove(run.uid)
    assert [(one.kind, one.run_uid) for one in left] == [("dataset", run.uid)] * 2
    assert all("read only" in one.why for one in left)
    assert run.platform._book.folder(run.uid).exists()
    double.faults.clear()
    assert await run.platform.remove(run.uid) == []
    assert not double.world.datasets


async def test_somebody_elses_things_are_leftovers_of_nobody(run: Run, double: NemoDouble) -> None:
    await run.done(run.upload())
    double.world.datasets["team/mine"] = {
        **next(iter(double.world.datasets.values())),
        "name": "mine",
        "custom_fields": {},
    }
    (found,) = await run.platform.leftovers([run.uid])
    assert (found.kind, found.name, found.run_uid) == ("dataset", "mine", None)


def test_an_archive_that_is_none() -> None:
    assert rows_of(b"", [], 0.0) == {}
    assert rows_of(b"no zip", [{"id": "a"}], 0.0) == {}
    assert SMALL
