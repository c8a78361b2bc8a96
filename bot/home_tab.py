"""Drawing somebody's Home tab, whenever there is a reason to."""

import asyncio
import logging

from bot.context import Bot
from bot.views.home import home_tab
from flywheel.clock import utc_now
from flywheel.errors import UnavailableError
from flywheel.service.home import home, with_log

log = logging.getLogger(__name__)

_LOG_SECONDS = 5.0  # that the log may take; without it the tab has no numbers of records


async def publish(bot: Bot, user: str) -> None:
    """Draw the tab of one person. Raises SlackApiError."""
    actor, backends = await bot.decider(user, "", user)
    view = await home(backends, actor)
    try:
        async with asyncio.timeout(_LOG_SECONDS):
            view = await with_log(backends, view)
    except (TimeoutError, UnavailableError) as error:
        log.warning("the Home tab has to do without the log: %s", error or "it takes too long")
    await bot.messenger.client.views_publish(user_id=user, view=home_tab(view, utc_now()))
