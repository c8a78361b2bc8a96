"""Waking through a real server: once per token, later where asked, never with a stack trace."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis

from flywheel.adapters.arq_queue import QUEUE_NAME, ArqQueue
from flywheel.adapters.private_valkey import PrivateValkey
from flywheel.clock import utc_now
from flywheel.errors import UnavailableError


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[PrivateValkey]:
    server = PrivateValkey(tmp_path)
    yield server
    await server.close()


@pytest.fixture
async def queue(valkey: PrivateValkey) -> AsyncIterator[ArqQueue]:
    """A queue whose server does not run yet."""
    settings = RedisSettings(unix_socket_path=str(valkey.socket), conn_retries=0)
    made = ArqQueue(settings, "the test's socket", valkey.open)
    yield made
    await made.close()


async def waiting(valkey: PrivateValkey) -> dict[str, float]:
    """The jobs that wait, and the seconds from now until each is due."""
    async with Redis(unix_socket_path=str(valkey.socket), decode_responses=True) as client:
        rows = await client.zrange(QUEUE_NAME, 0, -1, withscores=True)
    now = utc_now().timestamp()
    return {name: due / 1000 - now for name, due in rows}


async def test_the_same_wish_waits_once(queue: ArqQueue, valkey: PrivateValkey) -> None:
    await valkey.open()
    for token in ("0", "0", "1"):
        await queue.wake(7, token)
    assert sorted(await waiting(valkey)) == ["7:0", "7:1"]


async def test_a_later_wish_is_due_later(queue: ArqQueue, valkey: PrivateValkey) -> None:
    await valkey.open()
    await queue.wake(7, "0")
    await queue.wake(8, "0", delay=30)
    due = await waiting(valkey)
    assert due["7:0"] <= 0
    assert 25 < due["8:0"] <= 30


async def test_a_server_that_is_away_is_a_sentence(queue: ArqQueue) -> None:
    for attempt in (queue.wake(1, "0"), queue.ping()):
        with pytest.raises(UnavailableError) as caught:
            await attempt
        assert caught.value.message == "The queue does not answer at the test's socket."
    assert not await queue.has_worker()


async def test_a_server_that_went_away_is_used_again_once_it_is_back(
    queue: ArqQueue, valkey: PrivateValkey
) -> None:
    await queue.revive()
    assert (await queue.ping()).startswith("valkey ")
    await valkey.close()
    with pytest.raises(UnavailableError):
        await queue.wake(1, "0")
    await queue.revive()
    await queue.wake(2, "0")
    assert sorted(await waiting(valkey)) == ["2:0"]
