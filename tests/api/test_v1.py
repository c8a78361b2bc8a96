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
