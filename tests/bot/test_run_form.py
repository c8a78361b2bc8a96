"""The form of `/flywheel run`: what is wrong is said at its field, what is right starts one run."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.console.limits import texts
from bot.console.workspace import OpenView
from bot.parsing.filled_in import FormProblemsError, request_of
from bot.views.run_form import RunFormContext, run_form
from flywheel.ports.logs import WorkloadSummary
from flywheel.ports.platform import CandidateSpec
from flywheel.service.runs import list_runs
from flywheel.settings import Settings
from tests.bot.conftest import ADA, BEN, SECONDS, Scene, whispers
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


@contextmanager
def log_locked(home: Path) -> Iterator[sqlite3.Connection]:
    """Nobody else can read the log until the connection is closed."""
    held = sqlite3.connect(home / "logs.db", isolation_level=None)
    try:
        held.execute("PRAGMA locking_mode=EXCLUSIVE")
        held.execute("BEGIN IMMEDIATE")
        held.execute("DELETE FROM record WHERE 0")
        yield held
    finally:
        held.close()


async def test_a_form_that_waits_for_the_log_says_so_and_comes(scene: Scene) -> None:
    workspace = scene.stage.workspace

    def both() -> list[OpenView] | None:
        found = list(workspace.views.values())
        return found if len(found) == 2 else None

    with log_locked(scene.backends.settings.home) as held:
        await scene.ada.command(scene.channel, "run")
        await scene.ben.command(scene.channel, "run")
        closed, waiting = await workspace.wait_for(both, SECONDS)
        assert "as soon as it has answered" in "".join(texts(waiting.view["blocks"]))
        assert "submit" not in waiting.view
        workspace.close_view(closed.id)
        held.close()
        await scene.stage.bot.inbox.idle()
    assert [c.kind for c in workspace.changes][-2:] == ["view-closed", "view-updated"]
    form = workspace.views[waiting.id]
    submitter = scene.ben if form.user == BEN else scene.ada
    assert await submitter.submit(form, {}) == {}
    await scene.stage.bot.inbox.idle()
    (run,) = await list_runs(scene.backends)
    assert [c.model_name for c in run.nims] == ["tfidf-svm", "hashing-sgd"]


def summary(name: str, records: int = 5) -> WorkloadSummary:
    """What the log holds of a workload."""
    return WorkloadSummary(
        workload_id=name, client_id="c", records=records, first=NOW, last=NOW, answers={}
    )


def spec(name: str) -> CandidateSpec:
    """A candidate of this name."""
    return CandidateSpec(name=name, description=f"{name}, in a minute", base_label="b")


def configured(*names: str) -> Settings:
    """Settings with these candidates."""
    config = Settings(home="/nowhere")  # type: ignore[arg-type]
    local = config.local_platform_config.model_copy(update={"candidates": list(names)})
    return config.model_copy(update={"local_platform_config": local})


def block_of(form: Any, name: str) -> dict[str, Any]:
    """One block of a form."""
    return next(b for b in form.to_dict()["blocks"] if b.get("block_id") == name)


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(st.none(), st.lists(names, max_size=130)),
    st.lists(names, max_size=120, unique=True),
    st.integers(0, 120),
    st.sampled_from(["", "C0123456789"]),
)
def test_every_form_is_one_that_slack_takes(
    workloads: list[str] | None, offered: list[str], first: int, channel: str
) -> None:
    summaries = None if workloads is None else [summary(name) for name in workloads]
    candidates = [spec(name) for name in offered]
    carried = RunFormContext(channel=channel)
    form = run_form(summaries, candidates, configured(*offered[:first]), carried)
    sound_view(form)


def test_what_is_too_much_for_a_form_is_said_on_it() -> None:
    workloads = [summary(f"w{i}", records=i) for i in range(200)]
    offered = [spec(f"c{i}") for i in range(130)]
    form = run_form(workloads, offered, configured("c7", "c129"), RunFormContext(channel="C1"))
    workload, candidates = block_of(form, "workload"), block_of(form, "candidates")
    assert [o["value"] for o in workload["element"]["options"]][:2] == ["w199", "w198"]
    assert workload["hint"]["text"].startswith("These are 100 of 200, the largest first.")
    assert "/flywheel run NAME" in workload["hint"]["text"]
    assert [o["value"] for o in candidates["element"]["options"]] == ["c7", "c129"]
    assert candidates["hint"]["text"].startswith("These are 2 of 130.")


def test_all_that_can_be_tried_is_offered_and_the_configured_ones_are_marked() -> None:
    form = run_form(
        None, [spec("a"), spec("b"), spec("c")], configured("b", "a"), RunFormContext(channel="C1")
    )
    element = block_of(form, "candidates")["element"]
    assert [o["value"] for o in element["options"]] == ["a", "b", "c"]
    assert [o["value"] for o in element["initial_options"]] == ["a", "b"]
    assert "type the name" in block_of(form, "workload")["hint"]["text"]


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional={
    "workload": names, "client": names, "limit": st.text(max_size=20),
    "eval_size": st.text(max_size=20), "seed": st.text(max_size=20),
    "others": st.text(max_size=200), "candidates": st.lists(names, min_size=1, max_size=3),
}))  # fmt: skip
def test_whatever_is_filled_in_is_a_request_or_a_fault_at_its_field(filled: Any) -> None:
    problems: dict[str, str] = {}
    try:
        assert request_of(filled, configured(), {"news_classifier", "a"}).workload_id
    except FormProblemsError as error:
        problems = error.problems
    assert set(problems) <= {"workload", *filled}
    assert all(problems.values())


def test_a_candidate_that_is_gone_is_named_at_its_field() -> None:
    with pytest.raises(FormProblemsError) as caught:
        request_of({"workload": "news", "candidates": ["a", "b"]}, configured("a"), {"a"})
    assert caught.value.problems == {"candidates": "There is no candidate 'b' any more."}


def test_what_has_a_field_is_not_set_twice() -> None:
    with pytest.raises(FormProblemsError) as caught:
        request_of({"workload": "news", "others": "limit=5"}, configured(), ())
    assert caught.value.problems == {"others": "limit has a field of its own above."}
