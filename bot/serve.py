"""Running the bot: Socket Mode or HTTP, alone or with a worker in the same process."""

import asyncio
import contextlib
import gc
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from bot.app import build_app
from bot.background import Background
from bot.context import Bot
from bot.errors import slack_code
from bot.refusals import AWAY, meaning
from flywheel.api import app as http_api
from flywheel.api.auth import access_for
from flywheel.cli.context import stop_on_signals
from flywheel.errors import FlywheelError, SettingsError, UnavailableError
from flywheel.http_server import http_server
from flywheel.ports.backends import Backends
from flywheel.settings import Settings
from flywheel.worker import run_worker

log = logging.getLogger(__name__)

Say = Callable[[str], None]

_HOW = (
    "Create the app from config/slack-manifest.yaml, then set SLACK_BOT_TOKEN (xoxb-…) and "
    "SLACK_APP_TOKEN (xapp-…, Socket Mode) or SLACK_SIGNING_SECRET (HTTP)."
)

_OUT_OF_ORDER = ("Slack is out of order, or very busy.", "Start again in a minute.")


def slack_problem(settings: Settings) -> SettingsError | None:
    """What keeps this configuration from talking to Slack, or None."""
    tokens = settings.secrets
    bot, app = tokens.slack_bot_token, tokens.slack_app_token
    if bot is None:
        return SettingsError("Slack is not configured: SLACK_BOT_TOKEN is not set.", _HOW)
    if not bot.get_secret_value().startswith("xoxb-"):
        return SettingsError(
            "SLACK_BOT_TOKEN is not a bot token.",
            "It starts with 'xoxb-'; see OAuth & Permissions.",
        )
    if app is None and tokens.slack_signing_secret is None:
        return SettingsError(
            "Slack is half configured: neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set.",
            _HOW,
        )
    if app is not None and not app.get_secret_value().startswith("xapp-"):
        return SettingsError(
            "SLACK_APP_TOKEN is not an app-level token.",
            "It starts with 'xapp-' and has the scope connections:write.",
        )
    return None


class Identity(NamedTuple):
    """The app as Slack knows it."""

    name: str  # with its workspace
    headers: Mapping[str, str]  # of the answer; they name the scopes of the token


async def who_am_i(client: AsyncWebClient) -> Identity:
    """What Slack says of the token. Raises SettingsError, UnavailableError."""
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        if meaning(error) in {"busy", "unsure"}:
            raise UnavailableError(*_OUT_OF_ORDER) from error
        raise SettingsError(
            f"Slack does not accept SLACK_BOT_TOKEN ({slack_code(error)}).",
            "Copy it again from OAuth & Permissions, and reinstall the app if its scopes changed.",
        ) from error
    except AWAY as error:
        raise UnavailableError(
            "Slack does not answer.", "Check the network, and HTTPS_PROXY where you need one."
        ) from error
    return Identity(f"@{answer['user']} in {answer['team']}", answer.headers)


async def serve(
    backends: Backends,
    *,
    with_worker: bool,
    host: str,
    port: int,
    say: Say,
    api_url: str | None = None,
) -> None:
    """Run until SIGINT or SIGTERM; `with_worker` serves the HTTP API as well.

    Without Slack only `with_worker` has something to do.

    `api_url` names another Web API than Slack's, on this machine.
    Raises SettingsError where Slack is needed and not configured, or the address needs a key of
    the API and there is none; UnavailableError where the address is taken or Slack does not answer.
    """
    problem = slack_problem(backends.settings)
    if problem is not None and not with_worker:
        raise problem
    access = access_for(backends.settings, host) if with_worker else None
    api = http_api.health_app(backends) if access is None else http_api.build_app(backends, access)
    stop = stop_on_signals()
    async with contextlib.AsyncExitStack() as stack:
        routes: list[BaseRoute] = []
        if problem is None:
            routes += await stack.enter_async_context(_slack(backends, stop, say, api_url))
        else:
            say(f"{problem.message} {problem.hint} Until then: `flywheel chat`.")
        routes.append(Mount("/", api))  # after Slack's route: it takes every path
        url = await stack.enter_async_context(http_server(Starlette(routes=routes), host, port))
        say(f"Listening on {url}; Ctrl-C stops it.")
        if access is not None:
            say(access.sentence(url))
        _collect_rarely()
        if with_worker:
            say("The worker is waiting for runs.")
            await run_worker(backends, stop)
        await stop.wait()
        say("Stopping.")


def _collect_rarely() -> None:
    """Let full garbage collections be short and rare: each holds up every acknowledgement."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def _slack(
    backends: Backends, stop: asyncio.Event, say: Say, api_url: str | None
) -> AsyncIterator[list[Route]]:
    """The app, connected; yields the routes that it needs."""
    tokens = backends.settings.secrets
    assert tokens.slack_bot_token is not None  # slack_problem has said so
    signing = tokens.slack_signing_secret
    token = tokens.slack_bot_token.get_secret_value()
    app, bot = build_app(
        backends,
        token=token,
        # Socket Mode carries no signatures; without HTTP nobody can send one either.
        signing_secret=signing.get_secret_value() if signing else secrets.token_hex(16),
        api_url=api_url,
    )
    try:
        name = (await who_am_i(bot.messenger.client)).name
    except FlywheelError:
        await bot.close()
        raise
    rules = backends.settings.approval_config
    if not rules.approvers and not any(rules.workloads.values()):
        say("Nobody can approve promotions yet: list Slack user ids in approval_config.approvers.")
    tasks = [
        asyncio.create_task(bot.relay.run(stop), name="relay"),
        asyncio.create_task(bot.announcements.run(stop), name="announcements"),
        asyncio.create_task(bot.pictures.run(stop), name="pictures"),
        asyncio.create_task(bot.inbox.run(stop), name="inbox"),
    ]
    if backends.language_model is not None:
        tasks.append(asyncio.create_task(backends.language_model.warm(), name="language model"))
    try:
        if tokens.slack_app_token is not None:
            app_token = tokens.slack_app_token.get_secret_value()
            async with _socket(app, bot.messenger.client, app_token):
                say(f"Connected to Slack as {name} (Socket Mode).")
                yield []
        else:
            say(f"Waiting for Slack at /slack/events as {name}.")
            yield [_events(app)]
    finally:
        await _close(bot, stop, tasks)


async def _close(bot: Bot, stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    stop.set()
    bot.relay.nudge()
    await asyncio.gather(*tasks)
    await bot.close()


class _SocketModeHandler(AsyncSocketModeHandler):
    """Bolt's own takes one delivery after the other: each would wait for those before it."""

    def __init__(self, app: AsyncApp, app_token: str, web_client: AsyncWebClient) -> None:
        super().__init__(app, app_token, web_client=web_client)
        self._handling = Background()

    async def handle(  # type: ignore[override]  # as Bolt's own does
        self, client: SocketModeClient, req: SocketModeRequest
    ) -> None:
        """Acknowledge it as soon as it is done, whatever the others do."""
        self._handling.start(super().handle(client, req), "envelope")


@contextlib.asynccontextmanager
async def _socket(app: AsyncApp, client: AsyncWebClient, app_token: str) -> AsyncIterator[None]:
    handler = _SocketModeHandler(app, app_token, web_client=client)
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]
    except SlackApiError as error:
        if meaning(error) in {"busy", "unsure"}:
            raise UnavailableError(*_OUT_OF_ORDER) from error
        raise SettingsError(
            f"Slack does not accept SLACK_APP_TOKEN ({slack_code(error)}).",
            "Make one with the scope connections:write, and switch Socket Mode on.",
        ) from error
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


def _events(app: AsyncApp) -> Route:
    handler = AsyncSlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    return Route("/slack/events", events, methods=["POST"])
