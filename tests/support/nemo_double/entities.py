"""The Entity Store: namespaces, datasets and models."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from nemo_microservices.types.dataset_create_params import DatasetCreateParams
from nemo_microservices.types.namespace_create_params import NamespaceCreateParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.nemo_double.strict import RefusedError, body_of
from tests.support.nemo_double.world import World, entity

Entity = dict[str, Any]


def routes(world: World) -> list[Route]:
    """Under the address of NeMo."""
    store = _Store(world)
    return [
        Route("/v1/namespaces", store.create_namespace, methods=["POST"]),
        Route("/v1/namespaces/{id}", store.namespace),
        Route("/v1/datasets", store.create_dataset, methods=["POST"]),
        Route("/v1/datasets", lists(world.datasets)),
        Route("/v1/datasets/{namespace}/{name}", store.dataset, methods=["GET", "DELETE"]),
        Route("/v1/models", lists(world.models)),
        Route("/v1/models/{namespace}/{name}", store.model, methods=["GET", "DELETE"]),
    ]


def lists(
    entities: Mapping[str, Entity],
    fields: Collection[str] = ("namespace",),
    shown: Callable[[Entity], Entity] = dict,
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that lists them."""

    async def endpoint(request: Request) -> Response:
        return _page(request, map(shown, entities.values()), fields)

    return endpoint


def _page(request: Request, entities: Iterable[Entity], fields: Collection[str]) -> Response:
    """A page of what the filter lets through."""
    found = list(entities)
    page = size = 1
    for key, value in request.query_params.items():
        if key == "page":
            page = int(value)
        elif key == "page_size":
            size = int(value)
        elif key == "sort":
            found.sort(key=lambda one: one[value.lstrip("-")], reverse=value.startswith("-"))
        elif key.startswith("filter[custom_fields][") and "custom_fields" in fields:
            name = key.removeprefix("filter[custom_fields][").removesuffix("]")
            found = [one for one in found if (one.get("custom_fields") or {}).get(name) == value]
        elif (name := key.removeprefix("filter[").removesuffix("]")) in fields:
            found = [one for one in found if one.get(name) == value]
        else:
            raise RefusedError(422, [{"loc": ["query", key], "msg": "unknown", "type": "extra"}])
    size = size if "page_size" in request.query_params else 10
    data = found[(page - 1) * size : page * size]
    pages = -(-len(found) // size)
    pagination = {
        "page": page,
        "page_size": size,
        "current_page_size": len(data),
        "total_pages": pages,
        "total_results": len(found),
    }
    return JSONResponse({"object": "list", "data": data, "pagination": pagination})


def need_namespace(world: World, body: Entity) -> str:
    """The namespace of a new entity. Raises RefusedError where there is none of that name."""
    namespace = body.get("namespace", "default")
    if namespace not in world.namespaces:
        raise RefusedError(404, f"namespace {namespace} not found")
    return str(namespace)


def path_key(request: Request) -> str:
    """namespace/name of the path."""
    return f"{request.path_params['namespace']}/{request.path_params['name']}"


class _Store:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create_namespace(self, request: Request) -> Response:
        body = await body_of(request, NamespaceCreateParams)
        if body["id"] in self._world.namespaces:
            raise RefusedError(409, f"namespace {body['id']} already exists")
        self._world.namespaces.add(body["id"])
        self._world.note("namespace", body["id"])
        return JSONResponse({**body})

    async def namespace(self, request: Request) -> Response:
        name = request.path_params["id"]
        if name not in self._world.namespaces:
            raise RefusedError(404, f"namespace {name} not found")
        return JSONResponse({"id": name})

    async def create_dataset(self, request: Request) -> Response:
        body = await body_of(request, DatasetCreateParams)
        key = f"{need_namespace(self._world, body)}/{body['name']}"
        if key in self._world.datasets:
            raise RefusedError(409, f"dataset {key} already exists")
        if body["files_url"].replace("hf://", "", 1) not in self._world.repos:
            raise RefusedError(422, f"there are no files at {body['files_url']}")
        self._world.datasets[key] = entity(body, "dataset")
        self._world.note("dataset", key)
        return JSONResponse(self._world.datasets[key])

    async def dataset(self, request: Request) -> Response:
        return self._one(request, self._world.datasets, "dataset", lambda _: None)

    async def model(self, request: Request) -> Response:
        return self._one(request, self._world.models, "model", self._forget)

    def _forget(self, key: str) -> None:
        self._world.trained.pop(key, None)
        self._world.listed.discard(key)

    def _one(
        self,
        request: Request,
        entities: dict[str, Entity],
        kind: str,
        deleted: Callable[[str], None],
    ) -> Response:
        key = path_key(request)
        if key not in entities:
            raise RefusedError(404, f"{kind} {key} not found")
        if request.method == "GET":
            return JSONResponse(entities[key])
        found = entities.pop(key)
        deleted(key)
        self._world.note(f"{kind}-deleted", key)
        return JSONResponse({"message": "Resource deleted successfully.", "id": found["id"]})
