"""Data that does not flatter: groups, contradicting labels, time, frozen sets, planned sizes."""

import random
import string
from pathlib import Path
from typing import Any

import orjson
import pytest

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.clock import from_epoch, utc_now
from flywheel.datasets.report import FrozenUse
from flywheel.decisions.sizing import SizePlan
from flywheel.errors import DataError
from flywheel.runs.build import BuiltDatasets, FrozenFile, build_datasets
from flywheel.service.logs import import_files
from flywheel.settings import DataSplitConfig, EvaluationConfig
from tests.runs.test_build import LABELS, NEWS, lines_of
from tests.support.records import START, answer, record, write_lines


def sentence(number: int) -> str:
    """Sentences that are not alike."""
    letters = random.Random(number).choices(string.ascii_lowercase, k=60)
    return " ".join("".join(letters[i : i + 6]) for i in range(0, 60, 6))


def distinct_lines(records: int = 200) -> list[dict[str, Any]]:
    return [record(sentence(n), LABELS[n % 3], n) for n in range(records)]


async def build(folder: Path, lines: list[dict[str, Any]], **more: Any) -> BuiltDatasets:
    """`more`: of build_datasets where it has it, else of the split's settings."""
    given = {k: more.pop(k) for k in ("frozen", "size_plan", "known") if k in more}
    evaluation = EvaluationConfig(workload_type=more.pop("workload_type", "auto"))
    store = LocalLogStore(folder / "logs.db")
    log = write_lines(folder.parent / f"{folder.name}.jsonl", *lines)
    await import_files(store, [log], reject_dir=folder)
    return await build_datasets(
        store,
        NEWS,
        DataSplitConfig.model_validate({"eval_size": 40, **more}),
        evaluation,
        1,
        folder / "datasets",
        lambda _percent, _message: None,
        **given,
    )


def texts_of(done: BuiltDatasets, name: str) -> set[str]:
    return {
        (line["request"] if name == "eval" else line)["messages"][0]["content"]
        for line in lines_of(done, name)
    }


def rows_of(path: str | None) -> list[dict[str, Any]]:
    assert path is not None
    return [orjson.loads(line) for line in Path(path).read_bytes().splitlines()]


def frozen_file(done: BuiltDatasets, in_force: bool = True) -> FrozenFile:
    (file,) = [file for file in done.files if file.name == "eval"]
    use = FrozenUse(digest=file.digest, run_id="r-1", frozen_at=utc_now(), frozen_by="ann")
    return FrozenFile(path=file.path, use=use, in_force=in_force)


# --- groups -------------------------------------------------------------------------------------


async def test_texts_that_nearly_repeat_each_other_are_on_one_side(tmp_path: Path) -> None:
    lines = distinct_lines()
    for n in range(0, 120, 2):
        lines.append(record(f"{sentence(n)} update", LABELS[n % 3], 1000 + n))
    done = await build(tmp_path, lines)
    report = done.report
    assert report.groups is not None
    assert report.groups.model_dump() == {
        "threshold": 0.8, "groups": 60, "records": 120, "largest": 2,
        "set_aside": report.usable - report.eval - report.train - report.val,
    }  # fmt: skip
    held_out = texts_of(done, "eval")
    assert len(held_out) == report.eval == 40
    trained = texts_of(done, "train") | texts_of(done, "val")
    pairs = 0
    for text in held_out:
        other = text.removesuffix(" update") if text.endswith(" update") else f"{text} update"
        pairs += other in {line["request"]["messages"][0]["content"] for line in lines}
        assert other not in trained | held_out
    assert report.groups.set_aside == pairs > 0

    loose = (await build(tmp_path / "loose", lines, near_duplicate_threshold=None)).report
    assert loose.groups is None
    assert loose.usable == loose.eval + loose.train + loose.val


async def test_a_large_group_deserves_a_word(tmp_path: Path) -> None:
    lines = distinct_lines(100)
    lines += [record(f"the very same long sentence again {n}", "Legal", 500 + n) for n in range(30)]
    notes = (await build(tmp_path, lines)).report.notes
    assert any(note.startswith("30 records nearly repeat each other") for note in notes)


# --- contradicting labels -----------------------------------------------------------------------


async def test_the_majority_decides_else_nobody_does(tmp_path: Path) -> None:
    lines = distinct_lines()
    for n, label in enumerate(("Legal", "Legal", "Earnings")):
        lines.append(record("A settled text", label, 1000 + n))
    for n, label in enumerate(("Legal", "Earnings")):
        lines.append(record("An open text" + "!" * n, label, 2000 + n))
    for n in range(2):
        lines.append(record("An agreed text" + "!" * n, "Legal", 3000 + n))
    done = await build(tmp_path, lines)

    report = done.report
    assert report.conflicts is not None
    assert report.repeats is not None
    assert report.conflicts.model_dump(exclude={"listed_in"}) == {
        "texts": 2, "records": 5, "kept": 1, "dropped": 2, "share": 5 / 207,
    }  # fmt: skip
    assert report.repeats.model_dump(exclude={"agreement"}) == {
        "texts": 3, "alike": 1, "records": 7, "majority": 5,
    }  # fmt: skip
    assert rows_of(report.conflicts.listed_in) == [
        {"text": "An open text!", "labels": {"Earnings": 1, "Legal": 1}, "kept": None},
        {"text": "A settled text", "labels": {"Legal": 2, "Earnings": 1}, "kept": "Legal"},
    ]
    everything = texts_of(done, "train") | texts_of(done, "val") | texts_of(done, "eval")
    assert "A settled text" in everything
    assert not any(text.startswith("An open text") for text in everything)


async def test_without_contradictions_there_is_no_list(tmp_path: Path) -> None:
    done = await build(tmp_path, distinct_lines())
    assert done.report.conflicts is not None
    assert done.report.conflicts.listed_in is None
    assert not (tmp_path / "datasets" / "conflicts.jsonl").exists()


# --- the baseline, time, free text --------------------------------------------------------------


async def test_always_the_most_frequent_label(tmp_path: Path) -> None:
    labels = ["Legal"] * 6 + ["Earnings"] * 3 + ["Merger"]
    lines = [record(sentence(n), labels[n % 10], n) for n in range(200)]
    done = await build(tmp_path, lines)
    from sklearn.metrics import accuracy_score, f1_score

    expected = [line["label"] for line in lines_of(done, "eval")]
    answered = ["Legal"] * len(expected)
    baseline = done.report.baseline
    assert baseline is not None
    assert baseline.label == "Legal"
    assert baseline.accuracy == pytest.approx(accuracy_score(expected, answered))
    macro = f1_score(expected, answered, average="macro", zero_division=0.0)
    assert baseline.macro_f1 == pytest.approx(macro)


async def test_the_newest_records_are_held_out(tmp_path: Path) -> None:
    done = await build(tmp_path, distinct_lines(), holdout="time")
    assert texts_of(done, "eval") == {sentence(n) for n in range(160, 200)}
    assert (done.report.holdout, done.report.evaluated_since) == ("time", from_epoch(START + 160))


async def test_free_text_is_one_class(tmp_path: Path) -> None:
    lines = distinct_lines()
    for n, line in enumerate(lines):
        line["response"] = answer(f"On {sentence(n)} there is much to say.")
    done = await build(tmp_path, lines, workload_type="generic")
    assert done.report.workload_type == "generic"
    assert list(done.report.classes) == ["answer"]
    assert {line["label"] for line in lines_of(done, "eval")} == {"answer"}
    assert len(lines_of(done, "eval")) == 40
    assert done.report.baseline is None

    with pytest.raises(DataError) as caught:
        await build(tmp_path / "auto", lines)
    assert caught.value.hint == (
        "If its answers are free text, set evaluation_config.workload_type to generic."
    )


# --- frozen sets --------------------------------------------------------------------------------


async def test_a_frozen_set_is_used_again_and_never_trained_on(tmp_path: Path) -> None:
    first = await build(tmp_path / "first", distinct_lines())
    frozen = frozen_file(first)
    later = [*distinct_lines(), *(record(sentence(n), LABELS[n % 3], n) for n in range(200, 300))]
    repeated = sorted(texts_of(first, "eval"))[0]
    later.append(record(f"{repeated} again", "Legal", 5000))  # nearly one of the frozen ones

    again = await build(tmp_path / "again", later, frozen=[frozen], eval_size=10)

    assert again.files[-1].digest == frozen.use.digest
    report = again.report
    assert (report.eval, report.frozen, report.frozen_out) == (40, frozen.use, 41)
    assert report.usable == report.train + report.val + report.frozen_out
    trained = texts_of(again, "train") | texts_of(again, "val")
    assert not trained & texts_of(first, "eval")
    assert f"{repeated} again" not in trained
    assert report.notes == [
        "The evaluation set of r-1, frozen by ann, is used; eval_size has no effect."
    ]
    assert sum(counts.eval for counts in report.classes.values()) == 40

    released = frozen_file(first, in_force=False)
    own = await build(tmp_path / "own", later, frozen=[released])
    assert own.report.frozen is None
    everything = texts_of(own, "train") | texts_of(own, "val") | texts_of(own, "eval")
    assert not everything & texts_of(first, "eval")


async def test_frozen_records_need_not_be_in_the_log_any_more(tmp_path: Path) -> None:
    first = await build(tmp_path / "first", distinct_lines())
    other = [record(sentence(n), LABELS[n % 2], n) for n in range(300, 400)]
    done = await build(tmp_path / "other", other, frozen=[frozen_file(first)])
    assert (done.report.eval, done.report.frozen_out) == (40, 0)
    assert done.report.classes[LABELS[2]].model_dump() == {
        "usable": 0, "eval": 13, "train": 0, "val": 0,
    }  # fmt: skip


async def test_an_incumbent_that_was_trained_on_frozen_records_is_said_to_be_flattered(
    tmp_path: Path,
) -> None:
    first = await build(tmp_path / "first", distinct_lines())
    other = await build(tmp_path / "other", distinct_lines(), eval_size=20)
    known = [file.path for file in other.files if file.name != "eval"]
    again = await build(
        tmp_path / "again", distinct_lines(), frozen=[frozen_file(first)], known=known
    )
    shared = texts_of(first, "eval") & (texts_of(other, "train") | texts_of(other, "val"))
    assert again.report.notes[-1] == (
        f"The incumbent was trained on {len(shared)} of the 40 frozen records: its score is too "
        "good by that."
    )


@pytest.mark.parametrize("fault", ["changed", "gone"])
async def test_a_frozen_set_that_is_not_what_was_frozen_is_refused(
    tmp_path: Path, fault: str
) -> None:
    frozen = frozen_file(await build(tmp_path / "first", distinct_lines()))
    if fault == "gone":
        frozen.path.unlink()
    else:
        frozen.path.write_bytes(frozen.path.read_bytes() + b"\n")
    with pytest.raises(DataError) as caught:
        await build(tmp_path / "again", distinct_lines(), frozen=[frozen])
    assert str(frozen.path) in caught.value.message
    assert "eval-set release" in (caught.value.hint or "")


# --- planned sizes ------------------------------------------------------------------------------


async def test_a_planned_size_is_used_and_explained(tmp_path: Path) -> None:
    plan = SizePlan(wanted=55, sentence="55 records are to be held out: so it was planned.")
    report = (await build(tmp_path, distinct_lines(), eval_size="auto", size_plan=plan)).report
    assert (report.eval, report.notes) == (55, [plan.sentence])


async def test_a_plan_is_capped_by_what_there_is(tmp_path: Path) -> None:
    for number, wanted in enumerate((5000, None)):
        plan = SizePlan(wanted=wanted, sentence="Why.")
        done = await build(
            tmp_path / str(number), distinct_lines(), eval_size="auto", size_plan=plan
        )
        assert done.report.eval == 100
        assert done.report.notes[0] == "Why."
        assert "100 are held out for evaluation instead of" in done.report.notes[1]
