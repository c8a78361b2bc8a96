"""Runs on the real queue, the real database and real processes."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import select

from flywheel import processes
from flywheel.db.models import Evaluation, Event, Prediction, Step
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError, SettingsError
from flywheel.ports.backends import Backends
from flywheel.runs.graph import TERMINAL
from flywheel.service import promotions, runs
from flywheel.service.doctor import check
from tests.support.running import ANALYST, SHELL, ended, start, until, working


async def rows(backends: Backends, table: type, **where: object) -> list:  # type: ignore[type-arg]
    async with backends.database.transaction() as session:
        query = select(table).filter_by(**where)
        return list(await session.exec(query))


async def test_a_run_goes_from_records_to_a_recommendation(completed: Backends) -> None:
    view = await runs.get_run(completed, "r-1")
    assert view.status == "completed"
    assert view.error is None
    report = view.dataset_report
    assert report is not None
    assert (report.read, report.eval) == (300, 100)
    assert report.eval + report.train + report.val == report.usable
    assert {d.name: d.num_records for d in view.datasets} == {
        "eval": 100,
        "train": report.train,
        "val": report.val,
    }
    for candidate in view.nims:
        assert candidate.status == "completed"
        base, tuned = candidate.base, candidate.customized
        assert base is not None
        assert tuned is not None
        assert base.macro_f1.value < 0.4 < tuned.macro_f1.low <= tuned.macro_f1.value
        assert tuned.n == 100
        by_type = {e.eval_type: e for e in candidate.evaluations}
        assert by_type["base-eval"].measures == "most frequent label of the training set"
        scores = by_type["customized-eval"].scores
        assert scores["f1_score"] == scores["macro_f1"] == tuned.macro_f1.value
        # Every label is one word here, so words overlap where the label is right.
        assert scores["token_f1"] == pytest.approx(scores["accuracy"])
        assert tuned.seconds_p50 is not None
        assert tuned.seconds_p99 is not None
        assert 0 < tuned.seconds_p50 <= tuned.seconds_p99
        assert tuned.absent_classes == []
    assert view.recommendation is not None
    assert view.recommendation.model_name in {"tfidf-logreg", "hashing-sgd"}
    assert view.summary
    kinds = [event.kind for event in await runs.run_events(completed, view.id)]
    assert kinds[:2] == ["run-started", "datasets-built"]
    assert kinds[-1] == "run-completed"
    assert (kinds.count("candidate-trained"), kinds.count("candidate-evaluated")) == (2, 4)


async def test_scores_come_from_the_stored_predictions(completed: Backends) -> None:
    view = await runs.get_run(completed, "r-1")
    for evaluation in await rows(completed, Evaluation):
        answers = await rows(completed, Prediction, evaluation_id=evaluation.id)
        assert [a.row for a in sorted(answers, key=lambda a: a.row)] == list(range(100))
        right = sum(a.label == a.expected for a in answers)
        assert evaluation.scores["accuracy"]["value"] == pytest.approx(right / 100)
    assert len(await rows(completed, Evaluation)) == 4
    assert view.nims[0].customized is not None


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_datasets_and_scores(completed: Backends) -> None:
    first = await runs.get_run(completed, "r-1")
    async with working(completed):
        wishes = {"eval_size": 100, "candidates": ["hashing-sgd"]}
        same = await start(completed, random_seed=first.seed, **wishes)
        other = await start(completed, random_seed=first.seed + 1, **wishes)
        built = await until(completed, other.id, lambda view: bool(view.datasets))
        await runs.cancel_run(completed, other.id, ANALYST)
        second = await until(completed, same.id, ended)
        await until(completed, other.id, ended)
    digests = [{d.name: d.digest for d in view.datasets} for view in (first, second, built)]
    assert digests[0] == digests[1]
    assert digests[0]["eval"] != digests[2]["eval"]
    tuned = [
        nim.customized
        for view in (first, second)
        for nim in view.nims
        if nim.model_name == "hashing-sgd"
    ]
    assert tuned[0] is not None
    assert tuned[1] is not None
    assert tuned[0].macro_f1 == tuned[1].macro_f1


async def test_cancel_stops_what_runs_outside(backends: Backends, tmp_path: Path) -> None:
    run = await start(backends)
    async with working(backends):
        await until(backends, run.id, lambda v: any(s.status == "running" for s in v.steps))
        view = await runs.cancel_run(backends, run.id, ANALYST)
        assert view.status == "cancelling"
        view = await until(backends, run.id, ended)
    assert view.status == "cancelled"
    assert {s.status for s in view.steps} <= TERMINAL
    for spec in (tmp_path / "home").rglob("spec.json"):
        assert (await processes.poll(spec.parent)).state in {"cancelled", "completed"}
    with pytest.raises(ConflictError, match="has ended already: it is cancelled"):
        await runs.cancel_run(backends, run.id, ANALYST)


async def test_a_run_that_no_worker_has_seen_can_be_cancelled(backends: Backends) -> None:
    run = await start(backends)
    await runs.cancel_run(backends, run.id, ANALYST)
    async with working(backends):
        view = await until(backends, run.id, ended)
    assert view.status == "cancelled"
    assert view.started_at is None


async def test_too_few_records_fail_with_a_sentence(backends: Backends) -> None:
    async with working(backends):
        view = await until(backends, (await start(backends, limit=20)).id, ended)
    assert view.status == "failed"
    assert view.error == (
        "Only 20 usable records are left; at least 50 are needed. "
        "Import more records, or lower data_split_config.min_total_records."
    )
    assert {s.status for s in view.steps if s.kind != "build-datasets"} == {"skipped"}
    (last,) = (e for e in await rows(backends, Event) if e.kind == "run-failed")
    assert last.text == view.error


async def test_a_candidate_that_fails_does_not_fail_the_others(backends: Backends) -> None:
    run = await start(backends)
    async with backends.database.transaction() as session:
        query = select(Step).where(Step.kind == "customize", Step.candidate == "tfidf-logreg")
        doomed = (await session.exec(query)).one()
        name, uid = doomed.external_name, doomed.external_name.rsplit("-tfidf", 1)[0]
    # Somebody stops this one job outside, before it has started.
    job = backends.settings.home / "jobs" / uid / name
    assert await processes.cancel(job)
    async with working(backends):
        view = await until(backends, run.id, ended)
    assert view.status == "completed"
    status = {c.model_name: c.status for c in view.nims}
    assert status == {"tfidf-logreg": "failed", "hashing-sgd": "completed"}
    assert view.recommendation is not None
    assert view.recommendation.model_name == "hashing-sgd"

    # The policy asks for more records than these.
    assert view.approval_id is None
    with pytest.raises(InvalidInputError, match="needs at least 100 evaluation records") as caught:
        await promotions.promote(backends, view.id, "hashing-sgd", SHELL, "all the same")
    assert "change the policy" in (caught.value.hint or "")
    assert await promotions.incumbents(backends) == []


async def test_a_run_whose_candidates_all_fail_has_failed(backends: Backends) -> None:
    run = await start(backends)
    for step in await rows(backends, Step, kind="customize"):
        uid = step.external_name.removesuffix(f"-{step.candidate}-customize")
        assert await processes.cancel(backends.settings.home / "jobs" / uid / step.external_name)
    async with working(backends):
        view = await until(backends, run.id, ended)
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.startswith("No candidate could be scored.")
    assert "tfidf-logreg" in view.error
    assert "hashing-sgd" in view.error
    assert view.approval_id is None


async def test_overrides_are_merged_into_the_settings(backends: Backends) -> None:
    view = await start(backends, limit=200, eval_size=None, settings={"val_ratio": "0.2"})
    async with backends.database.transaction() as session:
        (run,) = await session.exec(select(runs.Run))
    split = run.config["data_split_config"]
    assert (split["limit"], split["eval_size"], split["val_ratio"]) == (200, 100, 0.2)
    assert (split["random_seed"], view.seed) == (42, 42)


@pytest.mark.parametrize(
    ("wishes", "error", "sentence"),
    [
        ({"workload_id": "new"}, NotFoundError, "no workload 'new'. Did you mean news? It has"),
        ({"client_id": "desks"}, NotFoundError, "no records of client 'desks' for news. It has"),
        (
            {"candidates": ["hash-sgd"]},
            InvalidInputError,
            "There is no candidate 'hash-sgd' on the platform 'local'. Did you mean hashing-sgd?",
        ),
        ({"settings": {"val_ration": "0.2"}}, SettingsError, "did you mean val_ratio"),
        ({"settings": {"val_ratio": "2"}}, SettingsError, "val_ratio"),
    ],
)
async def test_what_cannot_be_started_is_explained(
    backends: Backends, wishes: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence.replace("(", r"\(").replace("?", r"\?")):
        await start(backends, **wishes)
    assert await runs.list_runs(backends) == []


async def test_unknown_runs_are_explained(backends: Backends) -> None:
    with pytest.raises(NotFoundError, match="There are no runs yet"):
        await runs.get_run(backends, "last")
    run = await start(backends)
    with pytest.raises(NotFoundError, match=r"There is no run r-99\. The last one is r-1\."):
        await runs.get_run(backends, "r-99")
    with pytest.raises(NotFoundError, match="'yesterday' is not a run"):
        await runs.get_run(backends, "yesterday")
    assert (await runs.get_run(backends, "last")).id == run.id
    assert (await runs.get_run(backends, "1")).id == run.id
    assert (await runs.get_run(backends, " R-1 ")).id == run.id


async def test_deleting_a_run_removes_its_files_and_rows(completed: Backends) -> None:
    view = await runs.get_run(completed, "r-1")
    model = view.nims[0].customizations[0].customized_model
    assert model is not None
    files = [Path(model), *(Path(str(d.nmp_uri)) for d in view.datasets)]
    assert all(file.exists() for file in files)
    await runs.delete_run(completed, view.id, ANALYST)
    assert not any(file.exists() for file in files)
    for table in (Step, Evaluation, Prediction, Event):
        assert await rows(completed, table) == []
    again = await start(completed)
    assert again.id == "r-2"  # a number is never given twice
    with pytest.raises(ConflictError, match="Stop it first"):
        await runs.delete_run(completed, again.id, ANALYST)


async def test_the_doctor_sees_the_worker_come(backends: Backends) -> None:
    assert {p.part: p.state for p in await check(backends)}["worker"] == "off"
    async with working(backends), asyncio.timeout(10):
        while {p.part: p.state for p in await check(backends)}["worker"] != "ok":
            await asyncio.sleep(0.05)
        states = {p.part: p.state for p in await check(backends)}
    assert states == {
        "logs": "ok",
        "database": "ok",
        "queue": "ok",
        "platform": "ok",
        "worker": "ok",
        "language model": "off",
    }
