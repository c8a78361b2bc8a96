"""Who may use the API, on which address, and what a start without keys says."""

import asyncio
import json
import logging
import signal
import urllib.request
from pathlib import Path

import pytest

from flywheel.api.app import build_app
from flywheel.api.auth import access_for, is_loopback
from flywheel.errors import SettingsError
from flywheel.ports.backends import Backends
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.api.conftest import CI_KEY, VIEWER_KEY, asking, with_keys
from tests.support.programs import flywheel_each, start

LOCAL = ["127.0.0.1", "127.8.9.1", "localhost", "LocalHost", "::1"]
ELSEWHERE = ["0.0.0.0", "::", "", "192.168.1.5", "10.0.0.1", "example.test", "localhost.test", "0"]


WITH_KEYS: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"Authorization": f"Bearer {CI_KEY}"}, 200),
    ({"Authorization": f"bearer {CI_KEY}"}, 200),
    ({"X-API-Key": CI_KEY}, 200),
    ({"X-API-Key": VIEWER_KEY}, 200),
    ({"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": CI_KEY}, 200),  # a proxy's own
    ({"Authorization": f"Bearer {CI_KEY[:-1]}"}, 401),
    ({"Authorization": f"Bearer {CI_KEY}x"}, 401),
    ({"Authorization": f"Bearer ci:{CI_KEY}"}, 401),
    ({"Authorization": f"Basic {CI_KEY}"}, 401),
    ({"Authorization": CI_KEY}, 401),
    ({"Authorization": "Bearer wrong", "X-API-Key": CI_KEY}, 401),
    ({"X-API-Key": ""}, 401),
    ({"X-API-Key": f"Bearer {CI_KEY}"}, 401),
    ({"Cookie": f"X-API-Key={CI_KEY}"}, 401),
    ({"X-API-Key": "kéy"}, 401),
]


async def test_with_keys_every_request_needs_one(
    keyed_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        open_backends(keyed_settings, with_queue=False) as backends,
        asking(backends) as client,
    ):
        for headers, status in WITH_KEYS:
            encoded = {name: value.encode() for name, value in headers.items()}
            answer = await client.get("/api/v1/policy", headers=encoded)
            assert answer.status_code == status, headers
            assert CI_KEY not in answer.text
            if status == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
                assert set(answer.json()) == {"detail", "hint"}
        # Whatever is asked for, and whether or not it is there.
        for path, methods in client_paths(backends).items():
            for method in methods:
                answer = await client.request(method, path)
                assert (answer.status_code == 401) is path.startswith("/api/"), path
    assert CI_KEY not in caplog.text


def client_paths(backends: Backends) -> dict[str, list[str]]:
    """Every path of the API, with its methods."""
    app = build_app(backends, access_for(backends.settings, "127.0.0.1"))
    return {path: list(methods) for path, methods in app.openapi()["paths"].items()}


WITHOUT_KEYS: list[tuple[dict[str, str], int]] = [
    ({}, 200),
    ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, 200),
    ({"Host": "[::1]:8000"}, 200),
    ({"X-API-Key": "whatever"}, 200),
    ({"Host": "attacker.test:8000"}, 403),  # a name that was bound to 127.0.0.1
    ({"Host": "127.0.0.1.attacker.test"}, 403),
    ({"Host": "["}, 403),
    ({"Origin": "https://attacker.test"}, 403),  # a page in this machine's browser
    ({"Origin": "null"}, 403),
]


async def test_without_keys_it_is_open_to_this_machine_only(open_settings: Settings) -> None:
    async with (
        open_backends(open_settings, with_queue=False) as backends,
        asking(backends) as client,
    ):
        for headers, status in WITHOUT_KEYS:
            answer = await client.get("/api/v1/policy", headers=headers)
            assert answer.status_code == status, headers
            cancel = await client.post("/api/jobs/r-1/cancel", headers=headers)
            assert cancel.status_code == (404 if status == 200 else 403), headers
            # Whatever the list of approvers says.
            wish = {"run_id": "r-1", "model_name": "x", "reason": "y"}
            promote = await client.post("/api/v1/promotions", json=wish, headers=headers)
            assert promote.status_code == 403, headers


@pytest.mark.parametrize("host", LOCAL)
def test_on_this_machine_no_key_is_needed(open_settings: Settings, host: str) -> None:
    access = access_for(open_settings, host)
    assert is_loopback(host)
    assert access.is_open
    assert access.sentence("http://h:1") == (
        "The API at http://h:1/api is open to everybody on this machine: "
        "FLYWHEEL_API_KEYS is not set."
    )


@pytest.mark.parametrize("host", ELSEWHERE)
def test_on_any_other_address_it_does_not_start_without_a_key(
    open_settings: Settings, keyed_settings: Settings, host: str
) -> None:
    with pytest.raises(SettingsError, match="Without a key the API is not served on"):
        access_for(open_settings, host)
    assert access_for(keyed_settings, host).sentence("http://h:1").endswith("keys of: ci, viewer.")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("secret-0123456789abcdefgh", "Entry 1 of FLYWHEEL_API_KEYS is not NAME:KEY."),
        ("ci:secret-0123456789abcdefgh,b", "Entry 2 of"),
        (":secret-0123456789abcdefgh", "Entry 1 of"),
        ("a b:secret-0123456789abcdefgh", "Entry 1 of"),
        ("ci:", "Entry 1 of"),
        ("ci:secret-0123456789abc", None),  # 20 characters
        ("ci:secret-0123456789ab", "at least 20 characters"),
        ("ci:secret-0123456789abcdéfgh", "plain ones"),
        ("ci:secret-0123456789abc,ci:secret-0123456789abd", "Entry 2 of FLYWHEEL_API_KEYS cannot"),
        ("ci:secret-0123456789abc,me:secret-0123456789abc", "Entry 2 of FLYWHEEL_API_KEYS cannot"),
        ("anonymous:secret-0123456789abc", "Entry 1 of FLYWHEEL_API_KEYS cannot"),
        (" , ", "holds no key"),
        (" ci : secret-0123456789abc , ", None),
        ("ci:secret:0123456789abc", None),  # a key may have colons
    ],
)
def test_faulty_keys_are_named_and_never_shown(
    open_settings: Settings, keys: str, told: str | None
) -> None:
    settings = with_keys(open_settings, keys)
    if told is None:
        access = access_for(settings, "127.0.0.1")
        assert access.holder(keys.partition(":")[2].strip(" ,")) == "ci"
        assert "secret" not in repr(access) + access.sentence("")
        return
    with pytest.raises(SettingsError, match=told) as caught:
        access_for(settings, "127.0.0.1")
    assert "secret" not in str(caught.value)


def test_the_commands_refuse_an_open_address_without_a_key(tmp_path: Path) -> None:
    for done in flywheel_each(
        tmp_path / "home",
        (("api", "--host", "0.0.0.0", "--port", "0"), {}),
        (("up", "--host", "0.0.0.0", "--port", "0"), {}),
    ):
        assert done.returncode == 2
        assert done.stdout == ""
        assert "FLYWHEEL_API_KEYS" in done.stderr


async def test_the_command_serves_and_stops(tmp_path: Path) -> None:
    process = start(tmp_path / "home", "api", "--port", "0", FLYWHEEL_API_KEYS=f"ci:{CI_KEY}")
    try:
        assert process.stdout is not None
        said = [await asyncio.to_thread(process.stdout.readline) for _ in range(3)]
        url = said[0].split()[2].rstrip(";")
        assert said[1] == f"The API at {url}/api takes the keys of: ci.\n"
        assert "No worker is running yet" in said[2]
        request = urllib.request.Request(f"{url}/api/jobs", headers={"X-API-Key": CI_KEY})
        with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
            assert json.load(answer) == {"jobs": []}
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.to_thread(process.communicate, None, 60)
    assert process.returncode == 0
    assert out == "Stopping.\n"
    assert err == ""
