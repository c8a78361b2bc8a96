"""The Data Store: namespaces, and the Hugging Face endpoints that `HfApi` calls."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.nemo_double.world import Repo, World

REGULAR_BYTES = 100_000  # larger files go through LFS


def routes(world: World) -> list[Route]:
    """Under the address of the Data Store."""
    store = _Hub(world)
    repo = "/v1/hf/api/{kind}/{namespace}/{name}"
    return [
        Route("/v1/datastore/namespaces", store.create_namespace, methods=["POST"]),
        Route("/v1/hf/api/repos/create", store.create_repo, methods=["POST"]),
        Route("/v1/hf/api/repos/delete", store.delete_repo, methods=["DELETE"]),
        Route(f"{repo}/preupload/{{revision}}", store.preupload, methods=["POST"]),
        Route(f"{repo}/commit/{{revision}}", store.commit, methods=["POST"]),
        Route(f"{repo}/revision/{{revision}}", store.info),
        Route(repo, store.info),
        Route(
            "/v1/hf/{kind}/{namespace}/{name}.git/info/lfs/objects/batch",
            store.batch,
            methods=["POST"],
        ),
        Route("/v1/hf/lfs/{oid}", store.lfs, methods=["PUT"]),
    ]


class _Hub:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create_namespace(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        if set(form) != {"namespace"}:
            return _error(422, "the form field 'namespace' is required")
        (name,) = form["namespace"]
        if name in self._world.datastore_namespaces:
            return _error(409, f"namespace {name} already exists")
        self._world.datastore_namespaces.add(name)
        self._world.note("datastore-namespace", name)
        return JSONResponse({"namespace": name}, status_code=201)

    async def create_repo(self, request: Request) -> Response:
        body = await request.json()
        if body["organization"] not in self._world.datastore_namespaces:
            return _error(404, f"namespace {body['organization']} not found", "RepoNotFound")
        key = f"{body.get('type', 'model')}s/{body['organization']}/{body['name']}"
        address = str(request.url).removesuffix("/api/repos/create") + f"/{key}"
        if key in self._world.repos:
            return JSONResponse({"error": "already exists", "url": address}, status_code=409)
        self._world.repos[key] = Repo()
        self._world.note("repo", key)
        return JSONResponse({"url": address})

    async def delete_repo(self, request: Request) -> Response:
        body = await request.json()
        key = f"{body.get('type', 'model')}s/{body['organization']}/{body['name']}"
        if self._world.repos.pop(key, None) is None:
            return _error(404, "not found", "RepoNotFound")
        self._world.note("repo-deleted", key)
        return Response(status_code=200)

    async def preupload(self, request: Request) -> Response:
        if self._repo(request) is None:
            return _error(404, "not found", "RepoNotFound")
        files = (await request.json())["files"]
        return JSONResponse(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["size"] > REGULAR_BYTES else "regular",
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
            }
        )

    async def batch(self, request: Request) -> Response:
        body = await request.json()
        base = str(request.url).split("/v1/hf/")[0]
        objects = []
        for item in body["objects"]:
            found: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self._world.lfs:
                found["actions"] = {"upload": {"href": f"{base}/v1/hf/lfs/{item['oid']}"}}
            objects.append(found)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def lfs(self, request: Request) -> Response:
        content, oid = await request.body(), request.path_params["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            return _error(422, "the content has another hash")
        self._world.lfs[oid] = content
        return Response(status_code=200)

    async def commit(self, request: Request) -> Response:
        repo = self._repo(request)
        if repo is None:
            return _error(404, "not found", "RepoNotFound")
        lines = [json.loads(line) for line in (await request.body()).splitlines()]
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    repo.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    repo.files[value["path"]] = self._world.lfs[value["oid"]]
                case "header":
                    pass
                case other:
                    return _error(422, f"the double knows no operation {other}")
        repo.commits += 1
        key = _key(request)
        self._world.note("commit", key)
        oid = hashlib.sha1(f"{key}{repo.commits}".encode()).hexdigest()
        address = f"{str(request.url).split('/v1/hf/')[0]}/v1/hf/{key}/commit/{oid}"
        return JSONResponse({"success": True, "commitOid": oid, "commitUrl": address})

    async def info(self, request: Request) -> Response:
        repo = self._repo(request)
        if repo is None:
            return _error(404, "not found", "RepoNotFound")
        siblings = [{"rfilename": name} for name in repo.files]
        path = request.path_params
        return JSONResponse(
            {"id": f"{path['namespace']}/{path['name']}", "sha": "0" * 40, "siblings": siblings}
        )

    def _repo(self, request: Request) -> Repo | None:
        return self._world.repos.get(_key(request))


def _key(request: Request) -> str:
    path = request.path_params
    return f"{path['kind']}/{path['namespace']}/{path['name']}"


def _error(status: int, text: str, code: str | None = None) -> Response:
    headers = {} if code is None else {"X-Error-Code": code}
    return JSONResponse({"error": text}, status_code=status, headers=headers)
