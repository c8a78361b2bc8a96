"""`compare`, and Compare with last run: two runs side by side in one message."""

from pathlib import Path

from bot.views.comparison import COMPARE
from tests.bot.conftest import Scene, action_ids, whispers
from tests.support.scored_runs import CLASSES, add_run


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 4 == 0)) % 3]


async def test_two_runs_side_by_side(quiet_scene: Scene, tmp_path: Path) -> None:
    scene = quiet_scene
    await add_run(scene.backends, tmp_path, labels)
    alone = await scene.command("results r-1", scene.ben)
    message = next(c.message for c in alone if c.message is not None)
    assert COMPARE not in action_ids(message)
    assert "no completed run of the workload before r-1" in whispers(
        await scene.command("compare", scene.ben)
    )

    await add_run(scene.backends, tmp_path, labels, epochs=9)
    typed = whispers(await scene.command("compare r-1 r-2", scene.ben))
    assert "r-1 and r-2 were scored on the same 60 evaluation records." in typed
    assert "No change is shown for hashing-sgd" in typed
    assert "`training_config.epochs`" in typed
    shown = await scene.command("results", scene.ben)
    message = next(c.message for c in shown if c.message is not None)
    assert whispers(await scene.press(message, COMPARE, scene.ben)) == typed


async def test_a_workspace_without_tables_that_sort_gets_plain_ones(
    completed_scene: Scene,
) -> None:
    scene = completed_scene
    scene.stage.workspace.data_tables = False
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    assert [b["type"] for b in results.blocks].count("table") == 1
    scene.stage.workspace.data_tables = True  # it is not tried again with every message
    typed = await scene.command("results", scene.ben)
    message = next(c.message for c in typed if c.message is not None)
    assert [b["type"] for b in message.blocks].count("table") == 1


async def test_an_answer_to_a_command_falls_back_as_well(completed_scene: Scene) -> None:
    scene = completed_scene
    scene.stage.workspace.data_tables = False
    typed = await scene.command("results", scene.ben)
    message = next(c.message for c in typed if c.message is not None)
    assert "table" in [b["type"] for b in message.blocks]
