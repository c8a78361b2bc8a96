"""The form of `/flywheel run`: what is wrong is said at its field, what is right starts one run."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.console.workspace import OpenView
from bot.parsing.filled_in import FormProblemsError, request_of
from bot.views.run_form import RunFormContext, run_form
from flywheel.ports.logs import WorkloadSummary
from flywheel.service.runs import list_runs
from flywheel.settings import Settings
from tests.bot.conftest import ADA, Scene, whispers
from tests.bot.oracles import sound_view
from tests.bot.strategies import NOW, names
from tests.bot.test_session import played


async def opened(scene: Scene) -> OpenView:
    """Type `/flywheel run` and wait for the form."""
    changes = await scene.command("run")
    assert [c.kind for c in changes] == ["view-opened"]
    assert changes[0].view is not None
    return changes[0].view


async def test_faults_are_said_at_their_fields_and_then_a_run_starts(scene: Scene) -> None:
    form = await opened(scene)
    faulty = {
        "limit": "many",
        "eval_size": "0",
        "seed": "-1",
        "others": "epoch=2",
    }
    errors = await scene.ada.submit(form, faulty)
    assert errors == {
        "limit": "'limit' must be a whole number, not 'many'.",
        "eval_size": "'eval_size' must be at least 1, not 0.",
        "seed": "'seed' must be a whole number, not '-1'.",
        "others": "epoch is not a setting of a run; did you mean epochs?",
    }
    right = {
        "candidates": "hashing-sgd",
        "limit": "1,000",
        "eval_size": "auto",
        "others": "epochs=2\nadapter_dim=4",
    }
    seen = len(scene.stage.workspace.changes)
    assert await scene.ada.submit(form, right) == {}
    changes = await scene.since(seen)
    assert [c.kind for c in changes] == ["view-closed", "posted"]
    (run,) = await list_runs(scene.backends)
    assert run.requested_by == ADA
    assert [c.model_name for c in run.nims] == ["hashing-sgd"]


async def test_a_double_click_starts_one_run(scene: Scene) -> None:
    form = await opened(scene)
    await asyncio.gather(*(scene.ada.submit(form, {}) for _ in range(3)))
    await scene.stage.bot.inbox.idle()
    assert len(await list_runs(scene.backends)) == 1
    assert len(scene.stage.workspace.messages) == 1


async def test_a_workload_that_is_gone_is_told_to_the_person_alone(scene: Scene) -> None:
    form = await opened(scene)
    seen = len(scene.stage.workspace.changes)
    assert await scene.ada.submit(form, {"client": "nobody"}) == {}
    assert "no records of client 'nobody'" in whispers(await scene.since(seen))


async def test_the_form_in_the_terminal(scene: Scene) -> None:
    text, prompts = await played(
        scene, "/flywheel run", "2", "", "lots", "", "", "", "500", "/flywheel runs"
    )
    assert "[Start]  [Cancel]" in text
    assert "● 1. tfidf-svm" in text
    assert "'limit' must be a whole number, not 'lots'." in text
    assert "Run r-1 · news" in text
    assert prompts[1:4] == [
        "Candidates? numbers with commas, Enter for the marked: ",
        "Only the records of this client (Enter: all clients) ",
        "Only the newest records (Enter: all) ",
    ]
    (run,) = await list_runs(scene.backends)
    assert [c.model_name for c in run.nims] == ["hashing-sgd"]


def summary(name: str, records: int = 5) -> WorkloadSummary:
    """What the log holds of a workload."""
    return WorkloadSummary(
        workload_id=name, client_id="c", records=records, first=NOW, last=NOW, answers={}
    )


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(st.none(), st.lists(names, max_size=130)),
    st.lists(names, min_size=1, max_size=120),
    st.sampled_from(["", "C0123456789"]),
)
def test_every_form_is_one_that_slack_takes(
    workloads: list[str] | None, candidates: list[str], channel: str
) -> None:
    local = Settings(home="/nowhere").local_platform_config  # type: ignore[arg-type]
    offered = Settings(
        home="/nowhere",  # type: ignore[arg-type]
        local_platform_config=local.model_copy(update={"candidates": candidates}),
    )
    summaries = None if workloads is None else [summary(name) for name in workloads]
    form = run_form(summaries, offered, RunFormContext(channel=channel))
    sound_view(form)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional={
    "workload": names, "client": names, "limit": st.text(max_size=20),
    "eval_size": st.text(max_size=20), "seed": st.text(max_size=20),
    "others": st.text(max_size=200), "candidates": st.lists(names, max_size=3),
}))  # fmt: skip
def test_whatever_is_filled_in_is_a_request_or_a_fault_at_its_field(filled: Any) -> None:
    config = Settings(home="/nowhere")  # type: ignore[arg-type]
    problems: dict[str, str] = {}
    try:
        assert request_of(filled, config).workload_id
    except FormProblemsError as error:
        problems = error.problems
    assert set(problems) <= {"workload", *filled}
    assert all(problems.values())


def test_what_has_a_field_is_not_set_twice() -> None:
    config = Settings(home="/nowhere")  # type: ignore[arg-type]
    with pytest.raises(FormProblemsError) as caught:
        request_of({"workload": "news", "others": "limit=5"}, config)
    assert caught.value.problems == {"others": "limit has a field of its own above."}
