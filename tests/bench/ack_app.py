"""The whole app with its worker, as a process: `python -m tests.bench.ack_app API_URL PORT`."""

import asyncio
import sys

from bot.serve import serve
from flywheel.settings import load_settings
from flywheel.wiring import open_backends


async def main(api_url: str, port: int) -> None:
    """Serve until SIGTERM; what it says goes to stdout, a line each."""
    async with open_backends(load_settings()) as backends:
        await serve(
            backends,
            with_worker=True,
            host="127.0.0.1",
            port=port,
            say=lambda line: print(line, flush=True),
            api_url=api_url,
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
