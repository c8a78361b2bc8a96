"""A question that somebody asks in Slack, and where its answer goes."""

from dataclasses import dataclass, replace
from functools import partial

from bot.announcements import is_direct
from bot.context import Bot
from bot.relay import number, ref
from bot.views.answers import answer
from bot.waiting import Waiting
from flywheel.ports.backends import Backends
from flywheel.service.questions import ask
from flywheel.service.visibility import sees
from flywheel.views import Actor, Place


@dataclass(frozen=True)
class Asking:
    """Who asks what, and where."""

    user: str
    name: str
    team: str
    channel: str
    thread: str | None  # None: the answer is for this person alone
    question: str
    mark: str  # of the answer, so that it is found again
    shown: bool  # whether the question itself is to be seen there
    again: bool = False  # it was delivered before, and a process has died on it

    @property
    def place(self) -> Place:
        """The conversation: with one person alone all that is said, else the thread."""
        thread = None if is_direct(self.channel) else self.thread
        return Place(team=self.team, channel=self.channel, thread=thread)


async def answer_in_place(bot: Bot, asking: Asking, run: str | None = None) -> None:
    """Answer in the thread; to the person alone where others would read what they may not see.

    `run` is the one that it is about, else the one whose thread it is.
    """
    if run is None and asking.thread is not None:
        card = await bot.relay.store.card_at(asking.channel, asking.thread)
        run = ref(card) if card is not None else None
    actor, _ = await bot.viewer(asking.user, asking.name)
    asked = None if asking.shown else (asking.user, asking.question)
    if asking.thread is None:
        found = await ask(bot.backends, asking.question, actor, run, asking.place)
        shown = answer(found, asking.mark, asked)
        await bot.messenger.whisper(asking.channel, asking.user, shown)
        return
    waiting = Waiting(bot.messenger, asking.channel, asking.thread, asking.mark)
    if bot.has_model:
        await waiting.begin(asking.again)
    found = await bot.stoppable.run(
        asking.mark,
        asking.user,
        partial(
            ask, bot.backends, asking.question, actor, run, asking.place, progress=waiting.tell
        ),
        partial(ask, without_model(bot.backends), asking.question, actor, run, asking.place),
    )
    shown = answer(found, asking.mark, asked)
    if await all_may_read(bot, asking.channel, found.limited_to):
        post = partial(bot.messenger.post_once, asking.channel, shown, asking.thread, asking.mark)
        await waiting.end(shown, post)
    else:
        alone = partial(bot.messenger.whisper, asking.channel, asking.user, shown, asking.thread)
        await waiting.end(None, alone)


def without_model(backends: Backends) -> Backends:
    """The same, and the reader answers."""
    return replace(backends, language_model=None)


async def all_may_read(bot: Bot, channel: str, workloads: list[str]) -> bool:
    """Whether nobody reads the channel who may not see one of the workloads."""

    def may(actor: Actor) -> bool:
        return all(sees(bot.backends, actor, workload) for workload in workloads)

    return not workloads or is_direct(channel) or await bot.people.all_see(channel, may)


async def thread_of(bot: Bot, run_id: str, channel: str) -> str | None:
    """Where a run is talked about in a channel, if it is."""
    cards = await bot.relay.store.cards(number(run_id))
    return next((card.ts for card in cards if card.channel == channel), None)
