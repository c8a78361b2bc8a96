"""The pictures of a run: once into its thread, in words for those who do not see them."""

import asyncio
import io

import pytest
from rich.console import Console
from sqlmodel import update

from bot.console.render import Screen
from bot.console.workspace import Change, Posted
from bot.models import SlackNotice
from bot.pictures import PicturePoster
from bot.scopes import wanted
from tests.bot.conftest import Scene


def poster(scene: Scene, claim_seconds: float = 0) -> PicturePoster:
    """That of a bot that has just started; as it is, it waits for no other."""
    bot = scene.stage.bot
    store, messenger = bot.relay.store, bot.messenger
    return PicturePoster(scene.backends, messenger, store, claim_seconds=claim_seconds)


async def ended(scene: Scene) -> Posted:
    card = await scene.announced("r-1")
    await scene.reply(card, "Results of r-1")
    await scene.until_text(card, "The results are in the thread.")
    async with asyncio.timeout(10):  # what the card shows last is noted a moment later
        while not (await scene.stage.bot.relay.store.cards(1))[0].final:
            await asyncio.sleep(0.01)
    return card


def with_files(scene: Scene) -> list[Posted]:
    return [message for message in scene.stage.workspace.messages if message.files]


async def test_pictures_are_posted_once_with_words_whoever_dies(completed_scene: Scene) -> None:
    scene = completed_scene
    card = await ended(scene)
    await asyncio.gather(*(poster(scene, 90).tick() for _ in range(2)))
    (message,) = with_files(scene)
    assert message.thread_ts == card.ts
    assert message.files[0]["name"] == "r-1-scores.png"
    for file in message.files:
        assert any(character.isdigit() for character in file["alt_txt"]), "it says the numbers"
    screen = io.StringIO()
    Screen(scene.stage.workspace, Console(file=screen, width=2000)).draw(
        Change("posted", message=message)
    )
    shown = screen.getvalue()
    assert f"{message.files[0]['title']}: {message.files[0]['alt_txt']}" in shown
    kept = scene.backends.settings.home / "pictures" / "r-1-scores.png"
    assert str(kept) in shown
    assert kept.read_bytes().startswith(b"\x89PNG")

    await poster(scene).tick()
    async with scene.backends.database.transaction() as session:  # died before it noted it
        await session.exec(update(SlackNotice).values(state="claimed"))
    await poster(scene).tick()
    assert with_files(scene) == [message]


async def test_without_the_scope_there_are_none_and_the_log_says_so_once(
    completed_scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene = completed_scene
    await ended(scene)
    scene.stage.workspace.scopes = [scope for scope in wanted() if scope != "files:write"]
    ours = poster(scene)
    for _ in range(3):
        await ours.tick()
    assert with_files(scene) == []
    assert sum("lacks the scope files:write" in line for line in caplog.messages) == 1
