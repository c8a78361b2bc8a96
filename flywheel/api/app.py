"""The application: routers, refusals, limits."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from flywheel import __version__
from flywheel.api import errors, health, jobs
from flywheel.api.auth import Access
from flywheel.api.limits import BodyLimit
from flywheel.api.v1 import documents, runs, schedules, serving
from flywheel.ports.backends import Backends


def build_app(backends: Backends, access: Access) -> FastAPI:
    """The whole API."""
    v1 = [runs.router, schedules.router, documents.router, serving.router]
    app = _app(backends, [health.router, jobs.router, *v1])
    app.state.access = access
    app.state.album = documents.Album()
    return app


def health_app(backends: Backends) -> FastAPI:
    """Only /healthz and /readyz, for a process that serves no API."""
    return _app(backends, [health.router])


def _app(backends: Backends, routers: Sequence[APIRouter]) -> FastAPI:
    # No page at /docs: it would load scripts from elsewhere. The schema is at /openapi.json.
    app = FastAPI(title="Flywheel", version=__version__, docs_url=None, redoc_url=None)
    app.state.backends = backends
    for router in routers:
        app.include_router(router)
    app.add_middleware(BodyLimit)
    errors.install(app, [route for router in routers for route in router.routes])
    return app
