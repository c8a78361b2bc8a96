"""Runs that train each candidate several times, on the real queue, database and processes."""

from typing import Any

import pytest
from sqlmodel import select

from flywheel.db.models import Step, Trial
from flywheel.errors import SettingsError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.service import runs
from flywheel.service.planning import plan_run
from flywheel.views import RunRequest, RunView
from tests.support.running import ANALYST, ended, start, until, working

TUNED = {
    "sweep_config.search": "random",
    "sweep_config.budget": "4",
    "sweep_config.parameters": '{"c": [1e-7, 20], "alpha": {"low": 1e-6, "high": 1e-4}}',
}
ONLY_C = {**TUNED, "sweep_config.parameters": '{"c": [1, 20]}'}


async def trials(backends: Backends, candidate: str) -> list[Trial]:
    async with backends.database.transaction() as session:
        query = select(Trial).where(Trial.candidate == candidate).order_by(Trial.number)  # type: ignore[arg-type]
        return list(await session.exec(query))


@pytest.mark.slow
async def test_only_the_best_on_the_validation_set_is_evaluated(backends: Backends) -> None:
    async with working(backends):
        run = await start(backends, settings=TUNED)
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    by_name = {candidate.model_name: candidate for candidate in view.nims}
    logreg, sgd = by_name["tfidf-logreg"], by_name["hashing-sgd"]
    assert [t.parameters for t in logreg.trials] == [
        {"student_config.c": c} for c in (t.parameters["student_config.c"] for t in logreg.trials)
    ]
    assert {t.parameters["student_config.c"] for t in logreg.trials} == {1e-7, 20}
    assert len(sgd.trials) == 4
    for candidate in (logreg, sgd):
        assert candidate.status == "completed"
        (chosen,) = [t for t in candidate.trials if t.chosen]
        measured = {t.number: t.validation.value for t in candidate.trials if t.validation}
        assert measured[chosen.number] == max(measured.values())
        stored = await trials(backends, candidate.model_name)
        kept = {t.number: ModelArtifact.model_validate(t.artifact) for t in stored if t.artifact}
        assert len({artifact.uri for artifact in kept.values()}) == len(kept)
        (done,) = candidate.customizations
        assert done.customized_model == kept[chosen.number].uri
        assert len([e for e in candidate.evaluations if e.eval_type == "customized-eval"]) == 1
    # A logistic regression that is not allowed to fit anything answers hardly better than chance.
    good = {t.parameters["student_config.c"]: t.validation for t in logreg.trials}
    assert good[20] is not None
    assert good[20].value > 0.9
    assert [t.chosen for t in logreg.trials if t.parameters["student_config.c"] == 20] == [True]
    assert all(len(t.curve) == 8 for t in sgd.trials if t.stopped is None)  # one per pass
    said = [e.text for e in await runs.run_events(backends, run.id) if "trained" in e.kind]
    assert any("tfidf-logreg is trained; best on the validation set is trial" in s for s in said)

    assert await runs.delete_run(backends, run.id, ANALYST) == []
    assert await trials(backends, "hashing-sgd") == []


@pytest.mark.slow
async def test_a_sweep_goes_on_where_a_trial_fails_and_says_so_where_all_do(
    backends: Backends,
) -> None:
    def broken(view: RunView) -> list[str]:
        return [s.error or "" for s in view.steps if s.kind == "trial" and s.status == "failed"]

    async with working(backends):
        run = await start(backends, settings=ONLY_C, candidates=["tfidf-logreg"])
        # Its own dataset is taken away from one trial, before it is started.
        async with backends.database.transaction() as session:
            (step,) = await session.exec(select(Step).where(Step.kind == "trial", Step.trial == 1))
            step.external_name = ".not-a-folder"
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    assert broken(view) == ["'.not-a-folder' cannot be the name of a directory."]
    (candidate,) = view.nims
    assert candidate.error is None
    assert [t.chosen for t in candidate.trials] == [False, True]

    async with working(backends):
        run = await start(backends, settings=ONLY_C, candidates=["tfidf-logreg"])
        async with backends.database.transaction() as session:
            query = select(Step).where(Step.kind == "trial", Step.run_id == int(run.id[2:]))
            for step in await session.exec(query):
                step.external_name = f".{step.trial}"
        view = await until(backends, run.id, ended)
    assert view.status == "failed"
    assert "No trial of its sweep was trained to its end" in str(view.error)
    assert "trial 1: '.1' cannot" in str(view.error)
    assert "trial 2: '.2' cannot" in str(view.error)
    assert view.nims[0].status == "failed"


async def test_the_plan_has_every_trial(backends: Backends) -> None:
    request = RunRequest.model_validate({"workload_id": "news", "settings": TUNED})
    plan = await plan_run(backends, request)
    planned = [(s.candidate, s.trial) for s in plan.steps if s.kind == "trial"]
    assert sorted(planned) == [("hashing-sgd", n) for n in (1, 2, 3, 4)] + [
        ("tfidf-logreg", 1),
        ("tfidf-logreg", 2),
    ]
    of = {(s.kind, s.candidate): s for s in plan.steps}
    evaluated = of["customized-eval", "hashing-sgd"]
    last = max(s.end_seconds for s in plan.steps if s.candidate == "hashing-sgd" and s.trial)
    assert evaluated.start_seconds >= last
    assert of["select", "hashing-sgd"].amount == 0


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"sweep_config.parameters": '{"learning_rate": [1e-4]}'}, "No candidate of this run has"),
        ({"sweep_config.parameters": '{"lerning_rate": [1]}'}, "did you mean learning_rate?"),
        ({"sweep_config.parameters": '{"c": [0]}'}, "c must be a number above 0"),
        ({"sweep_config.parameters": "{}"}, "needs parameters"),
        ({"val_ratio": "0"}, "compared on the validation set"),
        (
            {"sweep_config.search": "grid", "sweep_config.parameters": '{"c": [1, 2, 3, 4, 5]}'},
            "The grid has 5 combinations, and sweep_config.budget is 4",
        ),
    ],
)
async def test_a_sweep_that_cannot_be_is_refused_before_anything_is_spent(
    backends: Backends, wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        await start(backends, settings={**TUNED, **wishes})
    assert await runs.list_runs(backends) == []
