"""Deployment Management: NIMs that come up, fail, or wait for GPUs."""

from typing import Any

from nemo_microservices.types.deployment.model_deployment_create_params import (
    ModelDeploymentCreateParams,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.nemo_double.entities import lists, need_namespace, path_key
from tests.support.nemo_double.strict import RefusedError, body_of
from tests.support.nemo_double.world import World, entity


def routes(world: World) -> list[Route]:
    """Under the address of NeMo."""
    one = _Deployments(world)
    path = "/v1/deployment/model-deployments"
    return [
        Route(path, one.create, methods=["POST"]),
        Route(path, lists(world.deployments)),
        Route(f"{path}/{{namespace}}/{{name}}", one.one, methods=["GET", "DELETE"]),
    ]


class _Deployments:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: Request) -> Response:
        body = await body_of(request, ModelDeploymentCreateParams)
        key = f"{need_namespace(self._world, body)}/{body['name']}"
        if key in self._world.deployments:
            raise RefusedError(500, "model deployment already exists")  # a 500, as NeMo has it
        found = entity({**body, "deployed": False}, "deployment")
        found["url"] = ""
        found["status_details"] = {"status": "pending", "description": "creating the NIM"}
        self._world.deployments[key] = found
        self._world.note("deployment", key)
        self._world.start(key, self._come_up(key, found))
        return JSONResponse(found)

    async def _come_up(self, key: str, found: dict[str, Any]) -> None:
        world, nim = self._world, found["config"]["nim_deployment"]
        while world.free() < nim["gpu"]:
            found["status_details"]["description"] = "NotEnoughResources: no node has free GPUs"
            await world.clock.sleep(0.5)
        world.gpus_used[key] = nim["gpu"]
        await world.clock.sleep(world.durations.deployment)
        while world.has("deployment-pending", key):
            await world.clock.sleep(0.5)
        if world.has("deployment-fails", key):
            world.gpus_used.pop(key)
            found["status_details"] = {
                "status": "failed",
                "description": f"ImagePullBackOff: {nim['image_name']}:{nim['image_tag']}",
            }
            return
        found["status_details"] = {"status": "ready", "description": "deployment is ready"}
        found["deployed"] = True
        await world.clock.sleep(world.durations.listing)
        world.listed.add(found["config"]["model"])

    async def one(self, request: Request) -> Response:
        key = path_key(request)
        found = self._world.deployments.get(key)
        if found is None:
            raise RefusedError(404, f"model deployment {key} not found")
        if request.method == "GET":
            return JSONResponse(found)
        del self._world.deployments[key]
        self._world.stop(key)
        model = found["config"]["model"]
        if all(other["config"]["model"] != model for other in self._world.deployments.values()):
            self._world.listed.discard(model)
        self._world.note("deployment-deleted", key)
        return JSONResponse({"message": "deleted", "id": found["id"]})
