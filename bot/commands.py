"""The commands that the bot adds to `flywheel`."""

import typer

from flywheel.cli.context import backends, console, run

# Bolt takes a third of a second to import, and every command loads this module: so each
# function below imports what it needs.

_HOST = typer.Option("127.0.0.1", help="Address to listen on.")
_PORT = typer.Option(8080, min=0, max=65535, help="Port to listen on; 0 takes a free one.")


slack = typer.Typer(help="The connection to Slack.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("bot")(bot)
    app.command("up")(up)
    app.command("chat")(chat)
    app.command("demo")(demo)
    app.add_typer(slack, name="slack")


def bot(host: str = _HOST, port: int = _PORT) -> None:
    """Run the Slack bot alone; `flywheel worker` drives the runs elsewhere."""
    _serve(host, port, with_worker=False)


def up(host: str = _HOST, port: int = _PORT) -> None:
    """Run everything in one process: worker, Slack bot and HTTP API."""
    _serve(host, port, with_worker=True)


@slack.command("check")
def slack_check() -> None:
    """Compare what the app may do in your workspace with what it needs."""
    from bot.scopes import Scopes, check_scopes
    from flywheel.settings import load_settings

    async def main() -> Scopes:
        return await check_scopes(load_settings())

    found = run(main())
    console.print(f"{found.name}, by {found.mode}", markup=False)
    for scope, why in found.missing.items():
        console.print(f"missing: {scope}" + (f" ({why})" if why else ""), markup=False)
    for scope in found.superfluous:
        console.print(f"not needed: {scope}", markup=False)
    if found.missing:
        console.print(
            "Add them under OAuth & Permissions and reinstall the app to the workspace; "
            "config/slack-manifest.yaml has them all.",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    console.print("The app has every scope that it needs.")


def chat() -> None:
    """Talk to flywheel in this terminal: the same app as in Slack, without a workspace."""
    from bot.console.session import chat as talk
    from bot.console.session import console_for

    async def main() -> None:
        async with backends(with_queue=True) as opened:
            await talk(opened, console_for())

    run(main())


def demo() -> None:
    """See a whole run in conversation, from a synthetic log to an approval and back."""
    from bot.console.demo import demo as play_demo

    async def main() -> bool:
        async with backends(with_queue=True) as opened:
            return await play_demo(opened)

    if not run(main()):
        raise typer.Exit(1)


def _serve(host: str, port: int, *, with_worker: bool) -> None:
    from bot.serve import serve

    async def main() -> None:
        async with backends(with_queue=True, keep_log=True) as opened:
            await serve(
                opened,
                with_worker=with_worker,
                host=host,
                port=port,
                say=lambda line: console.print(line, markup=False, soft_wrap=True),
            )

    run(main())
