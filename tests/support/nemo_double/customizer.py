"""Customizer: configs, jobs that train a student, their status, and cancelling."""

import asyncio
import json
import math
import re
from typing import Any

from nemo_microservices.types.customization.config_create_params import ConfigCreateParams
from nemo_microservices.types.customization.job_create_params import JobCreateParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel.errors import FlywheelError
from tests.support.nemo_double.clock import stamp
from tests.support.nemo_double.entities import lists, need_namespace, path_key
from tests.support.nemo_double.strict import RefusedError, body_of
from tests.support.nemo_double.students import ServedModel
from tests.support.nemo_double.world import Repo, World, entity

ACTIVE = {"created", "pending", "running", "cancelling"}


def routes(world: World) -> list[Route]:
    """Under the address of NeMo."""
    one = _Customizer(world)
    fields = ("namespace", "status", "project")
    jobs = "/v1/customization/jobs"
    return [
        Route("/v1/customization/configs", one.create_config, methods=["POST"]),
        Route("/v1/customization/configs/{namespace}/{name}", one.config),
        Route(jobs, one.create_job, methods=["POST"]),
        Route(jobs, lists(world.customizations, fields, _shown)),
        Route(f"{jobs}/{{id}}", one.job),
        Route(f"{jobs}/{{id}}/status", one.status),
        Route(f"{jobs}/{{id}}/cancel", one.cancel, methods=["POST"]),
    ]


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    """The SDK's job has no name."""
    return {key: value for key, value in job.items() if key != "name"}


class _Customizer:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create_config(self, request: Request) -> Response:
        body = await body_of(request, ConfigCreateParams)
        key = f"{need_namespace(self._world, body)}/{body['name']}"
        if key in self._world.configs:
            raise RefusedError(409, f"customization config {key} already exists")
        if self._world.targets and body["target"] not in self._world.targets:
            raise RefusedError(404, f"customization target {body['target']} not found")
        for option in body["training_options"]:
            gpus = option["num_gpus"] * option.get("num_nodes", 1)
            sizes = option.get("tensor_parallel_size", 1) * option.get("data_parallel_size", 1)
            if gpus % sizes:
                raise RefusedError(422, "parallel sizes do not fit the number of GPUs")
        self._world.configs[key] = entity(body, "customization_config")
        self._world.note("config", key)
        return JSONResponse(self._world.configs[key])

    async def config(self, request: Request) -> Response:
        key = path_key(request)
        if key not in self._world.configs:
            raise RefusedError(404, f"customization config {key} not found")
        return JSONResponse(self._world.configs[key])

    async def create_job(self, request: Request) -> Response:
        body = await body_of(request, JobCreateParams)
        namespace = need_namespace(self._world, body)
        taken = {(job["namespace"], job["name"]) for job in self._world.customizations.values()}
        if (namespace, body["name"]) in taken:
            raise RefusedError(409, f"customization job {namespace}/{body['name']} already exists")
        config = self._world.configs.get(body["config"])
        if config is None:
            raise RefusedError(404, f"customization config {body['config']} not found")
        self._check(body, config)
        dataset = self._dataset(body)
        job = entity({**body, "status": "created"}, "cust")
        if "@" not in body["output_model"]:
            job["output_model"] = f"{body['output_model']}@{job['id']}"
        job["status_details"] = {
            "created_at": job["created_at"],
            "updated_at": job["created_at"],
            "status": "created",
            "percentage_done": 0.0,
            "epochs_completed": 0,
            "steps_completed": 0,
            "status_logs": [{"updated_at": job["created_at"], "message": "created"}],
        }
        self._world.customizations[job["id"]] = job
        self._world.note("customization", body["name"])
        self._world.start(job["id"], self._train(job, config, dataset))
        return JSONResponse(_shown(job))

    @staticmethod
    def _check(body: dict[str, Any], config: dict[str, Any]) -> None:
        wanted = body["hyperparameters"]
        if not any(
            option["training_type"] == wanted.get("training_type", "sft")
            and option["finetuning_type"] == wanted["finetuning_type"]
            for option in config["training_options"]
        ):
            raise RefusedError(422, "the config has no such training option")
        rank = wanted.get("lora", {}).get("adapter_dim", 8)
        if rank & (rank - 1):
            raise RefusedError(422, "adapter_dim must be a power of 2")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w.-]+)?", body["output_model"]):
            raise RefusedError(422, "output_model must be namespace/name or namespace/name@version")

    def _dataset(self, body: dict[str, Any]) -> Repo:
        named = body["dataset"]
        key = named if isinstance(named, str) else f"{named['namespace']}/{named['name']}"
        if key not in self._world.datasets:
            raise RefusedError(404, f"dataset {key} not found")
        repo = self._world.repos[self._world.datasets[key]["files_url"].removeprefix("hf://")]
        if not any(name.startswith("training/") for name in repo.files):
            raise RefusedError(422, f"dataset {key} has no files in training/")
        return repo

    async def _train(self, job: dict[str, Any], config: dict[str, Any], repo: Repo) -> None:
        world, details, name = self._world, job["status_details"], job["name"]
        _enter(job, "running")
        option = config["training_options"][0]
        gpus = option["num_gpus"] * option.get("num_nodes", 1)
        while world.free() < gpus:
            _log(job, "NotEnoughResources", f"{gpus} GPUs are asked for, {world.free()} are free")
            await world.clock.sleep(0.5)
        world.gpus_used[job["id"]] = gpus
        _log(job, "TrainingJobRunning")
        wanted = job["hyperparameters"]
        lines = [
            json.loads(x)
            for f in sorted(repo.files)
            if f.startswith("training/")
            for x in repo.files[f].splitlines()
        ]
        started = world.clock.now()
        epochs = wanted.get("epochs", 1)
        steps = epochs * -(-len(lines) // wanted.get("batch_size", 8))
        try:
            model = await asyncio.to_thread(ServedModel, lines, lambda *_: None)
        except (FlywheelError, KeyError, ValueError) as error:
            self._fail(job, str(error))
            return
        ends = started + world.durations.training
        checked: list[dict[str, Any]] = []
        details["metrics"] = {"keys": ["val_loss"], "metrics": {"val_loss": checked}}
        while (passed := (world.clock.now() - started) / world.durations.training) < 1:
            if not world.has("stuck", name):
                details["percentage_done"] = round(100 * passed, 1)
                details["steps_completed"] = int(steps * passed)
                details["epochs_completed"] = int(epochs * passed)
                _validated(checked, int(steps * passed), steps, wanted)
            soon = world.clock.now() + world.durations.training / 20
            await world.clock.until(min(soon, ends))
        while world.has("stuck", name):
            await world.clock.sleep(1)
        if world.has("training-fails", name):
            self._fail(job, "CUDA out of memory on rank 0")
            return
        details |= {"percentage_done": 100.0, "epochs_completed": epochs, "steps_completed": steps}
        _validated(checked, steps, steps, wanted)
        details["val_loss"] = min(one["value"] for one in checked)
        details["elapsed_time"] = world.clock.now() - started
        self._publish(job, config, model)
        world.gpus_used.pop(job["id"], None)
        _enter(job, "completed")
        await world.clock.sleep(world.durations.sync)
        if not world.has("never-synced", job["output_model"]):
            world.listed.add(job["output_model"])

    def _publish(self, job: dict[str, Any], config: dict[str, Any], model: ServedModel) -> None:
        world, output = self._world, job["output_model"]
        namespace, name = output.split("/")
        lora = job["hyperparameters"].get("lora", {})
        world.trained[output] = model
        world.repos[f"models/{output.partition('@')[0]}"] = Repo(
            {"adapter_model.safetensors": b"weights"}, 1
        )
        world.models[output] = entity(
            {
                "namespace": namespace,
                "name": name,
                "base_model": str(config["target"]).partition("@")[0],
                "custom_fields": job.get("custom_fields", {}),
                "peft": {"finetuning_type": "lora"},
                "artifact": {
                    "files_url": f"hf://{output}",
                    "status": "upload_completed",
                    "precision": config.get("training_precision", "bf16-mixed"),
                },
                "spec": {
                    "context_size": config["max_seq_length"],
                    "is_chat": True,
                    "num_parameters": 1_000_000_000 + lora.get("adapter_dim", 8),
                    "num_virtual_tokens": 0,
                },
            },
            "model",
        )
        world.note("model", output)

    def _fail(self, job: dict[str, Any], detail: str) -> None:
        self._world.gpus_used.pop(job["id"], None)
        _log(job, "TrainingJobFailed", detail)
        _log(job, "cleaned up")
        _enter(job, "failed")

    async def job(self, request: Request) -> Response:
        return JSONResponse(_shown(self._found(request)))

    async def status(self, request: Request) -> Response:
        return JSONResponse(self._found(request)["status_details"])

    async def cancel(self, request: Request) -> Response:
        job = self._found(request)
        if job["status"] not in ACTIVE:
            raise RefusedError(409, f"job {job['id']} is {job['status']} and cannot be cancelled")
        if job["status"] != "cancelling":
            self._world.stop(job["id"])
            _enter(job, "cancelling")
            self._world.note("customization-cancelled", job["name"])
            self._world.start(job["id"], self._finish_cancel(job))
        return JSONResponse(_shown(job))

    async def _finish_cancel(self, job: dict[str, Any]) -> None:
        await self._world.clock.sleep(self._world.durations.cancelling)
        while self._world.has("cancel-slow", job["name"]):
            await self._world.clock.sleep(0.5)
        _enter(job, "cancelled")

    def _found(self, request: Request) -> dict[str, Any]:
        job = self._world.customizations.get(request.path_params["id"])
        if job is None:
            raise RefusedError(404, f"customization job {request.path_params['id']} not found")
        return job


def _validated(
    checked: list[dict[str, Any]], step: int, steps: int, wanted: dict[str, Any]
) -> None:
    """A loss that falls towards its end, which is lowest at a learning rate of 0.001."""
    if checked and checked[-1]["step"] == step:
        return
    off = abs(math.log10(wanted.get("learning_rate", 1e-4)) + 3)
    loss = 0.3 + 0.5 * off + 2 * (1 - step / steps)
    checked.append({"step": step, "timestamp": stamp(), "value": round(loss, 4)})


def _enter(job: dict[str, Any], status: str) -> None:
    job["status"] = job["status_details"]["status"] = status
    job["updated_at"] = job["status_details"]["updated_at"] = stamp()


def _log(job: dict[str, Any], message: str, detail: str | None = None) -> None:
    job["status_details"]["status_logs"].append(
        {"updated_at": stamp(), "message": message, "detail": detail}
    )
