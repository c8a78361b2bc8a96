"""`review`: people as judges, in a modal."""

from bot.answers.asked import Asked
from bot.context import Bot, Viewer
from bot.listeners.reviewing import open_review
from bot.parsing.commands import ReviewCommand


async def review(bot: Bot, command: ReviewCommand, asked: Asked) -> None:
    """Open the modal at this person's next record."""
    viewer = Viewer(asked.actor, asked.backends)
    await open_review(bot, viewer, asked.trigger_id, command.run, command.model)
