"""`flywheel up` on another Slack than Slack's: `program.py WEB_API PORT`.

Settings come from the environment, as always.
"""

import asyncio
import logging
import sys
from functools import partial

from bot.serve import serve
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends


async def main() -> None:
    api_url, port = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    async with open_backends(load_settings()) as backends:
        say = partial(print, flush=True)
        await serve(
            backends,
            with_worker=True,
            host="127.0.0.1",
            port=int(port),
            say=say,
            api_url=api_url,
        )


asyncio.run(main())
