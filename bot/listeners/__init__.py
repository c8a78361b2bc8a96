"""What Slack sends, by kind: commands, button presses, modals, messages."""

from slack_bolt.async_app import AsyncApp

from bot.context import Bot
from bot.listeners import (
    actions,
    asking,
    commands,
    feedback,
    forms,
    home,
    messages,
    modals,
    reviewing,
    schedules,
)


def register(app: AsyncApp, bot: Bot) -> None:
    """Connect every listener."""
    commands.register(app, bot)
    actions.register(app, bot)
    modals.register(app, bot)
    forms.register(app, bot)
    home.register(app, bot)
    schedules.register(app, bot)
    reviewing.register(app, bot)
    asking.register(app, bot)
    feedback.register(app, bot)
    messages.register(app, bot)
