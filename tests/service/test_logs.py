"""Bringing records in: every line is added, known already, or rejected with its reason."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.errors import FlywheelError, InvalidInputError, UnavailableError
from flywheel.ports.logs import Selection
from flywheel.service import logs
from flywheel.service.logs import ImportReport, import_files, write_sample
from tests.support.records import call_record, real_file, record, write_lines

NEWS = Selection(workload_id="news")


@pytest.fixture
def store(tmp_path: Path) -> LocalLogStore:
    return LocalLogStore(tmp_path / "logs.db")


async def brought_in(store: LocalLogStore, *files: Path, **more: Any) -> ImportReport:
    return await import_files(store, files, reject_dir=files[0].parent / "rejects", **more)


async def stored(store: LocalLogStore, selection: Selection = NEWS) -> list[dict[str, Any]]:
    return [orjson.loads(body) async for batch in store.stream(selection) for body in batch]


def rejected(report: ImportReport) -> list[dict[str, Any]]:
    assert report.reject_file is not None
    return [orjson.loads(line) for line in report.reject_file.read_bytes().splitlines()]


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "gzip-without-the-ending"])
async def test_plain_and_gzip_files(tmp_path: Path, store: LocalLogStore, name: str) -> None:
    lines = [record(f"text {n}", number=n) for n in range(10)]
    path = write_lines(tmp_path / name, *lines)
    if "ending" in name:
        path.write_bytes(gzip.compress(path.read_bytes()))

    report = await brought_in(store, path)

    assert (report.files, report.read, report.added) == (1, 10, 10)
    assert (report.already_there, report.rejected, report.reasons) == (0, 0, {})
    assert report.reject_file is None
    assert not (tmp_path / "rejects").exists()
    assert report.seconds > 0
    assert await stored(store) == lines[::-1]


async def test_importing_again_adds_nothing(tmp_path: Path, store: LocalLogStore) -> None:
    lines = [record(f"text {n}", number=n) for n in range(10)]
    path = write_lines(tmp_path / "log.jsonl", *lines)
    longer = write_lines(tmp_path / "longer.jsonl", *lines, record("new", number=10))
    await brought_in(store, path)

    again = await brought_in(store, path)
    assert (again.read, again.added, again.already_there) == (10, 0, 10)
    mixed = await brought_in(store, path, longer)
    assert (mixed.files, mixed.read, mixed.added, mixed.already_there) == (2, 21, 1, 20)
    assert await store.count(NEWS) == 11


async def test_the_same_record_in_another_order_of_keys_is_there_already(
    tmp_path: Path, store: LocalLogStore
) -> None:
    one = record()
    other = dict(reversed(list(one.items())))
    report = await brought_in(store, write_lines(tmp_path / "log.jsonl", one, other))
    assert (report.added, report.already_there) == (1, 1)


async def test_workload_and_client_can_be_given(tmp_path: Path, store: LocalLogStore) -> None:
    bare = record()
    del bare["workload_id"], bare["client_id"]
    path = write_lines(tmp_path / "log.jsonl", bare, record("other"))

    report = await brought_in(store, path, workload_id="given", client_id="me")

    assert (report.added, report.rejected) == (2, 0)
    found = await stored(store, Selection(workload_id="given", client_id="me"))
    assert {(row["workload_id"], row["client_id"]) for row in found} == {("given", "me")}


async def test_what_an_answer_holds_is_stored_beside_it(
    tmp_path: Path, store: LocalLogStore
) -> None:
    text = record("text")
    text["response"]["choices"][0]["message"]["content"] = "No idea."
    await brought_in(
        store,
        write_lines(
            tmp_path / "log.jsonl",
            record("a", "Legal"),
            record("b", "Legal"),
            call_record("c", "search", "book"),
            text,
        ),
    )
    (summary,) = await store.workloads()
    assert summary.records == 4
    assert summary.answers == {"Legal": 2, "book+search": 1}


async def test_bad_lines_go_to_a_file_and_stop_nothing(
    tmp_path: Path, store: LocalLogStore
) -> None:
    late = record("late")
    late["timestamp"] = 1_760_000_000_000
    silent = record("silent")
    del silent["response"]
    path = write_lines(
        tmp_path / "log.jsonl",
        record("first"),
        b"{broken",
        b"",
        late,
        silent,
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe not utf-8",
        late | {"timestamp": 1_760_000_000_001},
        b"   ",
        record("last"),
    )

    report = await brought_in(store, path)

    assert (report.read, report.added, report.rejected) == (9, 2, 7)
    seconds = "timestamp must be a number of epoch seconds (these look like milliseconds)"
    assert report.reasons[seconds] == 2
    assert report.reasons["response is missing"] == 1
    assert report.reasons["the line is not a JSON object"] == 2
    assert sum(report.reasons.values()) == 7
    assert next(iter(report.reasons.values())) == 2  # the most frequent first
    lines = rejected(report)
    assert [line["line"] for line in lines] == [2, 4, 5, 6, 7, 8, 9]
    assert {line["file"] for line in lines} == {str(path)}
    assert lines[0]["reason"].startswith("it is not valid JSON: ")
    assert lines[0]["text"] == "{broken"
    assert orjson.loads(lines[1]["text"]) == late
    assert lines[1]["reason"] == f"{seconds}, not 1760000000000"


async def test_a_huge_bad_line_is_kept_in_part(tmp_path: Path, store: LocalLogStore) -> None:
    path = write_lines(tmp_path / "log.jsonl", b"x" * 3_000_000, record())
    report = await brought_in(store, path)
    (line,) = rejected(report)
    assert (report.added, report.rejected) == (1, 1)
    assert line["bytes"] == 3_000_000
    assert line["text"] == "x" * logs.REJECTED_CHARACTERS


async def test_a_file_without_line_breaks_does_not_fill_the_memory(
    tmp_path: Path, store: LocalLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LONGEST_LINE", 2_000_000)
    path = write_lines(
        tmp_path / "log.jsonl", record("a"), b"x" * 7_000_001, record("b"), b"y" * 2_000_000
    )
    report = await brought_in(store, path)
    assert (report.read, report.added, report.rejected) == (4, 2, 2)
    assert report.reasons == {"the line is longer than 2 MB": 2}
    assert [line["line"] for line in rejected(report)] == [2, 4]


async def test_two_imports_write_two_reject_files(tmp_path: Path, store: LocalLogStore) -> None:
    path = write_lines(tmp_path / "log.jsonl", b"broken")
    one, other = await brought_in(store, path), await brought_in(store, path)
    assert one.reject_file != other.reject_file


async def test_a_byte_order_mark_is_no_fault(tmp_path: Path, store: LocalLogStore) -> None:
    path = write_lines(tmp_path / "log.jsonl", b"\xef\xbb\xbf" + orjson.dumps(record()))
    assert (await brought_in(store, path)).added == 1


async def test_progress_goes_from_nothing_to_all(tmp_path: Path, store: LocalLogStore) -> None:
    files = [
        write_lines(tmp_path / name, *(record(f"{name} {n}", number=n) for n in range(9000)))
        for name in ("one.jsonl", "two.jsonl.gz")
    ]
    seen: list[tuple[int, int]] = []
    await brought_in(store, *files, on_progress=lambda done, total: seen.append((done, total)))

    total = sum(path.stat().st_size for path in files)
    assert {of for _, of in seen} == {total}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({done for done, _ in seen}) >= 3
    assert seen[-1] == (total, total)


# --- files that cannot be read ----------------------------------------------------------------


async def refused(store: LocalLogStore, path: Path) -> FlywheelError:
    with pytest.raises(FlywheelError) as caught:
        await brought_in(store, path)
    assert caught.value.hint
    return caught.value


async def test_a_missing_file(tmp_path: Path, store: LocalLogStore) -> None:
    error = await refused(store, tmp_path / "no.jsonl")
    assert error.message == f"{tmp_path / 'no.jsonl'} does not exist."
    assert isinstance(error, InvalidInputError)


async def test_a_folder(tmp_path: Path, store: LocalLogStore) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert (await refused(store, folder)).message == f"{folder} is a folder."


async def test_a_file_that_is_only_called_gzip(tmp_path: Path, store: LocalLogStore) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(b"not compressed at all")
    error = await refused(store, path)
    assert error.message == f"{path} is not a gzip file, though its name says so."


async def test_a_file_below_a_file(tmp_path: Path, store: LocalLogStore) -> None:
    (tmp_path / "file").write_text("")
    error = await refused(store, tmp_path / "file" / "log.jsonl")
    assert "file/log.jsonl" in error.message


@pytest.mark.parametrize("harm", ["cut", "changed"])
async def test_of_a_damaged_gzip_file_the_lines_before_the_damage_count(
    tmp_path: Path, store: LocalLogStore, harm: str
) -> None:
    path = write_lines(
        tmp_path / "log.jsonl.gz", *(record(f"text {n * n}", number=n) for n in range(20_000))
    )
    whole = path.read_bytes()
    middle = len(whole) * 3 // 4
    path.write_bytes(
        whole[:middle] if harm == "cut" else whole[:middle] + b"\x00" * 50 + whole[middle + 50 :]
    )

    error = await refused(store, path)

    assert error.message.startswith(f"{path} is a damaged gzip file: ")
    assert "before the damage are imported" in error.hint
    assert 10_000 < await store.count(NEWS) < 20_000


async def test_a_reject_folder_that_cannot_be_made(tmp_path: Path, store: LocalLogStore) -> None:
    path = write_lines(tmp_path / "log.jsonl", b"broken")
    with pytest.raises(UnavailableError, match="Rejected lines cannot be written"):
        await import_files(store, [path], reject_dir=path / "rejects")


# --- the sample and the real files ------------------------------------------------------------


@pytest.mark.parametrize("name", ["sample.jsonl", "sample.jsonl.gz"])
async def test_the_sample_can_be_imported(tmp_path: Path, store: LocalLogStore, name: str) -> None:
    path = tmp_path / "new folder" / name
    await write_sample(path, records=500, seed=3)
    report = await brought_in(store, path)
    assert (report.read, report.added, report.rejected) == (500, 500, 0)
    (summary,) = await store.workloads()
    assert (summary.workload_id, summary.client_id) == ("news_classifier", "demo-newsdesk")


async def test_the_same_sample_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        await write_sample(tmp_path / name, records=200, seed=3)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


async def test_a_sample_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be written: Is a directory"):
        await write_sample(tmp_path, records=200)


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("news_topics.jsonl.gz", 21_107),
        ("news_sentiment.jsonl.gz", 11_931),
        ("tool_calls_bfcl.jsonl.gz", 2_170),
    ],
)
async def test_real_logs(tmp_path: Path, store: LocalLogStore, name: str, records: int) -> None:
    path = real_file(name)
    report = await import_files(store, [path], reject_dir=tmp_path)
    assert (report.read, report.added, report.rejected) == (records, records, 0)
