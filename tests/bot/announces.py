"""A bot that looks a few times for what is to be said, and waits for no other.

`announces.py WEB_API TOKEN WORKSPACE`
"""

import asyncio
import sys

from bot.announcements import Announcements
from bot.app import build_app
from bot.relay import Relay
from flywheel.settings import load_settings
from flywheel.wiring import open_backends


async def main() -> None:
    api_url, token, workspace = sys.argv[1:]
    async with open_backends(load_settings(), with_queue=False) as backends:
        _, bot = build_app(
            backends, token=token, signing_secret="s", api_url=api_url, console=workspace
        )
        relay = Relay(backends, bot.messenger, workspace=workspace, claim_seconds=0)
        ours = Announcements(backends, bot.messenger, relay, workspace=workspace, claim_seconds=0)
        for _ in range(3):
            await ours.tick()
            await relay.tick()
        await bot.close()


asyncio.run(main())
