"""The OpenAPI schema and the server agree, whatever is sent: by schemathesis."""

import asyncio
from pathlib import Path

import pytest
import schemathesis
from schemathesis import engine

from flywheel.api.app import build_app
from flywheel.api.auth import access_for
from flywheel.http_server import http_server
from flywheel.service.schedules import add_schedule
from flywheel.settings import Settings
from flywheel.views import RunRequest
from tests.api.conftest import CI_KEY, logged
from tests.support.running import ANALYST, start

pytestmark = pytest.mark.slow

CONFIG = {
    "seed": 20,
    "request-timeout": 60,
    "phases": {"stateful": {"enabled": False}},  # test_journey.py goes through the states
    "generation": {"max-examples": 2, "database": "none"},
    "auth": {
        "openapi": {"HTTPBearer": {"bearer": CI_KEY}, "APIKeyHeader": {"api_key": CI_KEY}},
    },
    "checks": {
        # 400 as well: which workloads and states there are is not in the schema.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "409"]},
        # Off: '5' is read where 5 is due, as the blueprint's server does.
        "negative_data_rejection": {"enabled": False},
    },
}


def faults(url: str) -> tuple[set[str], list[str]]:
    """The operations that were called, and what does not fit."""
    config = schemathesis.Config.from_dict(CONFIG)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    called: set[str] = set()
    found: list[str] = []
    for event in engine.from_schema(schema).execute():
        if isinstance(event, engine.events.NonFatalError | engine.events.FatalError):
            found.append(str(event))
        if not isinstance(event, engine.events.ScenarioFinished):
            continue
        if event.label is not None and event.recorder.cases:
            called.add(event.label)
        for case, checks in event.recorder.checks.items():
            curl = event.recorder.cases[case].value.as_curl_command()
            found += [
                f"{check.name}: {check.failure_info.failure} {curl}"
                for check in checks
                if check.failure_info is not None
            ]
    return called, found


async def test_schemathesis_finds_nothing(keyed_settings: Settings, log_file: Path) -> None:
    async with logged(keyed_settings, log_file) as backends:
        await start(backends)
        await add_schedule(backends, RunRequest(workload_id="news"), "every day", ANALYST)
        app = build_app(backends, access_for(keyed_settings, "127.0.0.1"))
        async with http_server(app, "127.0.0.1", 0) as url:
            called, found = await asyncio.to_thread(faults, url)
    assert not found, "\n\n".join(found)
    operations = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert operations <= called
