"""A question that somebody asks in Slack, and where its answer goes."""

from dataclasses import dataclass

from bot.announcements import is_direct
from bot.context import Bot
from bot.relay import number, ref
from bot.views.answers import answer
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
    found = await ask(bot.backends, asking.question, actor, run, asking.place)
    asked = None if asking.shown else (asking.user, asking.question)
    shown = answer(found, asking.mark, asked)
    if asking.thread is None:
        await bot.messenger.whisper(asking.channel, asking.user, shown)
    elif await all_may_read(bot, asking.channel, found.limited_to):
        await bot.messenger.post_once(asking.channel, shown, asking.thread, asking.mark)
    else:
        await bot.messenger.whisper(asking.channel, asking.user, shown, asking.thread)


async def all_may_read(bot: Bot, channel: str, workloads: list[str]) -> bool:
    """Whether nobody reads the channel who may not see one of the workloads."""

    def may(actor: Actor) -> bool:
        return all(sees(bot.backends, actor, workload) for workload in workloads)

    return not workloads or is_direct(channel) or await bot.people.all_see(channel, may)


async def thread_of(bot: Bot, run_id: str, channel: str) -> str | None:
    """Where a run is talked about in a channel, if it is."""
    cards = await bot.relay.store.cards(number(run_id))
    return next((card.ts for card in cards if card.channel == channel), None)
