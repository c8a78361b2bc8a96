"""The Home tab: what waits for whom, decisions made on it, and how it looks in the terminal."""

import re
import time
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.console.limits import texts
from bot.console.person import Person
from bot.console.workspace import OpenView
from bot.views.home import REFRESH, START, home_tab
from bot.views.results import APPROVE
from flywheel.service.promotions import incumbents
from flywheel.service.runs import start_run
from flywheel.views import Actor, HomeView, IncumbentView, PromotionView, RunRequest, WorkloadView
from tests.bot.conftest import ADA, BEN, Scene, log_records
from tests.bot.oracles import sound_view
from tests.bot.strategies import NOW, names, run_view, run_views, scores_of
from tests.bot.test_session import played


async def opened(scene: Scene, by: Person) -> OpenView:
    """Open somebody's Home tab."""
    seen = len(scene.stage.workspace.changes)
    assert (await by.open_home()).status == 200
    changes = await scene.since(seen)
    assert [c.kind for c in changes] == ["home"]
    return scene.stage.workspace.homes[by.id]


def text_of(tab: OpenView) -> str:
    """All that somebody reads on it."""
    return "\n".join(texts(tab.view["blocks"]))


async def test_only_who_decides_is_asked_and_decides_there(completed_scene: Scene) -> None:
    scene = completed_scene
    assert "Waiting for your decision" not in text_of(await opened(scene, scene.ben))
    tab = await opened(scene, scene.ada)
    assert "Waiting for your decision" in text_of(tab)
    assert "*Recommended:* promote" in text_of(tab)
    assert "`news` · 300 records in the log\nserved by the teacher" in text_of(tab)

    seen = len(scene.stage.workspace.changes)
    assert (await scene.ada.press_in(tab, "decide:r-1", APPROVE)).status == 200
    (change,) = await scene.since(seen)
    assert change.view is not None
    seen += 1
    assert await scene.ada.submit(change.view, {"reason": "clear of the limit"}) == {}
    await scene.since(seen)
    assert [p.approved_by for p in await incumbents(scene.backends)] == [ADA]
    after = text_of(scene.stage.workspace.homes[ADA])  # drawn anew by the decision
    assert "Waiting for your decision" not in after
    assert re.search(
        r"macro-F1 [01]\.\d{3} \(95 % .*, n \d+\) when promoted; no later run has scored it since; "
        r"nothing was logged since",
        after,
    )
    newer = [record._replace(timestamp=time.time() + 1) for record in log_records(302)[300:]]
    await scene.backends.logs.append(newer)
    await scene.ada.press_in(tab, "home", REFRESH)
    await scene.stage.bot.inbox.idle()
    assert "; 2 records logged since" in text_of(scene.stage.workspace.homes[ADA])

    seen = len(scene.stage.workspace.changes)
    await scene.ada.press_in(tab, "decide:r-1", APPROVE)  # an old tab that is still open
    changes = await scene.since(seen)
    assert "decided already" in "".join(c.message.text for c in changes if c.message)


async def test_a_run_is_started_from_the_tab_and_shown_on_it(scene: Scene) -> None:
    tab = await opened(scene, scene.ben)
    assert "You have not asked for a run yet." in text_of(tab)
    seen = len(scene.stage.workspace.changes)
    await scene.ben.press_in(tab, "home", START)
    (change,) = await scene.since(seen)
    assert change.view is not None
    assert await scene.ben.submit(change.view, {}) == {}
    await scene.since(seen)
    await scene.ben.press_in(tab, "home", REFRESH)
    await scene.stage.bot.inbox.idle()
    text = text_of(scene.stage.workspace.homes[BEN])
    assert "*r-1* `news` pending" in text
    assert "0 % *r-1* `news`" in text


async def test_the_tab_in_the_terminal(scene: Scene) -> None:
    ada = Actor(id=ADA, name="ada", origin="console")
    await start_run(scene.backends, RunRequest(workload_id="news"), ada)
    seen, _ = await played(scene, "home", "2", "1", "", "", "", "", "", "", "")
    assert "Running now" in seen
    assert "[1] Start a run   [2] Refresh" in seen
    assert "Run r-2 · news" in seen


def tab_of(*workloads: WorkloadView) -> HomeView:
    """Nothing but these workloads."""
    return HomeView(waiting=[], running=[], mine=[], workloads=list(workloads))


def promotion(name: str = "svm", score: float | None = 0.91) -> PromotionView:
    """What serves a workload."""
    return PromotionView(
        workload_id="news",
        model_name=name,
        run_id="r-3",
        status="active",
        approved_by="U0CONSOLE01",
        approved_at=NOW - timedelta(days=12, hours=1),
        reason="good",
        score=score,
        model_uri="file:///x",
        digest="ab" * 32,
    )


def test_drift_is_said_in_numbers_that_were_measured() -> None:
    compared = IncumbentView(name="svm (r-3)", scores=scores_of(0.87))
    checked = run_view(compared=compared, id="r-9")
    one = WorkloadView(
        workload_id="news",
        records=7,
        serving=promotion(),
        scores=scores_of(0.91),
        records_since=4_200,
        checked=checked,
    )
    text = "\n".join(texts(home_tab(tab_of(one), NOW).to_dict()))
    assert "promoted 12 days ago by <@U0CONSOLE01>" in text
    assert (
        "macro-F1 0.910 (95 % 0.880–0.940, n 400) when promoted, "
        "macro-F1 0.870 (95 % 0.840–0.900, n 400) in r-9; 4,200 records logged since"
    ) in text
    assert "Nothing is running." in text


def test_a_score_without_its_run_is_said_without_its_interval() -> None:
    gone = WorkloadView(workload_id="news", serving=promotion(), records_since=1)
    text = "\n".join(texts(home_tab(tab_of(gone), NOW).to_dict()))
    assert "macro-F1 0.910 when promoted; no later run has scored it since; 1 record logged" in text


async def test_of_two_hundred_workloads_the_largest_are_shown(scene: Scene) -> None:
    named = log_records(1)[0]
    await scene.backends.logs.append(
        [
            named._replace(record_id=f"{i:04x}{j:04x}", workload_id=f"w{i}")
            for i in range(199)
            for j in range(1 + i % 7)
        ]
    )
    tab = await opened(scene, scene.ada)
    shown = [t for t in texts(tab.view["blocks"]) if t.endswith("served by the teacher")]
    assert len(shown) == 20
    assert shown[0].startswith("`news` · 30 records in the log")
    assert "180 more: `/flywheel workloads` lists them." in text_of(tab)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(run_views(), max_size=4),
    st.lists(st.tuples(names, names, st.booleans()), max_size=20),
    st.integers(0, 500),
)
def test_every_tab_is_one_that_slack_takes(
    runs: list[Any], workloads: list[tuple[str, str, bool]], more: int
) -> None:
    found = [run.model_copy(update={"id": f"r-{i}"}) for i, run in enumerate(runs * 3)]
    view = HomeView(
        waiting=found[:10],
        more_waiting=more,
        running=found[:10],
        more_running=more,
        mine=found[:5],
        workloads=[
            WorkloadView(
                workload_id=name,
                serving=promotion(model) if serves else None,
                records=more,
                records_since=more,
                checked=found[0] if found else None,
            )
            for name, model, serves in workloads
        ],
        more_workloads=more,
    )
    sound_view(home_tab(view, NOW))
