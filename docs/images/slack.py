"""Takes docs/images/slack-*.png: `LOCAL_SLACK=… python -m docs.images.slack CHROMIUM`.

A run of the synthetic log, asked for and decided on in the Slack that `make test-slack` installs;
the pictures are its own page in a browser. Needs `pip install playwright`, for this alone.
"""

import asyncio
import io
import os
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright
from rich.console import Console

from bot.console.demo import WORKLOAD, prepare
from bot.views.results import APPROVE
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.peers.slack.app import App, running
from tests.peers.slack.local_slack import ADA, BEN, SECRET, buttons, local_slack
from tests.peers.slack.proxy import proxy

HERE = Path(__file__).parent
SIZE = {"width": 1280, "height": 1000}


async def main(browser: str) -> None:
    """Play and take the pictures."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    slack_port, proxy_port, app_port = (x.getsockname()[1] for x in listeners)
    for listener in listeners:
        listener.close()
    slack_url, url = f"http://127.0.0.1:{slack_port}", f"http://127.0.0.1:{proxy_port}"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = {
            "FLYWHEEL_HOME": str(folder / "home"),
            "FLYWHEEL_APPROVAL_CONFIG__APPROVERS": ADA,
            "SLACK_BOT_TOKEN": "xoxb-peer",
            "SLACK_APP_TOKEN": "xapp-peer",
            "SLACK_SIGNING_SECRET": SECRET,
        }
        backends = await stack.enter_async_context(open_backends(load_settings(environ=environ)))
        await prepare(backends, Console(file=io.StringIO()))
        binary = os.environ["LOCAL_SLACK"]
        slack = await stack.enter_async_context(
            local_slack(binary, folder, "socket", f"{url}/deliver", slack_port)
        )
        await stack.enter_async_context(
            proxy(slack_url, f"http://127.0.0.1:{app_port}/slack/events", "socket", proxy_port)
        )
        app = App(f"{url}/api/", app_port, environ, folder / "app.log")
        await stack.enter_async_context(running(app))
        playing = await stack.enter_async_context(async_playwright())
        chromium = await playing.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = await chromium.new_page(viewport=SIZE)
        await page.goto(slack.url)
        await page.get_by_text("ui live").wait_for()

        await slack.command("run", BEN)
        await page.get_by_text("Start a run").first.wait_for()
        await slack.submit(BEN, {"workload": {"workload": _chosen(WORKLOAD)}})
        results = await slack.until(lambda m: APPROVE in buttons(m))
        await page.get_by_text("replies").first.click()
        await page.get_by_text("Approve & promote").first.scroll_into_view_if_needed()
        await page.screenshot(path=HERE / "slack-results.png")
        await slack.press(results, APPROVE, ADA)
        await page.get_by_text("Promote a model").first.wait_for()
        await page.screenshot(path=HERE / "slack-approve.png")
        await chromium.close()


def _chosen(value: str) -> dict[str, object]:
    return {"type": "static_select", "selected_option": {"value": value}}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
