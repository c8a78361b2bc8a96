"""`flywheel api`."""

from typing import Annotated

import typer

from flywheel.cli.context import backends, console, run, stop_on_signals


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("api")(api)


def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
) -> None:
    """Serve the HTTP API alone; `flywheel worker` drives the runs elsewhere."""
    from flywheel.api.serve import serve  # only here: FastAPI takes a while to import

    async def main() -> None:
        async with backends(with_queue=True, keep_log=True) as opened:
            await serve(
                opened,
                host,
                port,
                stop_on_signals(),
                lambda line: console.print(line, markup=False, soft_wrap=True),
            )

    run(main())
