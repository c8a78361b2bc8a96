"""The log on this machine, on real files, from several processes."""

import contextlib
import multiprocessing
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path

import pytest

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.clock import from_epoch
from flywheel.errors import UnavailableError
from flywheel.ports.logs import LogStore, Selection, StoredRecord

START = 1_760_000_000.0


def stored(
    number: int,
    workload: str = "news",
    client: str = "desk",
    label: str = "A",
    time: float | None = None,
) -> StoredRecord:
    body = f'{{"n": {number}, "w": "{workload}", "c": "{client}"}}'.encode()
    identity = md5(body).hexdigest()
    return StoredRecord(
        identity, START + number if time is None else time, workload, client, label, body
    )


async def bodies(store: LogStore, selection: Selection, batch_size: int = 2000) -> list[bytes]:
    return [body async for batch in store.stream(selection, batch_size) for body in batch]


def body_of(records: Sequence[StoredRecord]) -> list[bytes]:
    return [record.body for record in records]


@pytest.fixture
def store(tmp_path: Path) -> LocalLogStore:
    return LocalLogStore(tmp_path / "deep" / "logs.db")


async def test_an_empty_log(store: LocalLogStore) -> None:
    selection = Selection(workload_id="news")
    assert await bodies(store, selection) == []
    assert await store.count(selection) == 0
    assert await store.workloads() == []
    assert (await store.ping()).endswith("0 records")


async def test_newest_first_whatever_the_order_of_arrival_and_the_batch(
    store: LocalLogStore,
) -> None:
    records = [stored(n) for n in range(25)]
    assert await store.append(records[1::2]) + await store.append(records[::2]) == 25
    for batch_size in (1, 7, 25, 100):
        found = await bodies(store, Selection(workload_id="news"), batch_size)
        assert found == body_of(records[::-1])


async def test_records_of_the_same_second_are_all_read_once(store: LocalLogStore) -> None:
    records = [stored(n, time=START) for n in range(30)]
    await store.append(records)
    found = await bodies(store, Selection(workload_id="news"), batch_size=4)
    assert sorted(found) == sorted(body_of(records))


async def test_a_selection_is_one_workload_one_client_the_newest(store: LocalLogStore) -> None:
    desk = [stored(n, client="desk") for n in range(0, 20, 2)]
    app = [stored(n, client="app") for n in range(1, 20, 2)]
    await store.append([*desk, *app, *(stored(n, workload="other") for n in range(5))])

    everything = Selection(workload_id="news")
    assert await store.count(everything) == 20
    one = Selection(workload_id="news", client_id="app")
    assert await bodies(store, one, batch_size=3) == body_of(app[::-1])
    assert await store.count(one) == 10
    newest = Selection(workload_id="news", client_id="app", limit=4)
    assert await bodies(store, newest, batch_size=3) == body_of(app[::-1][:4])
    assert await store.count(newest) == 4
    assert await store.count(Selection(workload_id="news", limit=100)) == 20
    assert await bodies(store, Selection(workload_id="nobody")) == []
    late = Selection(workload_id="news", client_id="app", since=from_epoch(stored(15)[1]))
    assert await bodies(store, late) == body_of(app[:6:-1])
    assert await store.count(late) == 3


async def test_what_is_there_already_is_left_alone(store: LocalLogStore) -> None:
    records = [stored(n) for n in range(10)]
    assert await store.append(records[:6]) == 6
    assert await store.append(records) == 4
    assert await store.append([*records, *records]) == 0
    assert await store.append([]) == 0
    assert await store.append([stored(99), stored(99)]) == 1
    assert await store.count(Selection(workload_id="news")) == 11


async def test_summaries(store: LocalLogStore) -> None:
    await store.append(
        [
            *(stored(n, label="Legal") for n in range(3)),
            *(stored(n, label="Earnings") for n in range(3, 8)),
            stored(8, label=""),
            *(stored(n, "agent", "app", "search+book") for n in range(2)),
        ]
    )
    agent, news = await store.workloads()

    assert (agent.workload_id, agent.client_id, agent.records) == ("agent", "app", 2)
    assert agent.answers == {"search+book": 2}
    assert (news.workload_id, news.client_id, news.records) == ("news", "desk", 9)
    assert list(news.answers.items()) == [("Earnings", 5), ("Legal", 3)]
    assert news.first == datetime.fromtimestamp(START, UTC)
    assert news.last == datetime.fromtimestamp(START + 8, UTC)


async def test_reading_holds_nothing_up_while_the_reader_thinks(store: LocalLogStore) -> None:
    await store.append([stored(n) for n in range(10)])
    stream = store.stream(Selection(workload_id="news"), batch_size=3)
    first = await anext(stream)
    assert await store.append([stored(n) for n in range(10, 20)]) == 10  # newer: not in the way
    rest = [body async for batch in stream for body in batch]
    assert first + rest == body_of([stored(n) for n in range(9, -1, -1)])


async def test_it_reads_by_the_index_and_sorts_nothing(store: LocalLogStore) -> None:
    await store.append([stored(n) for n in range(10)])
    with store._connection() as connection:
        for where in ("workload = 'news'", "workload = 'news' AND client = 'desk'"):
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT timestamp, id, body FROM record WHERE {where}"
                " AND (timestamp, id) < (9e9, 0) ORDER BY timestamp DESC, id DESC LIMIT 5"
            ).fetchall()
            steps = " ".join(row[3] for row in plan)
            assert "USING INDEX newest" in steps
            assert "TEMP B-TREE" not in steps


def append_in_a_process(path: Path, first: int, barrier: object) -> None:
    import asyncio

    async def main() -> None:
        barrier.wait()  # type: ignore[attr-defined]
        store = LocalLogStore(path)
        for start in range(first, first + 600, 50):
            await store.append([stored(n) for n in range(start, start + 50)])

    asyncio.run(main())


async def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"  # made by whoever comes first
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [
        context.Process(target=append_in_a_process, args=(path, first, barrier))
        for first in (0, 300, 600)  # each shares half of its records with the next
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert await store_count(path) == 1200


async def store_count(path: Path) -> int:
    return await LocalLogStore(path).count(Selection(workload_id="news"))


async def test_a_file_that_is_no_log_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    path.write_bytes(b"this is not a database, not at all" * 100)
    store = LocalLogStore(path)
    for call in (store.ping(), store.workloads(), store.append([stored(1)])):
        with pytest.raises(
            UnavailableError, match="cannot be used: file is not a database"
        ) as caught:
            await call
        assert str(path) in caught.value.message
        assert "FLYWHEEL_HOME" in caught.value.hint


async def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be used"):
        await LocalLogStore(tmp_path / "file" / "logs.db").count(Selection(workload_id="news"))


async def test_no_file_stays_open(store: LocalLogStore) -> None:
    await store.append([stored(n) for n in range(10)])
    await bodies(store, Selection(workload_id="news"), batch_size=3)
    assert open_logs() == []


def open_logs() -> list[str]:
    """The files of the log that this process holds open."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own handle is gone by now
            names.append(entry.readlink().name)
    return [name for name in names if "logs.db" in name]
