"""A Slack that is not ours, as a process: the npm package local-slack, driven as people would.

It drops message metadata, checks no token and no limit of Block Kit, never refuses and never
repeats a delivery; the proxy in front of it does.
"""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp

CHANNEL, OTHER_CHANNEL, BOT = "C0GENERAL01", "C0SECOND002", "U0FLYWHEEL1"
ADA, BEN = "U0APPROVE01", "U0READER002"
CLEO, DAN = "U0THIRD0003", "U0FOURTH004"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-peer", "xapp-peer", "peer-secret"
SECONDS = 30.0

Json = dict[str, Any]
Mode = Literal["socket", "events"]


class LocalSlack:
    """Does what people do, and looks at what they see."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def do(self, what: str, **body: Any) -> None:
        """A command, message, press or look at the Home tab."""
        answer = await self._session.post(
            f"{self.url}/_control/{what}", json={"channel": CHANNEL, **body}
        )
        answer.raise_for_status()

    async def command(self, user: str, text: str, channel: str = CHANNEL) -> None:
        """Type `/flywheel <text>`."""
        await self.do("command", user=user, command="/flywheel", text=text, channel=channel)

    async def press(self, user: str, message: Json, action_id: str) -> None:
        """Press a button of a message. Raises LookupError where it has none of that name."""
        for block in message["blocks"]:
            for element in block.get("elements", []):
                if element.get("action_id") == action_id:
                    action = {**element, "block_id": block["block_id"]}
                    where = {"channel": message["channel"], "messageTs": message["ts"]}
                    await self.do("interact", user=user, action=action, **where)
                    return
        raise LookupError(f"the message has no button {action_id}")

    async def submit(self, user: str, values: Json) -> Json:
        """Send the modal that is in front; the errors by block id, or {} once it has closed."""
        async with self._session.ws_connect(f"{self.url}/ui") as screen:
            await screen.receive(timeout=SECONDS)  # how things are at first
            await screen.send_json({"t": "view_submit", "user": user, "values": values})
            async with asyncio.timeout(SECONDS):
                async for said in screen:
                    seen = said.json()
                    if seen["t"] == "view_errors":
                        return dict(seen["errors"])
                    if seen["t"] == "view":
                        return {}
        raise AssertionError("the screen went dark")

    async def messages(self, channel: str = CHANNEL) -> list[Json]:
        """What a channel holds, also what one person alone sees."""
        answer = await self._session.get(f"{self.url}/_control/messages/{channel}")
        return list((await answer.json())["messages"])

    async def until(self, wanted: Callable[[Json], bool], channel: str = CHANNEL) -> Json:
        """The newest message that is wanted, as soon as it is there."""

        async def look() -> Json | None:
            found = [m for m in await self.messages(channel) if wanted(m)]
            return found[-1] if found else None

        return await soon(look, lambda: self.messages(channel))

    async def until_says(self, part: str, channel: str = CHANNEL) -> Json:
        """The same, for a message whose text has this part."""
        return await self.until(lambda m: part in (m["text"] or ""), channel)

    async def direct(self, user: str) -> str:
        """The channel in which somebody and the app are alone."""
        opened = await self._session.post(
            f"{self.url}/api/conversations.open", json={"users": user}
        )
        return str((await opened.json())["channel"]["id"])


async def soon(
    look: Callable[[], Any], otherwise: Callable[[], Any] | None = None, seconds: float = SECONDS
) -> Any:
    """What `look` finds, as soon as it is there; the failure shows what is there instead."""
    try:
        async with asyncio.timeout(seconds):
            while (found := await look()) is None:
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        shown = None if otherwise is None else await otherwise()
        raise AssertionError(f"it did not come; there is {json.dumps(shown)[-4000:]}") from None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def local_slack(
    binary: str, folder: Path, mode: Mode, request_url: str
) -> AsyncIterator[LocalSlack]:
    """One that answers, with four people and two channels; `request_url` is where it delivers."""
    people = {ADA: "ada", BEN: "ben", CLEO: "cleo", DAN: "dan"}
    members = [*people, BOT]
    config = {
        "workspace": {"name": "Peer", "domain": "peer", "teamId": "T0PEER0001"},
        "app": {
            "appId": "A0FLYWHEEL1",
            "botUserId": BOT,
            "botName": "flywheel",
            "botToken": BOT_TOKEN,
            "appToken": APP_TOKEN,
            "signingSecret": SIGNING_SECRET,
            "mode": mode,
            "requestUrl": request_url,
        },
        "users": [{"id": id_, "name": name, "real_name": name} for id_, name in people.items()],
        "channels": [
            {"id": CHANNEL, "name": "general", "members": members},
            {"id": OTHER_CHANNEL, "name": "second", "members": members},
        ],
    }
    path = folder / f"slack-{secrets.token_hex(4)}.json"
    path.write_text(json.dumps(config))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(binary, "--config", str(path), "--port", str(port), "--base-host", "127.0.0.1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session:

            async def answers() -> bool | None:
                try:
                    return (await session.get(f"{url}/_control/state")).ok or None
                except aiohttp.ClientConnectionError:
                    return None

            await soon(answers)
            yield LocalSlack(session, url)
    finally:
        process.terminate()
        await process.wait()
