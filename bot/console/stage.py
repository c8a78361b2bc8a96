"""The console put together: a workspace, the app in front of it, and people."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bot.app import build_app
from bot.console.person import Delivery, Person
from bot.console.uploads import Uploads
from bot.console.web_api import serve_workspace
from bot.console.workspace import Workspace
from bot.context import Bot
from flywheel.ports.backends import Backends
from flywheel.settings.access import AccessConfig


@dataclass(frozen=True)
class Stage:
    """Everything that a console conversation needs."""

    workspace: Workspace
    bot: Bot
    delivery: Delivery
    people: dict[str, Person]  # by user id


@asynccontextmanager
async def open_stage(
    backends: Backends,
    people: dict[str, str],
    approvers: Sequence[str],
    *,
    relay: bool = True,
    pictures: bool = True,
) -> AsyncIterator[Stage]:
    """Run the app against a workspace with these people (id to name) while the block runs.

    Without `relay` commands are answered, but nobody follows the runs. What is uploaded is kept
    in a folder under home.
    """
    workspace = Workspace(dict(people), uploads=Uploads(backends.settings.home / "pictures"))
    stop = asyncio.Event()
    async with serve_workspace(workspace) as url:
        app, bot = build_app(
            _approved_by(backends, approvers),
            token=workspace.token,
            signing_secret=workspace.signing_secret,
            api_url=f"{url}/api/",
            console=workspace.name,
        )
        delivery = Delivery(workspace, app.async_dispatch)
        cast = {user: Person(workspace, delivery, f"{url}/response/", user) for user in people}
        await bot.relay.store.adopt(workspace.channel)
        tasks = [bot.relay.run(stop), bot.announcements.run(stop)] if relay else []
        if pictures:
            tasks.append(bot.pictures.run(stop))
        relaying = asyncio.gather(*tasks)
        try:
            yield Stage(workspace, bot, delivery, cast)
        finally:
            await bot.inbox.idle()
            stop.set()
            bot.relay.nudge()
            await relaying
            await bot.relay.store.clear()
            await bot.close()


def _approved_by(backends: Backends, approvers: Sequence[str]) -> Backends:
    """The same backends; whoever has this shell has the files, so they decide and see everything.

    They see what happens as it happens: nobody has to be told directly.
    """
    rule = backends.settings.approval_config.model_copy(update={"approvers": list(approvers)})
    slack = backends.settings.slack_config.model_copy(update={"tell_requester": False})
    listed = backends.settings.access_config.workloads
    access = AccessConfig(workloads={name: [*who, *approvers] for name, who in listed.items()})
    settings = backends.settings.model_copy(
        update={"approval_config": rule, "access_config": access, "slack_config": slack}
    )
    return replace(backends, settings=settings)
