"""Every way in which Slack refuses has one answer; docs/slack.md lists them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError

from bot.access import Access
from bot.announcements import Announcements
from bot.console.workspace import Posted
from bot.messenger import Messenger
from bot.models import SlackCard
from bot.refusals import BackOff, meaning, meaning_of, seconds_to_wait
from bot.relay import Relay
from flywheel.db.models import Announcement, Run
from flywheel.runs import events
from flywheel.service.runs import cancel_run, start_run
from flywheel.views import Actor, EventKind, RunRequest
from tests.bot.conftest import BEN, Scene, shown
from tests.bot.refusing import Refusal, RefusingSlack, refusing

BY_BEN = Actor(id=BEN, name="ben", origin="slack")
REQUEST = RunRequest(workload_id="news")


class Bots:
    """The parts of a bot that has just started, on a Slack that refuses."""

    def __init__(self, scene: Scene, slack: RefusingSlack) -> None:
        self.scene, self.slack = scene, slack
        name = scene.stage.workspace.name
        self.messenger = Messenger(scene.stage.bot.messenger.client)
        self.messenger.access = Access(self.messenger.client, pause=0.0)
        self.relay = Relay(scene.backends, self.messenger, workspace=name)
        telling = scene.backends.settings.model_copy(
            update={
                "slack_config": scene.backends.settings.slack_config.model_copy(
                    update={"tell_requester": True}
                )
            }
        )
        self.announcements = Announcements(
            replace(scene.backends, settings=telling), self.messenger, self.relay, workspace=name
        )

    async def started(self) -> Posted:
        """The card of a new run that ben has asked for."""
        view = await start_run(self.scene.backends, REQUEST, BY_BEN)
        await self.relay.announce(view, self.scene.channel)
        return self.scene.stage.workspace.messages[-1]

    async def happen(self, text: str, run: int = 1, kind: EventKind = "candidate-trained") -> int:
        """Something happens to a run; the event's id."""
        async with self.scene.backends.database.transaction() as session:
            row = await session.get_one(Run, run)
            events.record(session, row, kind, text)
            row.version += 1
        async with self.scene.backends.database.transaction() as session:
            return (await events.read(session, run))[-1].id or 0

    async def end(self, run: int = 1) -> None:
        """A run fails."""
        async with self.scene.backends.database.transaction() as session:
            row = await session.get_one(Run, run)
            row.status, row.error = "failed", "no candidate could be trained"
            events.record(session, row, "run-failed", "it is over")
            row.version += 1

    async def tick(self) -> None:
        """Look once, as if every pause was over."""
        self.relay._back_off = BackOff(0.0, 0.0)
        await self.relay.tick()
        await self.announcements.tick()

    def thread(self, card: Posted) -> list[str]:
        """What stands under a card."""
        return [m.text for m in self.scene.stage.workspace.thread(card.channel, card.ts)[1:]]

    def told(self, user: str = BEN) -> list[str]:
        """What somebody was told directly."""
        direct = self.scene.stage.workspace.direct_channel(user)
        return [m.text for m in self.scene.stage.workspace.messages if m.channel == direct]

    async def row(self) -> SlackCard:
        """The first card, as it is noted."""
        async with self.scene.backends.database.reading() as session:
            return await session.get_one(SlackCard, (1, self.scene.channel))


@pytest.fixture
async def bots(quiet_scene: Scene) -> AsyncIterator[Bots]:
    """Nothing is refused yet."""
    async with refusing(quiet_scene) as slack:
        yield Bots(quiet_scene, slack)


def of(card: Posted) -> Refusal:
    """An edit of this card alone is refused."""
    return Refusal("chat.update", when=lambda sent: sent.get("ts") == card.ts)


def test_every_refusal_means_one_thing() -> None:
    meanings = {code: meaning_of(code) for code in ("ratelimited", "internal_error", "no_such")}
    assert meanings == {"ratelimited": "busy", "internal_error": "unsure", "no_such": "later"}
    for code in ("invalid_auth", "account_inactive", "token_expired", "not_authed"):
        assert meaning_of(code) == "no-access"
    page = SimpleNamespace(status=502, headers={})  # no JSON, as from a load balancer
    assert meaning(SlackApiError("no JSON", page)) == "unsure"
    limited = SimpleNamespace(status_code=429, data="", headers={"Retry-After": "30"})
    assert meaning(SlackApiError("text", limited)) == "busy"
    assert seconds_to_wait(SlackApiError("text", limited)) == 30.0
    assert meaning(TimeoutError()) == "unsure"


async def test_429_holds_up_one_card_and_the_newest_state_is_sent_afterwards(bots: Bots) -> None:
    first, second = await bots.started(), await bots.started()
    limited = replace(of(first), code="ratelimited", status=429, retry_after=15)
    bots.slack.refuse(limited)
    began = asyncio.get_running_loop().time()
    for run in (1, 2):
        await cancel_run(bots.scene.backends, f"r-{run}", BY_BEN)
    await bots.relay.tick()
    assert "Being cancelled" in shown(second), "nobody waits for the other card"
    assert asyncio.get_running_loop().time() - began < 15
    await bots.happen("meanwhile")
    asked = len(bots.slack.calls)
    await bots.relay.tick()
    assert not [a for _, a in bots.slack.calls[asked:] if a.get("ts") == first.ts], "it waits"

    bots.slack.refuse()
    async with bots.scene.backends.database.transaction() as session:
        run = await session.get_one(Run, 1)
        run.status = "cancelled"
        run.version += 1
    await bots.tick()
    assert first.edits == 1, "only the newest state"
    assert "*Cancelled*" in shown(first)


async def test_a_card_that_slack_is_too_busy_for_comes_later(bots: Bots) -> None:
    bots.slack.refuse(Refusal("chat.postMessage", "ratelimited", 429, times=1, retry_after=600))
    await bots.relay.announce(
        await start_run(bots.scene.backends, REQUEST, BY_BEN), bots.scene.channel
    )
    assert bots.scene.stage.workspace.messages == []
    await bots.relay.tick()
    assert bots.scene.stage.workspace.messages == [], "Slack has asked for ten minutes"
    await bots.tick()
    assert [m.text[:7] for m in bots.scene.stage.workspace.messages] == ["Run r-1"]


@pytest.mark.parametrize(("status", "done"), [(500, True), (200, False)])
async def test_what_slack_may_have_posted_is_looked_for_first(
    bots: Bots, status: int, done: bool
) -> None:
    bots.slack.refuse(Refusal("chat.postMessage", status=status, times=1, done=done))
    view = await start_run(bots.scene.backends, REQUEST, BY_BEN)
    await bots.relay.announce(view, bots.scene.channel)
    await bots.tick()
    (card,) = bots.scene.stage.workspace.messages
    bots.slack.refuse(Refusal("chat.postMessage", status=status, times=1, done=done))
    await bots.happen("a milestone")
    for _ in range(3):
        await bots.tick()
    assert bots.thread(card) == ["a milestone"]
    assert len(bots.slack.called("conversations.replies")) == 1


async def test_what_slack_takes_in_no_form_holds_up_nothing(
    bots: Bots, caplog: pytest.LogCaptureFixture
) -> None:
    card = await bots.started()
    bots.slack.refuse(
        Refusal("chat.postMessage", "msg_too_long", when=lambda sent: "bad" in sent["text"])
    )
    await bots.happen("a bad milestone")
    await bots.happen("a good one")
    for _ in range(2):
        await bots.tick()
    assert bots.thread(card) == ["a good one"]
    assert len(bots.slack.called("chat.postMessage")) == 4, "as it is, and in plain words, once"
    assert "event" in caplog.text
    assert "is left out" in caplog.text


async def test_plain_words_take_the_place_of_what_is_refused(
    bots: Bots, caplog: pytest.LogCaptureFixture
) -> None:
    card = await bots.started()
    bots.slack.refuse(replace(of(card), code="invalid_blocks", times=1))
    await bots.end()
    await bots.tick()
    assert [b["type"] for b in card.blocks] == ["section", "context"]
    assert "no candidate could be trained" in card.text
    assert card.blocks[0]["block_id"] == "card:r-1", "a restart still finds it"
    error_id = card.blocks[1]["elements"][0]["text"].split("`")[1]
    assert f"({error_id}, invalid_blocks)" in caplog.text


async def test_a_card_that_somebody_has_deleted_is_left_alone(bots: Bots) -> None:
    card, other = await bots.started(), await bots.started()
    bots.scene.stage.workspace.messages.remove(card)
    await bots.happen("a milestone")
    await cancel_run(bots.scene.backends, "r-1", BY_BEN)
    await bots.tick()
    asked = len(bots.slack.calls)
    await bots.happen("another")
    await bots.tick()
    assert len(bots.slack.calls) == asked, "it is not asked for again"
    assert bots.told() == []
    await bots.happen("of the other run", run=2)
    await bots.tick()
    assert bots.thread(other) == ["of the other run"]
    await bots.end()
    for _ in range(2):
        await bots.tick()
    (told,) = bots.told()
    assert told.startswith("Your run r-1 on `news` has failed")


async def test_results_that_somebody_has_deleted_are_no_reason_to_stop(
    completed_scene: Scene,
) -> None:
    scene = completed_scene
    async with refusing(scene) as slack:
        bots = Bots(scene, slack)
        card = await scene.announced("r-1")
        results = await scene.reply(card, "Results of r-1")
        scene.stage.workspace.messages.remove(results)
        await scene.command("promote r-1 tfidf-logreg as good on every class", scene.ada)
        await bots.tick()
        assert "was promoted" in bots.thread(card)[-1]
        assert (await bots.row()).trouble == ""


@pytest.mark.parametrize(
    ("code", "why"),
    [("not_in_channel", "Invite me there"), ("is_archived", "the channel is archived")],
)
async def test_who_asked_is_told_once_that_the_channel_shows_nothing(
    bots: Bots, code: str, why: str
) -> None:
    card = await bots.started()
    bots.slack.refuse(
        *(
            Refusal(method, code, when=lambda sent: sent["channel"] == bots.scene.channel)
            for method in ("chat.update", "chat.postMessage")
        )
    )
    await bots.happen("a milestone")
    for _ in range(3):
        await bots.tick()
    (told,) = bots.told()
    assert why in told
    assert "/flywheel status r-1" in told
    bots.slack.refuse()
    await bots.tick()
    assert bots.thread(card) == ([] if code == "is_archived" else ["a milestone"])
    assert (await bots.row()).trouble == ("is_archived" if code == "is_archived" else "")
    assert len(bots.told()) == 1


async def test_who_made_a_schedule_is_told_once_that_its_channel_shows_nothing(bots: Bots) -> None:
    await start_run(bots.scene.backends, REQUEST, BY_BEN)
    async with bots.scene.backends.database.transaction() as session:
        session.add(Announcement(run_id=1, channel=bots.scene.channel))
    here = bots.scene.channel
    bots.slack.refuse(
        Refusal("chat.postMessage", "not_in_channel", when=lambda sent: sent["channel"] == here)
    )
    for _ in range(3):
        await bots.tick()
    (told,) = bots.told()
    assert "Invite me there" in told
    bots.slack.refuse()
    await bots.tick()
    assert [m.text[:7] for m in bots.scene.stage.workspace.messages if m.channel == here] == [
        "Run r-1"
    ]
    assert (await bots.row()).trouble == ""


async def test_a_token_that_is_refused_is_said_once_and_not_tried_in_a_loop(
    bots: Bots, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    cards = [await bots.started() for _ in range(3)]
    bots.messenger.access._pause = 600.0
    methods = ("chat.update", "chat.postMessage", "auth.test", "conversations.replies")
    bots.slack.refuse(*(Refusal(method, "token_revoked") for method in methods))
    for run in (1, 2, 3):
        await bots.happen("a milestone", run)
    asked = len(bots.slack.calls)
    for _ in range(5):
        await bots.tick()
    assert len(bots.slack.calls) == asked + 1, "one refusal is enough for all"
    said = [r.getMessage() for r in caplog.records if "does not accept the bot" in r.getMessage()]
    assert len(said) == 1
    assert "(token_revoked)" in said[0]
    assert "flywheel doctor" in said[0]

    bots.messenger.access._look_at = 0.0
    await bots.tick()
    assert bots.slack.calls[-1][0] == "auth.test"
    bots.slack.refuse()
    bots.messenger.access._look_at = 0.0
    await bots.tick()
    assert [bots.thread(card) for card in cards] == [["a milestone"]] * 3
