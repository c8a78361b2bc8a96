"""Evaluator: jobs of the type `custom` that ask the proxy for every row and score the answers."""

import asyncio
import io
import json
import zipfile
from typing import Any

import httpx
from nemo_microservices.types.evaluation.job_create_params import JobCreateParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.nemo_double.clock import stamp
from tests.support.nemo_double.entities import lists, need_namespace
from tests.support.nemo_double.metrics import check_metrics, render, score
from tests.support.nemo_double.strict import RefusedError, body_of
from tests.support.nemo_double.world import World, entity

ACTIVE = {"created", "pending", "running", "cancelling"}


def routes(world: World) -> list[Route]:
    """Under the address of NeMo."""
    one = _Evaluator(world)
    jobs = "/v1/evaluation/jobs"
    fields = ("namespace", "status", "project", "custom_fields")
    return [
        Route(jobs, one.create, methods=["POST"]),
        Route(jobs, lists(world.evaluations, fields)),
        Route(f"{jobs}/{{id}}", one.one, methods=["GET", "DELETE"]),
        Route(f"{jobs}/{{id}}/status", one.status),
        Route(f"{jobs}/{{id}}/results", one.results),
        Route(f"{jobs}/{{id}}/download-results", one.download),
        Route(f"{jobs}/{{id}}/cancel", one.cancel, methods=["POST"]),
    ]


class _Evaluator:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: Request) -> Response:
        body = await body_of(request, JobCreateParams)
        need_namespace(self._world, body)
        if body["config"]["type"] != "custom":
            raise RefusedError(422, f"the double has no evaluation {body['config']['type']}")
        rows = {}
        for name, task in body["config"]["tasks"].items():
            if task["type"] != "chat-completion":
                raise RefusedError(422, f"the double has no task {task['type']}")
            rows[name] = self._rows(task["dataset"]["files_url"])
            check_metrics(task["metrics"])
        job = entity({**body, "status": "created"}, "eval")
        job["status_details"] = {"message": "created", "progress": 0.0, "samples_processed": 0}
        self._world.evaluations[job["id"]] = job
        self._world.note("evaluation", body.get("description", ""))
        nim = str(request.url).split("/nemo/")[0] + "/nim"
        self._world.start(job["id"], self._run(job, rows, nim))
        return JSONResponse(job)

    def _rows(self, files_url: str) -> list[dict[str, Any]]:
        parts = files_url.removeprefix("hf://").split("/", 3)
        repo = self._world.repos.get("/".join(parts[:3]))
        if repo is None or len(parts) < 4 or parts[3] not in repo.files:
            raise RefusedError(404, f"dataset file {files_url} not found")
        return [json.loads(line) for line in repo.files[parts[3]].splitlines()]

    async def _run(self, job: dict[str, Any], rows: dict[str, Any], nim: str) -> None:
        _enter(job, "running")
        world, name = self._world, job.get("description", "")
        while world.has("evaluation-stuck", name):
            await world.clock.sleep(0.5)
        ends = world.clock.now() + self._seconds(job)
        if world.has("evaluation-fails", name):
            await world.clock.until(ends)
            job["status_details"]["message"] = "the evaluation container exited with code 137"
            _enter(job, "failed")
            return
        result: dict[str, Any] = {"job": job["id"], "tasks": {}}
        archive = io.BytesIO()
        try:
            async with httpx.AsyncClient(base_url=nim, timeout=60, verify=False) as client:
                with zipfile.ZipFile(archive, "w") as file:
                    for task, items in rows.items():
                        config = job["config"]["tasks"][task]
                        samples = await self._ask(job, config, items, client)
                        scored = await score(config["metrics"], items, samples, client)
                        result["tasks"][task] = {"metrics": scored}
                        self._write(file, name, task, items, samples)
        except (httpx.HTTPError, ValueError) as error:
            job["status_details"]["message"] = f"inference failed: {error}"
            _enter(job, "failed")
            return
        await world.clock.until(ends)
        world.results[job["id"]] = entity(result, "evaluation_result"), archive.getvalue()
        job["status_details"] |= {"message": "completed", "progress": 100.0}
        _enter(job, "completed")

    def _seconds(self, job: dict[str, Any]) -> float:
        durations = self._world.durations
        if job["target"]["model"] in self._world.trained:
            customized = durations.customized_evaluation
            return durations.evaluation if customized is None else customized
        return durations.evaluation

    async def _ask(
        self,
        job: dict[str, Any],
        config: dict[str, Any],
        items: list[dict[str, Any]],
        client: httpx.AsyncClient,
    ) -> list[dict[str, Any]]:
        slots = asyncio.Semaphore(job["config"].get("params", {}).get("parallelism", 1))
        model, details = job["target"]["model"], job["status_details"]

        async def one(item: dict[str, Any]) -> dict[str, Any]:
            async with slots:
                body = {"model": model, **render(config["params"]["template"], item=item)}
                answer = await client.post("/v1/chat/completions", json=body)
            if answer.is_error:
                raise ValueError(f"{answer.status_code} {answer.text}")
            details["samples_processed"] += 1
            details["progress"] = round(100 * details["samples_processed"] / len(items), 1)
            response = answer.json()
            text = response["choices"][0]["message"].get("content") or ""
            return {"output_text": text, "response": response}

        return list(await asyncio.gather(*map(one, items)))

    def _write(
        self,
        file: zipfile.ZipFile,
        name: str,
        task: str,
        items: list[dict[str, Any]],
        samples: list[dict[str, Any]],
    ) -> None:
        file.writestr(f"{task}/config.yaml", "type: custom\n")
        if self._world.has("no-rows", name):
            return
        step = 2 if self._world.has("half-rows", name) else 1
        lines = [
            json.dumps({"row_index": i, "item": item, "sample": sample})
            for i, (item, sample) in enumerate(zip(items, samples, strict=True))
        ]
        file.writestr(f"{task}/results/rows.jsonl", "\n".join(lines[::step]) + "\n")

    async def one(self, request: Request) -> Response:
        job = self._found(request)
        if request.method == "DELETE":
            self._world.stop(job["id"])
            del self._world.evaluations[job["id"]]
            self._world.results.pop(job["id"], None)
            self._world.note("evaluation-deleted", job.get("description", ""))
            return Response(status_code=204)
        return JSONResponse(job)

    async def status(self, request: Request) -> Response:
        return JSONResponse(self._found(request)["status_details"])

    async def results(self, request: Request) -> Response:
        job = self._found(request)
        if job["id"] not in self._world.results:
            raise RefusedError(404, f"evaluation {job['id']} has no results")
        return JSONResponse(self._world.results[job["id"]][0])

    async def download(self, request: Request) -> Response:
        job = self._found(request)
        if job["id"] not in self._world.results:
            raise RefusedError(404, f"evaluation {job['id']} has no results")
        return Response(self._world.results[job["id"]][1], media_type="application/zip")

    async def cancel(self, request: Request) -> Response:
        job = self._found(request)
        if job["status"] not in ACTIVE:
            raise RefusedError(409, f"job {job['id']} is {job['status']} and cannot be cancelled")
        self._world.stop(job["id"])
        _enter(job, "cancelled")
        self._world.note("evaluation-cancelled", job.get("description", ""))
        return JSONResponse({"message": "cancelled"})

    def _found(self, request: Request) -> dict[str, Any]:
        job = self._world.evaluations.get(request.path_params["id"])
        if job is None:
            raise RefusedError(404, f"evaluation job {request.path_params['id']} not found")
        return job


def _enter(job: dict[str, Any], status: str) -> None:
    job["status"], job["updated_at"] = status, stamp()
