"""Our own lists and refusals, under /api/v1."""

from pathlib import Path
from typing import Any

import httpx

from flywheel.settings import Settings
from flywheel.settings.access import AccessConfig
from tests.api.conftest import CI, VIEWER, asking, logged


async def expect(status: int, call: Any) -> Any:
    """The body of the answer."""
    answer: httpx.Response = await call
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_runs_come_in_pages(keyed_settings: Settings, log_file: Path) -> None:
    async with (
        logged(keyed_settings, log_file, with_queue=False) as backends,
        asking(backends, CI) as client,
    ):
        for _ in range(3):
            await expect(201, client.post("/api/v1/runs", json={"workload_id": "news"}))
        pages: list[list[str]] = []
        before: dict[str, str] = {}
        while True:
            page = await expect(200, client.get("/api/v1/runs", params={"limit": 2, **before}))
            pages.append([run["id"] for run in page["runs"]])
            if page["next"] is None:
                break
            before = {"before": page["next"]}
        assert pages == [["r-3", "r-2"], ["r-1"]]
        assert (await expect(200, client.get("/api/v1/runs?workload=other")))["runs"] == []
        assert (await expect(200, client.post("/api/v1/runs/r-2/cancel")))["status"] == "cancelling"
        nothing = await expect(404, client.get("/api/v1/runs/r-1/pictures/scores.png"))
        assert nothing["hint"]  # why there is none
        for path in ("r-1/receipt", "last", "r-1/pictures/scores.gif", "r-1/pictures/else.png"):
            answer = await client.get(f"/api/v1/runs/{path}")
            assert answer.status_code in {404, 422}, path


async def test_a_schedule_is_made_paused_and_removed(
    keyed_settings: Settings, log_file: Path
) -> None:
    wanted = {"workload_id": "news", "rule": "every monday 06:00 Europe/London", "limit": 90}
    async with (
        logged(keyed_settings, log_file, with_queue=False) as backends,
        asking(backends, CI) as client,
    ):
        path = "/api/v1/schedules"
        made = await expect(201, client.post(path, json={**wanted, "channel": "C123"}))
        assert (made["id"], made["rule"]) == ("s-1", "every Monday at 06:00 Europe/London")
        assert (made["made_by"], made["channel"], made["asks"]) == ("api:ci", "C123", {"limit": 90})
        assert await expect(200, client.get(f"{path}/s-1")) == made
        assert await expect(200, client.get(path, params={"workload": "news"})) == [made]
        assert await expect(200, client.get(path, params={"workload": "other"})) == []
        assert (await expect(200, client.post(f"{path}/s-1/pause")))["paused"] is True
        await expect(409, client.post(f"{path}/s-1/pause"))
        assert await expect(200, client.post(f"{path}/s-1/resume")) == made
        await expect(204, client.delete(f"{path}/s-1"))
        for missing in ("s-1", "1", "last"):
            await expect(404, client.get(f"{path}/{missing}"))
        await expect(400, client.post(path, json={**wanted, "channel": "#news"}))
        refused = await expect(400, client.post(path, json={**wanted, "rule": "every mnday"}))
        assert "Did you mean monday?" in refused["hint"]


async def test_a_key_that_is_not_listed_finds_nothing_of_a_workload(
    keyed_settings: Settings, log_file: Path
) -> None:
    access = AccessConfig(workloads={"news": ["api:ci"]})
    limited = keyed_settings.model_copy(update={"access_config": access})
    async with (
        logged(limited, log_file, with_queue=False) as backends,
        asking(backends, CI) as listed,
        asking(backends, VIEWER) as other,
    ):
        await expect(201, listed.post("/api/v1/runs", json={"workload_id": "news"}))
        for form in ("/api/v1/runs/{}", "/api/v1/runs/{}/events", "/api/v1/runs/{}/policy",
                     "/api/v1/runs/{}/pictures", "/api/jobs/{}"):  # fmt: skip
            await expect(200, listed.get(form.format("r-1")))
            hidden = await expect(404, other.get(form.format("r-1")))
            assert hidden == await expect(404, other.get(form.format("r-9"))), form
        for path in ("/api/v1/runs", "/api/jobs", "/api/v1/workloads"):
            assert "news" in str(await expect(200, listed.get(path)))
            assert "news" not in str(await expect(200, other.get(path)))
        for post in ("/api/v1/runs", "/api/jobs"):
            wanted = [{"workload_id": name, "client_id": "desk"} for name in ("news", "else")]
            refused = [await other.post(post, json=one) for one in wanted]
            assert [r.status_code for r in refused] == [404, 404]
            assert refused[0].json()["hint"] == refused[1].json()["hint"]
        question = {"question": "status of r-1"}
        told = [
            await expect(200, one.post("/api/v1/ask", json=question)) for one in (listed, other)
        ]
        assert "news" in told[0]["text"]
        assert "news" not in told[1]["text"]
        assert "limited_to" not in told[0]
