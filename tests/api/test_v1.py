"""Our own lists and refusals, under /api/v1."""

from pathlib import Path
from typing import Any

import httpx

from flywheel.settings import Settings
from tests.api.conftest import CI, asking, logged


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
