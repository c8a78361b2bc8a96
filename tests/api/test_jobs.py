"""The blueprint's API: its clients' calls, on real runs."""

from pathlib import Path

import pytest

from flywheel.api.job_models import job
from flywheel.service import runs
from flywheel.settings import Settings
from flywheel.views import RunView
from tests.api.blueprint import check
from tests.api.conftest import asking, logged
from tests.support.running import start

NEWS = {"workload_id": "news", "client_id": "desk"}


async def test_what_a_request_may_not_say(open_settings: Settings, log_file: Path) -> None:
    async with (
        logged(open_settings, log_file, with_queue=False) as backends,
        asking(backends) as client,
    ):
        for wish, status, told in [
            ({**NEWS, "workload_id": "nows"}, 404, "The log holds no workload 'nows'."),
            ({**NEWS, "client_id": "desc"}, 404, "no records of client 'desc'"),
            ({"workload_id": "news"}, 422, "body.client_id: Field required."),
            ({**NEWS, "data_split_config": {"eval_sise": 3}}, 422, "data_split_config.eval_sise"),
            ({**NEWS, "data_split_config": {"val_ratio": 1}}, 422, "less than 1."),
            ({**NEWS, "client_id": "a\x00"}, 422, "body.client_id"),
        ]:
            answer = await client.post("/api/jobs", json=wish)
            assert answer.status_code == status, answer.text
            detail = answer.json()["detail"]
            if status == 422:
                (fault,) = detail
                assert set(fault) == {"loc", "msg", "type"}
                detail = fault["msg"]
            assert told in detail
        for job_id in ("r-1", "65f8a1b2c3d4e5f6a7b8c9d0", "last", "1", "r-９"):
            for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel")):
                answer = await client.request(method, f"/api/jobs/{job_id}{path}")
                assert answer.status_code == 404
                assert answer.json()["detail"].startswith("There ")
        assert (await client.get("/api/jobs")).json() == {"jobs": []}


@pytest.fixture
async def pending(open_settings: Settings, log_file: Path) -> RunView:
    """A run that no worker has seen."""
    async with logged(open_settings, log_file, with_queue=False) as backends:
        return await runs.get_run(backends, (await start(backends)).id)


async def test_what_a_run_does_not_say_the_blueprint_still_promises(pending: RunView) -> None:
    assert (pending.client_id, pending.started_at, pending.num_records) == (None, None, None)
    shown = job(pending).model_dump(mode="json")
    check(shown, "JobDetailResponse")
    assert shown["started_at"] == pending.created_at.isoformat()
    assert shown["nims"][0]["evaluations"] == shown["nims"][0]["customizations"] == []
    # Ours stands beside it, field by field.
    assert set(RunView.model_fields) <= set(shown)


async def test_tool_calls_are_scored_under_the_names_that_the_notebook_plots(
    pending: RunView,
) -> None:
    (nim,) = pending.nims
    ours = {
        "function_name_accuracy": 0.9,
        "function_name_and_args_accuracy": 0.8,
        "tool_calling_correctness": 0.7,
    }
    update = {"scores": ours, "started_at": pending.created_at}
    base = nim.evaluations[0].model_copy(update=update)
    scored = nim.model_copy(update={"evaluations": [base]})
    shown = job(pending.model_copy(update={"nims": [scored]})).model_dump(mode="json")
    check(shown, "JobDetailResponse")
    assert shown["nims"][0]["evaluations"][0]["scores"] == {"function_name": 0.9, **ours}


async def test_the_judge_in_the_blueprints_words(pending: RunView) -> None:
    judged = pending.model_copy(update={"llm_judge": {"model_name": "big", "prompt_digest": "a1"}})
    shown = job(judged).model_dump(mode="json")
    check(shown, "JobDetailResponse")
    assert shown["llm_judge"]["prompt_digest"] == "a1"
