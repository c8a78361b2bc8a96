"""Runs that are judged by a policy, and compared with the model that serves."""

from pathlib import Path

import pytest

from flywheel.errors import SettingsError
from flywheel.ports.backends import Backends
from flywheel.service import policies, promotions, runs
from flywheel.views import RunRequest
from tests.support.running import SHELL, ended, until, working

WISHES = {"workload_id": "news", "eval_size": 100, "candidates": ["hashing-sgd"]}


@pytest.mark.slow
async def test_a_candidate_is_compared_with_the_incumbent(
    completed: Backends, tmp_path: Path
) -> None:
    first = await runs.get_run(completed, "r-1")
    assert first.recommendation is not None
    assert first.recommendation.policy is not None
    assert first.recommendation.policy.parsed().reference == "incumbent"
    assert first.recommendation.reference == "the teacher"  # which serves until now
    assert first.compared is None

    text = "# ours\nreference: incumbent\nmargin: 0.05\nmax_seconds_p95: 1.0\n"
    (tmp_path / "ours.yaml").write_text(text)
    await promotions.promote(completed, first.id, "hashing-sgd", SHELL, "good")
    request = RunRequest.model_validate({**WISHES, "random_seed": 7})
    async with working(completed):
        run = await runs.start_run(completed, request, SHELL, tmp_path / "ours.yaml")
        second = await until(completed, run.id, ended)
    assert second.status == "completed", second.error

    # Only what the first run held out is new to its model.
    report = second.dataset_report
    assert report is not None
    assert report.known == report.usable - 100
    assert (report.eval, report.notes) == (100, [])

    assert second.compared is not None
    assert second.compared.name == "hashing-sgd (r-1)"
    assert second.compared.scores is not None
    assert second.compared.scores.n == 100
    said = second.recommendation
    assert said is not None
    assert said.reference == "hashing-sgd (r-1)"
    assert said.candidates[0].difference is not None
    assert said.candidates[0].difference.n == 100
    assert said.candidates[0].mcnemar is not None
    assert {clause.name for clause in said.candidates[0].clauses} == {
        *("records", "difference", "latency", "unparseable"),
    }
    incumbent, before = said.regressions
    assert (incumbent.against, incumbent.paired) == ("hashing-sgd (r-1)", True)
    named = first.recommendation.model_name
    assert (before.against, before.paired) == (f"{named} (r-1)", True)
    assert {c.label for c in incumbent.classes} == {"Dividend", "Earnings", "Merger"}
    assert (await policies.policy_of(completed, second.id)).text == text
    assert said.policy is not None
    assert said.policy.text == text


async def test_a_faulty_policy_starts_nothing(backends: Backends, tmp_path: Path) -> None:
    request = RunRequest.model_validate(WISHES)
    (tmp_path / "wrong.yaml").write_text("margn: 0.1\n")
    for name, sentence in (("wrong.yaml", "did you mean margin?"), ("none.yaml", "cannot be read")):
        with pytest.raises(SettingsError, match=sentence):
            await runs.start_run(backends, request, SHELL, tmp_path / name)
    assert await runs.list_runs(backends) == []
