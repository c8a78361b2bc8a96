"""The card of a run that somebody has started here."""

from slack_sdk.errors import SlackApiError

from bot.context import Bot
from bot.errors import refused
from bot.refusals import meaning
from flywheel.errors import UnavailableError
from flywheel.views import RunView


async def announced(bot: Bot, view: RunView, channel: str) -> None:
    """Post it. Raises UnavailableError where Slack refuses: the run goes on all the same."""
    try:
        await bot.relay.announce(view, channel)
    except SlackApiError as error:
        shows = f"`/flywheel status {view.id}` shows it meanwhile."
        known = refused(error)
        if known is None or meaning(error) == "no-place":
            raise UnavailableError(
                f"{view.id} has started, but I cannot post in this channel.",
                f"Invite me with `/invite @flywheel` and its card will appear; {shows}",
            ) from error
        why, _ = known
        raise UnavailableError(f"{view.id} has started, but not its card: {why}", shows) from error
