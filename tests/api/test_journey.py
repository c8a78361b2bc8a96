"""One real run from its start to its deletion: by the blueprint's client, then by ours."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from flywheel.ports.backends import Backends
from flywheel.runs.state import load_state
from flywheel.service.receipts import verify_receipt
from flywheel.settings import DataSplitConfig, Settings
from tests.api.blueprint import DATA_SPLIT, check, rows
from tests.api.conftest import CI, VIEWER, asking, logged
from tests.support.running import working

NEWS = {"workload_id": "news", "client_id": "desk"}


async def create(client: httpx.AsyncClient, **split: object) -> str:
    """What the notebook does to start a job."""
    wish = {**NEWS, "data_split_config": split} if split else NEWS
    answer = await client.post("/api/jobs", json=wish)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "JobResponse")
    assert answer.json()["status"] == "queued"
    return str(answer.json()["id"])


async def get(client: httpx.AsyncClient, job_id: str) -> Any:
    answer = await client.get(f"/api/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    check(answer.json(), "JobDetailResponse")
    return answer.json()


async def monitor(client: httpx.AsyncClient, job_id: str) -> list[Any]:
    """Every job that was seen until it ended; the notebook's tables are drawn each time."""
    seen = []
    async with asyncio.timeout(60):
        while True:
            seen.append(await get(client, job_id))
            rows(seen[-1])
            if seen[-1]["status"] not in {"pending", "running"}:
                return seen
            await asyncio.sleep(0.05)


async def expect(status: int, call: Any) -> Any:
    """The body of the answer."""
    answer: httpx.Response = await call
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_a_run_over_http(
    open_settings: Settings, keyed_settings: Settings, log_file: Path
) -> None:
    async with logged(open_settings, log_file) as backends:
        async with asking(backends) as client:
            await jobs_as_the_blueprint_has_them(backends, client)
        keyed = replace(backends, settings=keyed_settings)
        async with asking(keyed, CI) as ci, asking(keyed, VIEWER) as viewer:
            await what_there_is_to_read(keyed, ci)
            await who_decides(ci, viewer)
            await what_outlives_the_run(ci)


async def jobs_as_the_blueprint_has_them(backends: Backends, client: httpx.AsyncClient) -> None:
    """Leaves r-1 completed and r-2 failed; r-3 was cancelled and deleted."""
    # The queue is there, a worker is not: everything waits, and can be cancelled.
    first = await create(client, **DATA_SPLIT)
    doomed = await create(client, min_total_records=100_000)
    unwanted = await create(client)
    assert (await get(client, first))["status"] == "pending"
    for _ in range(2):  # asking again is no error
        answer = await client.post(f"/api/jobs/{unwanted}/cancel")
        assert answer.status_code == 200
        check(answer.json(), "JobCancelResponse")
    assert (await get(client, unwanted))["status"] == "running"
    assert (await client.get(f"/api/v1/runs/{unwanted}")).json()["status"] == "cancelling"
    answer = await client.delete(f"/api/jobs/{unwanted}")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)

    async with working(backends):
        seen = await monitor(client, first)
        failed = (await monitor(client, doomed))[-1]
        cancelled = (await monitor(client, unwanted))[-1]

    done = seen[-1]
    assert {one["status"] for one in seen} <= {"pending", "running", "completed"}
    assert done["status"] == "completed", done["error"]
    (nim,) = done["nims"]
    assert (nim["status"], nim["deployment_status"]) == ("completed", "completed")
    scores = {e["eval_type"]: e["scores"] for e in nim["evaluations"]}
    assert set(scores) == {"base-eval", "customized-eval"}
    assert 0 <= scores["base-eval"]["f1_score"] < scores["customized-eval"]["f1_score"] <= 1
    assert {e["progress"] for e in nim["evaluations"]} == {100.0}
    model = Path(nim["customizations"][0]["customized_model"])
    assert await asyncio.to_thread(model.exists)
    assert len(rows(done)) == 3
    # What the request named, and what it did not.
    sizes = {d["name"]: d["num_records"] for d in done["datasets"]}
    assert (done["num_records"], sizes["eval"], sizes["val"]) == (280, 100, 18)
    assert done["seed"] == 7
    async with backends.database.transaction() as session:
        config = (await load_state(session, 1)).config.data_split_config
    assert config == DataSplitConfig(**DATA_SPLIT)  # type: ignore[arg-type]

    assert failed["status"] == "failed"
    assert "100,000" in failed["error"]
    assert cancelled["status"] == "cancelled"

    # Ended jobs: listed oldest first, not cancelled again, deleted once.
    answer = await client.get("/api/jobs")
    check(answer.json(), "JobsListResponse")
    assert [one["id"] for one in answer.json()["jobs"]] == [first, doomed, unwanted]
    for one in (first, doomed, unwanted):
        answer = await client.post(f"/api/jobs/{one}/cancel")
        assert answer.status_code == 400
        assert "has ended already" in answer.json()["detail"]
    answer = await client.delete(f"/api/jobs/{unwanted}")
    assert answer.status_code == 200
    check(answer.json(), "JobDeleteResponse")
    for call in (client.get, client.delete):
        answer = await call(f"/api/jobs/{unwanted}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "There is no run r-3.")


async def what_there_is_to_read(backends: Backends, ci: httpx.AsyncClient) -> None:
    at = "/api/v1/runs/r-1"
    run = await expect(200, ci.get(at))
    assert run["requested_by"] == "api:anonymous"
    assert run["recommendation"]["model_name"] == "hashing-sgd"
    assert run["approval_id"] is not None
    happened = await expect(200, ci.get(f"{at}/events"))
    assert [e["kind"] for e in happened][-1] == "run-completed"
    later = await expect(200, ci.get(f"{at}/events", params={"after": happened[0]["id"]}))
    assert later == happened[1:]
    receipt = await ci.get(f"{at}/receipt")
    file = backends.settings.home / "receipt.json"
    file.write_bytes(receipt.content)
    verified = await verify_receipt(backends.settings, file, None, None, strict=True)
    assert verified.valid, verified.sentence
    policy = await expect(200, ci.get(f"{at}/policy"))
    assert policy == await expect(200, ci.get("/api/v1/policy"))
    pictures = await expect(200, ci.get(f"{at}/pictures"))
    drawn = [one["name"] for one in pictures["drawn"]]
    assert "scores" in drawn
    for form, kind, start in (
        ("png", "image/png", b"\x89PNG"),
        ("svg", "image/svg+xml", b"<?"),
    ):
        picture = await ci.get(f"{at}/pictures/scores.{form}")
        assert picture.headers["content-type"].startswith(kind)
        assert picture.content.startswith(start)
    answer = await expect(200, ci.post("/api/v1/ask", json={"question": "which is best?"}))
    assert answer["understood"]
    assert "hashing-sgd" in answer["text"]


async def who_decides(ci: httpx.AsyncClient, viewer: httpx.AsyncClient) -> None:
    """The viewer's key opens the door, but decides nothing."""
    at = "/api/v1/runs/r-1"
    promotion = {"run_id": "r-1", "model_name": "hashing-sgd", "reason": "as good"}
    refused = await expect(403, viewer.post("/api/v1/promotions", json=promotion))
    assert refused["detail"] == "viewer may not decide on promotions of news."
    await expect(404, ci.post("/api/v1/promotions", json={**promotion, "model_name": "hashing"}))
    assert await expect(200, ci.get("/api/v1/promotions")) == []
    made = await expect(201, ci.post("/api/v1/promotions", json=promotion))
    serves = made["promotion"]
    assert (serves["approved_by"], serves["reason"]) == ("api:ci", "as good")
    trail = await expect(200, ci.get("/api/v1/audit"))
    assert [e["action"] for e in trail] == ["opened", "refused", "approved", "promoted"]
    assert await expect(200, viewer.get("/api/v1/promotions")) == [serves]
    assert "is promoted" in (await expect(409, ci.delete(at)))["detail"]
    assert "is promoted" in (await expect(400, ci.delete("/api/jobs/r-1")))["detail"]
    back = {"workload_id": "news", "reason": "complaints"}
    await expect(403, viewer.post("/api/v1/rollbacks", json=back))
    served = await expect(200, ci.post("/api/v1/rollbacks", json=back))
    assert served == {"workload_id": "news", "promotion": None}
    await expect(409, ci.post("/api/v1/rollbacks", json=back))


async def what_outlives_the_run(ci: httpx.AsyncClient) -> None:
    at = "/api/v1/runs/r-1"
    receipt = await ci.get(f"{at}/receipt")
    frozen = await expect(201, ci.post("/api/v1/eval-sets", json={"run_id": "r-1"}))
    assert (frozen["records"], frozen["frozen_by"]) == (100, "api:ci")
    assert await expect(200, ci.get("/api/v1/eval-sets?workload=news")) == [frozen]
    assert await expect(200, ci.get("/api/v1/eval-sets?workload=other")) == []
    await expect(409, ci.post(f"{at}/cancel"))
    assert await expect(204, ci.delete(at)) is None
    for path in (at, f"{at}/events", f"{at}/pictures", f"{at}/pictures/cost.png"):
        await expect(404, ci.get(path))
    assert (await ci.get(f"{at}/receipt")).content == receipt.content
    released = await expect(
        200, ci.post("/api/v1/eval-sets/release", json={"workload_id": "news", "client_id": "desk"})
    )
    assert released["released_by"] == "api:ci"
