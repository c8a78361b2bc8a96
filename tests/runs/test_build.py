"""From the log to train, val and eval: real files, real log."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.datasets.normalise import near_key
from flywheel.errors import DataError, UnavailableError
from flywheel.ports.logs import Selection
from flywheel.records import record_id
from flywheel.runs.build import BuiltDatasets, build_datasets
from flywheel.service.logs import import_files, write_sample
from flywheel.settings import DataSplitConfig, EvaluationConfig
from tests.support.records import answer, call_record, real_file, record, write_lines

NEWS = Selection(workload_id="news")
LABELS = ("Earnings", "Legal", "M&A | Investments")


def headlines(records: int = 120) -> list[dict[str, Any]]:
    return [record(f"headline {n}", LABELS[n % 3], n) for n in range(records)]


async def built(
    folder: Path,
    lines: Sequence[dict[str, Any]],
    selection: Selection = NEWS,
    *,
    seed: int = 1,
    workload_type: str = "auto",
    on_progress: Any = lambda _percent, _message: None,
    **split: Any,
) -> BuiltDatasets:
    store = LocalLogStore(folder / "logs.db")
    await import_files(store, [write_lines(folder / "log.jsonl", *lines)], reject_dir=folder)
    return await build_datasets(
        store,
        selection,
        DataSplitConfig.model_validate({"eval_size": 30, **split}),
        EvaluationConfig.model_validate({"workload_type": workload_type}),
        seed,
        folder / "datasets",
        on_progress,
    )


def lines_of(done: BuiltDatasets, name: str) -> list[dict[str, Any]]:
    (file,) = [file for file in done.files if file.name == name]
    assert file.digest == sha256(file.path.read_bytes()).hexdigest()
    lines = [orjson.loads(line) for line in file.path.read_bytes().splitlines()]
    assert len(lines) == file.num_records
    return lines


def asked(line: dict[str, Any]) -> str:
    """What a line of any of the files asks: the key of its messages but the system's."""
    messages = line["request"]["messages"] if "request" in line else line["messages"][:-1]
    tools = line["request"].get("tools") if "request" in line else line.get("tools")
    parts = [(m["role"], near_key(str(m["content"]))) for m in messages if m["role"] != "system"]
    return repr((parts, sorted(tool["function"]["name"] for tool in tools or ())))


# --- the files --------------------------------------------------------------------------------


async def test_three_files_in_the_formats_of_customizer_and_evaluator(tmp_path: Path) -> None:
    lines = headlines()
    for line in lines:
        line["request"]["messages"].insert(0, {"role": "system", "content": "Classify."})
        line["response"]["choices"][0]["message"]["refusal"] = None

    done = await built(tmp_path, lines, val_ratio=0.2)

    train, val, held_out = (lines_of(done, name) for name in ("train", "val", "eval"))
    assert (len(train), len(val), len(held_out)) == (72, 18, 30)
    for line in (*train, *val):
        assert list(line) == ["messages"]
        assert [m["role"] for m in line["messages"]] == ["system", "user", "assistant"]
        assert set(line["messages"][-1]) == {"role", "content"}
    by_id = {record_id(line): line for line in lines}
    for line in held_out:
        logged = by_id[line["id"]]
        assert line["request"] == logged["request"]
        assert line["response"] == logged["response"]
        assert line["response"]["choices"][0]["message"]["content"] == f"[[[{line['label']}]]]"
    assert len({asked(line) for line in (*train, *val, *held_out)}) == 120


async def test_the_report_counts_what_is_in_the_files(tmp_path: Path) -> None:
    done = await built(tmp_path, headlines())

    report = done.report
    assert (report.workload_type, report.seed, report.notes) == ("classification", 1, [])
    assert (report.read, report.usable) == (120, 120)
    assert (report.eval, report.train, report.val) == (30, 81, 9)
    in_eval = Counter(line["label"] for line in lines_of(done, "eval"))
    assert list(report.classes) == sorted(LABELS)  # as frequent as each other: by name
    for label, counts in report.classes.items():
        assert counts.usable == counts.eval + counts.train + counts.val == 40
        assert counts.eval == in_eval[label] == 10


async def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = await built(folder, headlines(), seed=seed)
        digests.append([file.digest for file in done.files])
    assert digests[0] == digests[1] != digests[2]


async def test_the_newest_records_of_one_client(tmp_path: Path) -> None:
    lines = headlines(200)
    for line in lines[::2]:
        line["client_id"] = "other"
    done = await built(tmp_path, lines, Selection(workload_id="news", client_id="other", limit=60))
    assert done.report.read == 60
    texts = {
        int(asked(line).split("headline")[1].split("'")[0]) for line in lines_of(done, "train")
    }
    assert min(texts) >= 80
    assert all(number % 2 == 0 for number in texts)


async def test_progress_rises_to_a_hundred(tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []
    await built(tmp_path, headlines(), on_progress=lambda *said: seen.append(said))
    assert [percent for percent, _ in seen] == sorted(percent for percent, _ in seen)
    assert seen[0] == (70.0, "120 records read")
    assert seen[-1] == (100.0, "written")


# --- what is left out -------------------------------------------------------------------------


async def test_only_one_of_a_group_of_near_duplicates_is_kept_the_newest(tmp_path: Path) -> None:
    variants = ["Same  Headline!", "same headline", "Same Headline https://t.co/x", "same headline"]
    extra = [record(text, "Legal", 1000 + n) for n, text in enumerate(variants)]
    extra.append(record("SAME HEADLINE", "Earnings", 2000))
    newest = "Same Headline https://t.co/x"  # of those with the label that most of them have
    extra[2]["timestamp"] += 5

    done = await built(tmp_path, [*headlines(), *extra])

    report = done.report
    assert (report.read, report.usable) == (125, 121)
    assert (report.duplicates, report.near_duplicates, report.conflicting) == (1, 3, 1)
    everything = [line for name in ("train", "val", "eval") for line in lines_of(done, name)]
    texts = [str(line) for line in everything if "same headline" in str(line).lower()]
    assert len(texts) == 1
    assert newest in texts[0]
    assert "Legal" in texts[0]


async def test_records_differ_by_the_whole_conversation_but_not_by_the_system_prompt(
    tmp_path: Path,
) -> None:
    def conversation(number: int, *messages: tuple[str, str]) -> dict[str, Any]:
        made = record(number=number, label="Legal")
        made["request"]["messages"] = [{"role": r, "content": c} for r, c in messages]
        return made

    first = conversation(1000, ("system", "One."), ("user", "And now?"))
    same = conversation(1001, ("system", "Two."), ("user", "and now"))
    longer = conversation(1002, ("user", "Hello"), ("assistant", "Yes?"), ("user", "And now?"))
    swapped = conversation(1003, ("assistant", "And now?"))

    newer = conversation(1004, ("developer", "Three."), ("user", "And now?!"))

    report = (await built(tmp_path, [*headlines(), first, same, longer, swapped, newer])).report
    assert (report.usable, report.near_duplicates) == (123, 2)


async def test_records_without_a_readable_label_are_dropped_and_counted(tmp_path: Path) -> None:
    silent = [record(f"silent {n}", number=500 + n) for n in range(7)]
    for line in silent:
        line["response"] = answer("I cannot say what this is.")
    bare = record("bare", number=600)
    bare["response"] = answer("Legal")
    wordy = record("wordy", number=601)
    wordy["response"] = answer("Not [[[Legal]]] but\n[[[m&a |  investments]]]")

    done = await built(tmp_path, [*headlines(), *silent, bare, wordy])

    assert (done.report.unlabeled, done.report.usable) == (7, 122)
    assert set(done.report.classes) == set(LABELS)
    assert done.report.classes["Legal"].usable == 41
    assert done.report.classes["M&A | Investments"].usable == 41


async def test_records_that_are_no_exchange_are_counted_by_reason(tmp_path: Path) -> None:
    """They cannot come in by an import; another program may have written them."""
    store = LocalLogStore(tmp_path / "logs.db")
    await built(tmp_path, headlines())
    with store._connection() as connection:
        for n, body in enumerate((b"{}", b"not json", orjson.dumps({**record(), "response": {}}))):
            connection.execute(
                "INSERT INTO record (record_id, timestamp, workload, client, answer, body)"
                " VALUES (?, ?, 'news', 'desk', '', ?)",
                (str(n), n, body),
            )
    report = (await built(tmp_path, headlines())).report
    assert (report.read, report.invalid, report.usable) == (123, 3, 120)
    assert report.invalid_reasons["response.choices is missing"] == 1
    assert report.invalid_reasons["timestamp is missing"] == 1


# --- tool calling -----------------------------------------------------------------------------


def calls(records: int = 90) -> list[dict[str, Any]]:
    tools = (("search",), ("book",), ("search", "book"))
    return [
        call_record(f"question {n}", *tools[n % 3], number=n, arguments=f'{{"n": {n}}}')
        for n in range(records)
    ]


async def test_tool_calls_are_split_by_the_tools_called(tmp_path: Path) -> None:
    done = await built(tmp_path, [*calls(), *headlines(20)])

    report = done.report
    assert (report.workload_type, report.wrong_type, report.usable) == ("tool_calling", 20, 90)
    assert set(report.classes) == {"search", "book", "book+search"}
    line = lines_of(done, "train")[0]
    assert list(line) == ["messages", "tools"]
    assert [tool["function"]["name"] for tool in line["tools"]] == ["search", "book", "cancel"]
    arguments = line["messages"][-1]["tool_calls"][0]["function"]["arguments"]
    assert arguments == {"n": int(line["messages"][0]["content"].split()[1])}
    held_out = lines_of(done, "eval")[0]
    message = held_out["response"]["choices"][0]["message"]
    assert isinstance(message["tool_calls"][0]["function"]["arguments"], dict)


async def test_arguments_stay_text_where_that_is_wanted(tmp_path: Path) -> None:
    lines = [*calls(), call_record("odd", "search", number=900, arguments="not json")]
    done = await built(tmp_path, lines, parse_function_arguments=False)
    assert done.report.usable == 91
    line = lines_of(done, "train")[0]
    assert line["messages"][-1]["tool_calls"][0]["function"]["arguments"].startswith('{"n": ')


@pytest.mark.parametrize("arguments", ["not json", "[1]", "", '"text"'])
async def test_arguments_that_are_no_object_are_invalid(tmp_path: Path, arguments: str) -> None:
    odd = call_record("odd", "search", number=900, arguments=arguments)
    report = (await built(tmp_path, [*calls(), odd])).report
    assert (report.invalid, report.usable) == (1, 90)
    assert report.invalid_reasons == {"the arguments of a tool call are no JSON object": 1}


async def test_the_same_question_with_other_tools_is_another_question(tmp_path: Path) -> None:
    one = call_record("twice", "search", number=900)
    other = call_record("twice", "search", number=901)
    other["request"]["tools"] = other["request"]["tools"][:2]
    again = call_record("Twice?", "search", number=902)
    report = (await built(tmp_path, [*calls(), one, other, again])).report
    assert (report.usable, report.near_duplicates, report.conflicting) == (92, 1, 0)


async def test_earlier_calls_in_the_conversation_are_parsed_in_training_lines(
    tmp_path: Path,
) -> None:
    lines = calls()
    for line in lines:
        earlier = line["response"]["choices"][0]["message"]
        line["request"]["messages"] += [
            {**earlier, "tool_calls": [
                {**earlier["tool_calls"][0], "function": {"name": "search", "arguments": text}}
            ]}
            for text in ('{"q": 1}', "broken")
        ]  # fmt: skip
    done = await built(tmp_path, lines)
    message = lines_of(done, "train")[0]["messages"]
    assert message[1]["tool_calls"][0]["function"]["arguments"] == {"q": 1}
    assert message[2]["tool_calls"][0]["function"]["arguments"] == "broken"
    request = lines_of(done, "eval")[0]["request"]  # exactly as it was asked
    assert request["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"q": 1}'


@pytest.mark.parametrize(
    ("workload_type", "usable", "wrong"), [("classification", 120, 90), ("tool_calling", 90, 120)]
)
async def test_the_type_can_be_said(
    tmp_path: Path, workload_type: str, usable: int, wrong: int
) -> None:
    lines = [*headlines(), *calls()]
    report = (await built(tmp_path, lines, workload_type=workload_type)).report
    assert (report.usable, report.wrong_type) == (usable, wrong)
    assert report.workload_type == workload_type


# --- the teacher ------------------------------------------------------------------------------


async def test_the_teacher_is_measured_where_the_log_says_something(tmp_path: Path) -> None:
    lines = headlines()
    for number, line in enumerate(lines):
        line["response"]["model"] = "teacher-b" if number < 30 else "teacher-a"
        if number % 2:
            line["response"]["usage"] = {"prompt_tokens": 10, "completion_tokens": number}
            line["latency_seconds"] = 0.5
    teacher = (await built(tmp_path, lines)).report.teacher
    assert teacher.model_name == "teacher-a"
    assert (teacher.input_tokens, teacher.output_tokens, teacher.seconds) == (10, 60, 0.5)


async def test_a_log_that_says_nothing_gives_no_numbers(tmp_path: Path) -> None:
    teacher = (await built(tmp_path, headlines())).report.teacher
    assert teacher.model_name == "big"  # from the request
    assert (teacher.input_tokens, teacher.output_tokens, teacher.seconds) == (None, None, None)


# --- when it cannot be done -------------------------------------------------------------------


async def refused(folder: Path, lines: Sequence[dict[str, Any]], **more: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        await built(folder, lines, **more)
    assert caught.value.hint
    assert not (folder / "datasets").exists()
    return caught.value


async def test_an_unknown_workload(tmp_path: Path) -> None:
    error = await refused(tmp_path, headlines(), selection=Selection(workload_id="nws"))
    assert error.message == "The log holds no records of workload 'nws'."
    error = await refused(
        tmp_path, headlines(), selection=Selection(workload_id="news", client_id="me")
    )
    assert error.message == "The log holds no records of workload 'news' from client 'me'."


async def test_too_few_usable_records_says_where_the_others_went(tmp_path: Path) -> None:
    silent = [record(f"silent {n}", number=500 + n) for n in range(30)]
    for line in silent:
        line["response"] = answer("Hm.")
    lines = [*headlines(20), *silent, record("headline 1!", LABELS[1], number=900), *calls(4)]
    error = await refused(tmp_path, lines)
    assert error.message == (
        "Only 20 of 55 records are usable; at least 50 are needed (4 of another type than "
        "classification, 30 without a readable label, 1 duplicate)."
    )


async def test_only_one_label(tmp_path: Path) -> None:
    lines = [record(f"text {n}", "Legal", n) for n in range(60)]
    error = await refused(tmp_path, lines)
    assert error.message.startswith("All 60 usable records have the same label")


async def test_a_log_with_nothing_valid_in_it(tmp_path: Path) -> None:
    lines = [call_record(f"q {n}", "search", number=n, arguments="broken") for n in range(60)]
    error = await refused(tmp_path, lines)
    assert error.message.startswith("Only 0 of 60 records are usable; at least 50 are needed (60 ")


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    await built(tmp_path, headlines())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="The datasets cannot be written to"):
        await build_datasets(
            LocalLogStore(tmp_path / "logs.db"),
            NEWS,
            DataSplitConfig(),
            EvaluationConfig(),
            1,
            tmp_path / "file" / "datasets",
            lambda _percent, _message: None,
        )


async def test_a_second_build_replaces_the_first(tmp_path: Path) -> None:
    await built(tmp_path, headlines())
    (tmp_path / "datasets" / "left-over").write_text("")
    (tmp_path / "datasets.part").mkdir()
    (tmp_path / "datasets.part" / "train.jsonl").write_text("half")
    done = await built(tmp_path, headlines())
    names = sorted(path.name for path in (tmp_path / "datasets").iterdir())
    assert names == ["eval.jsonl", "train.jsonl", "val.jsonl"]
    assert not (tmp_path / "datasets.part").exists()
    assert len(lines_of(done, "eval")) == 30


KILLED = """
import asyncio, sys, time
from pathlib import Path
from flywheel.adapters.local_logs import LocalLogStore
from flywheel.ports.logs import Selection
from flywheel.runs.build import build_datasets
from flywheel.settings import DataSplitConfig, EvaluationConfig

folder = Path(sys.argv[1])

def say(percent, message):
    if sys.argv[2] in message:
        print("here", flush=True)
        time.sleep(60)  # until it is killed

asyncio.run(build_datasets(LocalLogStore(folder / "logs.db"), Selection(workload_id="news"),
    DataSplitConfig(eval_size=30), EvaluationConfig(), 1, folder / "datasets", say))
"""


@pytest.mark.parametrize("moment", ["records read", "splitting"])
async def test_a_killed_build_leaves_nothing_half_done(tmp_path: Path, moment: str) -> None:
    expected = await built(tmp_path, headlines(6000))
    for path in (tmp_path / "datasets").iterdir():
        path.unlink()
    (tmp_path / "datasets").rmdir()

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(tmp_path), moment), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"here\n"
    process.kill()
    await asyncio.wait_for(process.wait(), 30)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "datasets").exists()

    again = await built(tmp_path, headlines(6000))
    assert [file.digest for file in again.files] == [file.digest for file in expected.files]


# --- properties and the real logs -------------------------------------------------------------


def check(done: BuiltDatasets, total: int) -> None:
    """What holds for any log."""
    report = done.report
    sets = [lines_of(done, name) for name in ("train", "val", "eval")]
    keys = [asked(line) for lines in sets for line in lines]
    assert report.groups is not None
    assert report.conflicts is not None
    in_sets = report.usable - report.groups.set_aside
    assert len(keys) == len(set(keys)) == in_sets  # so no near-duplicate straddles
    assert report.read == total
    left_out = report.invalid + report.wrong_type + report.unlabeled + report.conflicts.dropped
    assert report.usable == total - left_out - report.duplicates - report.near_duplicates
    assert in_sets == report.train + report.val + report.eval
    assert report.usable == sum(counts.usable for counts in report.classes.values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Rise", "rise!", "RISE https://t.co/1", "fall", "Fall ", "flat"]),
            st.sampled_from(["A", "B", "a", "C | D", "", "both"]),
            st.integers(0, 12),
        ),
        max_size=60,
    ),
    st.integers(0, 99),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_near_duplicate_straddles_and_every_record_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str, int]], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("build")
    lines = [record(f"{text} {word}", label, n) for n, (text, label, word) in enumerate(drawn)]
    lines += [record(f"base {n}", "AB"[n % 2], 500 + n) for n in range(20)]
    done = asyncio.run(built(folder, lines, seed=seed, eval_size=8, min_total_records=2))
    check(done, len({record_id(line) for line in lines}))


@pytest.mark.parametrize(
    ("name", "workload", "kind", "usable", "macro"),
    [
        ("news_topics.jsonl.gz", "news_topics", "classification", 18_000, 20),
        ("news_sentiment.jsonl.gz", "news_sentiment", "classification", 10_000, 3),
        ("tool_calls_bfcl.jsonl.gz", "tool_simple_python", "tool_calling", 100, 2),
    ],
)
async def test_real_logs(
    tmp_path: Path, name: str, workload: str, kind: str, usable: int, macro: int
) -> None:
    store = LocalLogStore(tmp_path / "logs.db")
    await import_files(store, [real_file(name)], reject_dir=tmp_path)
    selection = Selection(workload_id=workload)
    done = await build_datasets(
        store,
        selection,
        DataSplitConfig(eval_size=100),
        EvaluationConfig(),
        7,
        tmp_path / "datasets",
        lambda _percent, _message: None,
    )
    check(done, await store.count(selection))
    assert done.report.workload_type == kind
    assert done.report.usable > usable
    assert len(done.report.classes) >= macro


async def test_the_sample_makes_datasets(tmp_path: Path) -> None:
    await write_sample(tmp_path / "sample.jsonl", records=3000)
    store = LocalLogStore(tmp_path / "logs.db")
    await import_files(store, [tmp_path / "sample.jsonl"], reject_dir=tmp_path)
    done = await build_datasets(
        store,
        Selection(workload_id="news_classifier"),
        DataSplitConfig(eval_size=300),
        EvaluationConfig(),
        7,
        tmp_path / "datasets",
        lambda _percent, _message: None,
    )
    check(done, 3000)
    report = done.report
    assert len(report.classes) == 13
    assert min(counts.eval for counts in report.classes.values()) >= 1
    assert report.near_duplicates > 50
    assert report.unlabeled > 5
    assert report.teacher.model_name == "meta/llama-3.3-70b-instruct"
    assert report.teacher.seconds is not None
