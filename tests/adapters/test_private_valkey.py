"""One real server per home: shared, revived, left to the next, stopped by the last."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from flywheel.adapters.private_valkey import PrivateValkey
from flywheel.errors import UnavailableError

HOLDER = """
import asyncio, sys
from pathlib import Path
from flywheel.adapters.private_valkey import PrivateValkey
async def hold():
    await PrivateValkey(Path(sys.argv[1])).open()
    print("open", flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


async def server_of(valkey: PrivateValkey) -> int | None:
    """The process that answers at the socket."""
    async with Redis(unix_socket_path=str(valkey.socket)) as client:
        try:
            return int((await client.info("server"))["process_id"])
        except RedisConnectionError:
            return None


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[list[PrivateValkey]]:
    """As many users of one home as anybody needs."""
    async with AsyncExitStack() as stack:
        made = [PrivateValkey(tmp_path / "home") for _ in range(6)]
        for user in made:
            stack.push_async_callback(user.close)
        yield made
    assert await server_of(made[0]) is None, "a server is left behind"


async def test_the_first_starts_it_and_the_last_stops_it(users: list[PrivateValkey]) -> None:
    first, second, *_ = users
    await first.open()
    process = await server_of(first)
    assert process is not None
    await second.open()
    assert await server_of(second) == process
    await first.close()
    assert await server_of(second) == process
    await second.close()
    assert await server_of(second) is None


async def test_those_who_come_at_once_share_one_server(users: list[PrivateValkey]) -> None:
    await asyncio.gather(*(user.open() for user in users))
    assert len({await server_of(user) for user in users}) == 1
    started = (users[0].socket.parent / "valkey.log").read_text().count("Server initialized")
    assert started == 1


async def test_a_server_that_was_killed_is_started_again(users: list[PrivateValkey]) -> None:
    valkey = users[0]
    await valkey.open()
    process = await server_of(valkey)
    assert process is not None
    os.kill(process, signal.SIGKILL)
    while await server_of(valkey) is not None:
        await asyncio.sleep(0.01)
    await valkey.open()
    assert await server_of(valkey) not in {None, process}


async def test_what_a_killed_process_leaves_is_adopted_and_stopped(
    users: list[PrivateValkey], tmp_path: Path
) -> None:
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(tmp_path / "home")), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"open\n"
    left = await server_of(users[0])
    holder.kill()
    await holder.wait()
    await users[0].open()
    assert left is not None
    assert await server_of(users[0]) == left


async def test_a_home_with_a_long_path(tmp_path: Path) -> None:
    valkey = PrivateValkey(tmp_path / ("long" * 30))
    await valkey.open()
    assert await server_of(valkey) is not None
    await valkey.close()
    assert await server_of(valkey) is None


async def test_a_home_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError) as caught:
        await PrivateValkey(tmp_path / "file").open()
    assert caught.value.message.startswith("The private queue server cannot be started in")
    assert "FLYWHEEL_REDIS_URL" in (caught.value.hint or "")
