"""The Slack app: Bolt around the listeners. The console runs this very app."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.announcements import Announcements
from bot.context import Bot
from bot.doors import Doors
from bot.errors import unexpected
from bot.inbox.inbox import Inbox
from bot.listeners import register
from bot.messenger import Messenger, retry_handlers
from bot.people import People
from bot.pictures import PicturePoster
from bot.relay import Relay
from flywheel.ports.backends import Backends

log = logging.getLogger(__name__)

_SECONDS = 30  # that one call to Slack may take


def build_app(
    backends: Backends,
    *,
    token: str,
    signing_secret: str,
    api_url: str | None = None,
    console: str | None = None,
) -> tuple[AsyncApp, Bot]:
    """The app with its listeners, and the parts that they share; whoever has them closes them.

    `api_url` names another Web API than Slack's, on this machine; `console` what the channels of
    a console start with.
    """
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))
    client = AsyncWebClient(token=token, session=session, retry_handlers=retry_handlers())
    if api_url is not None:
        client.base_url = api_url
        client.proxy = None

    async def use_our_client(
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[Any]],  # noqa: A002
    ) -> Any:
        context["client"] = client  # Bolt's own copy drops the settings made above
        return await next()

    app = AsyncApp(
        name="flywheel",
        token=token,
        signing_secret=signing_secret,
        before_authorize=use_our_client,
        # Listeners only take a delivery; without this Bolt looks every 10 ms whether one has.
        process_before_response=True,
    )
    messenger = Messenger(client)
    relay = Relay(backends, messenger, workspace=console)
    announcements = Announcements(backends, messenger, relay, workspace=console)
    people = People(client, backends.settings.approval_config, backends.settings.access_config)
    inbox = Inbox(backends.database, console or "")
    bot = Bot(
        backends=backends,
        messenger=messenger,
        relay=relay,
        announcements=announcements,
        pictures=PicturePoster(backends, messenger, relay.store),
        people=people,
        inbox=inbox,
        origin="console" if console else "slack",
    )
    if console is None:
        app.middleware(Doors(backends.settings.slack_config).middleware)
    app.middleware(inbox.middleware)
    app.error(_on_error)
    register(app, bot)
    return app, bot


async def _on_error(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """What fails before a listener has taken over, such as a database that is away."""
    error_id = secrets.token_hex(4)
    log.error("a delivery could not be handled (%s)", error_id, exc_info=error)
    if "command" in body:  # the answer to a command is shown to the person who typed it
        return BoltResponse(status=200, body=unexpected(error_id).text)
    return BoltResponse(status=500, body="")
