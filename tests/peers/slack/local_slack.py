"""The other Slack as a process, and what people do and see in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

ADA, BEN, EVE = "U0APPROVE01", "U0READER002", "U0APPROVE03"
CHANNEL, BOT, APP = "C0GENERAL01", "U0FLYWHEEL1", "A0FLYWHEEL1"
SECRET = "peer-secret"
SECONDS = 60.0

Json = dict[str, Any]
Found = TypeVar("Found")


class LocalSlack:
    """Drives the other Slack as a person would, and looks at what it shows."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def command(self, text: str, user: str = BEN) -> None:
        """Type `/flywheel <text>` in the channel."""
        await self._do("command", user=user, command="/flywheel", text=text)

    async def say(self, text: str, user: str = BEN, channel: str = CHANNEL) -> None:
        """Write a message."""
        await self._do("message", user=user, text=text, channel=channel)

    async def press(self, message: Json, action_id: str, user: str) -> None:
        """Press a button of a message."""
        await self._do(
            "interact", user=user, messageTs=message["ts"], action=button(message, action_id)
        )

    async def open_home(self, user: str) -> None:
        """Open the Home tab."""
        await self._do("open-home", user=user)

    async def submit(self, user: str, values: Json) -> None:
        """Send the modal that is open."""
        async with self._session.ws_connect(f"{self.url}/ui") as screen:
            await screen.send_json({"t": "view_submit", "user": user, "values": values})
            await screen.receive(timeout=SECONDS)

    async def screen(self) -> Json:
        """All that the workspace's own page shows: modals, Home tabs, errors in modals."""
        async with self._session.ws_connect(f"{self.url}/ui") as screen:
            message = await screen.receive(timeout=SECONDS)
        return dict(json.loads(message.data))

    async def messages(self, channel: str = CHANNEL) -> list[Json]:
        """What is in a channel, the oldest first."""
        answer = await self._session.get(f"{self.url}/_control/messages/{channel}")
        return list((await answer.json())["messages"])

    async def until(self, wanted: Callable[[Json], bool], channel: str = CHANNEL) -> Json:
        """The last message that is wanted, as soon as there is one."""

        async def look() -> list[Json]:
            return [m for m in await self.messages(channel) if wanted(m)]

        return (await self.wait(look))[-1]

    async def wait(self, look: Callable[[], Awaitable[Found]]) -> Found:
        """What `look` finds, as soon as it finds something."""
        async with asyncio.timeout(SECONDS):
            while not (found := await look()):
                await asyncio.sleep(0.1)
        return found

    async def _do(self, what: str, **body: Any) -> None:
        answer = await self._session.post(
            f"{self.url}/_control/{what}", json={"channel": CHANNEL, **body}
        )
        answer.raise_for_status()


def button(message: Json, action_id: str) -> Json:
    """A button of a message or view, with its block. Raises LookupError."""
    for block in message["blocks"]:
        for element in block.get("elements", []):
            if element.get("action_id") == action_id:
                return {**element, "block_id": block["block_id"]}
    raise LookupError(f"no button {action_id} in {message}")


def buttons(message: Json) -> set[str]:
    """The buttons of a message or view."""
    return {
        element["action_id"]
        for block in message.get("blocks") or []
        if block["type"] == "actions"
        for element in block["elements"]
    }


@asynccontextmanager
async def local_slack(
    binary: str, folder: Path, mode: str, deliver_to: str, port: int
) -> AsyncIterator[LocalSlack]:
    """The other Slack, with three people and a channel, on this port."""
    config = {
        "workspace": {"name": "Peer", "domain": "peer", "teamId": "T0PEER0001"},
        "app": {
            "appId": APP,
            "botUserId": BOT,
            "botName": "flywheel",
            "botToken": "xoxb-peer",
            "appToken": "xapp-peer",
            "signingSecret": SECRET,
            "mode": mode,
            "requestUrl": deliver_to,
        },
        "users": [
            {"id": user, "name": name, "real_name": name}
            for user, name in ((ADA, "ada"), (BEN, "ben"), (EVE, "eve"))
        ],
        "channels": [{"id": CHANNEL, "name": "general", "members": [ADA, BEN, EVE, BOT]}],
    }
    path = folder / "slack.json"
    path.write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        *(binary, "--config", str(path), "--port", str(port), "--base-host", "127.0.0.1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(SECONDS):
                while True:
                    try:
                        await session.get(f"http://127.0.0.1:{port}/_control/state")
                        break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.05)
            yield LocalSlack(session, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()
