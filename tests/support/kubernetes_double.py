"""A Kubernetes that has nodes and nothing else, on 127.0.0.1, without TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from flywheel.http_server import http_server

TOKEN = "k8s-hunter2"


def node(
    name: str, gpus: int | None = None, *, ready: bool = True, cordoned: bool = False, **spec: Any
) -> dict[str, Any]:
    """A node as the API has it; `gpus` of them can be given to pods."""
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    if gpus is not None:
        room["nvidia.com/gpu"] = str(gpus)
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {**spec, **({"unschedulable": True} if cordoned else {})},
        "status": {
            "allocatable": room,
            "capacity": {**room, "nvidia.com/gpu": "8"},
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True" if ready else "Unknown"},
            ],
        },
    }


class KubernetesDouble:
    """`nodes` may change at any time; lists are given out two nodes at a time at most."""

    def __init__(self) -> None:
        self.url = ""
        self.nodes: list[dict[str, Any]] = []
        self.may_list = True
        self.asked = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Answer while the block runs."""
        app = FastAPI()
        app.get("/api/v1/nodes")(self._list)
        async with http_server(app, "127.0.0.1", 0) as self.url:
            yield

    async def _list(self, request: Request) -> Response:
        self.asked += 1
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _failure(401, "Unauthorized")
        if not self.may_list:
            return _failure(403, 'nodes is forbidden: User "reader" cannot list resource "nodes"')
        first = int(request.query_params.get("continue") or 0)
        last = first + min(2, int(request.query_params.get("limit") or 2))
        more = {"continue": str(last)} if last < len(self.nodes) else {}
        return JSONResponse(
            {
                "kind": "NodeList",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": "1", **more},
                "items": self.nodes[first:last],
            }
        )

    def kubeconfig(self, path: Path, token: str = TOKEN) -> Path:
        """A file with the contexts `here` (the current one) and `gone`, where nobody answers."""
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [
                        {"name": "real", "cluster": {"server": self.url}},
                        {"name": "off", "cluster": {"server": "http://127.0.0.1:9"}},
                    ],
                    "users": [{"name": "reader", "user": {"token": token}}],
                    "contexts": [
                        {"name": "here", "context": {"cluster": "real", "user": "reader"}},
                        {"name": "gone", "context": {"cluster": "off", "user": "reader"}},
                    ],
                }
            )
        )
        return path


def _failure(code: int, message: str) -> Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return JSONResponse({**body, "message": message, "code": code}, status_code=code)
