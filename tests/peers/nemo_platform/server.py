"""The real NeMo Platform server, as a process of ours with folders of its own.

`python -m tests.peers.nemo_platform.server ENVIRONMENT` starts one and keeps it until Ctrl-C.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

READY_SECONDS, STOP_SECONDS = 300.0, 60.0
SERVICES = (
    "entities,models,inference-gateway,secrets,files,jobs,auth,evaluator,customization,deployments"
)
CONTROLLERS = "jobs,models,entities,deployments"

# Container steps run as processes of this host, and files stay in the folder: by default they go
# to /data, whatever NMP_DATA_DIR says.
CONFIG = """
platform:
  runtime: none
jobs:
  schedule_interval_seconds: 1
  reconcile_interval_seconds: 1
  executors:
    - provider: subprocess
      profile: default
      backend: subprocess
      config: {{working_directory: {folder}/jobs}}
files:
  default_storage_config: {{type: local, path: {folder}/files}}
"""


class Server(NamedTuple):
    """One that answers."""

    url: str
    pid: int
    seconds: float  # from start to ready
    folder: Path

    def resident_mb(self) -> float:
        """Its memory now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def nemo_platform(environment: Path, folder: Path) -> Iterator[Server]:
    """A server that is ready, on 127.0.0.1, with all its files in `folder`."""
    folder = folder.absolute()
    for name in ("home", "state", "data", "jobs", "files"):
        (folder / name).mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(environment.absolute() / "bin" / "nemo", "services", "run"),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--services", SERVICES, "--controllers", CONTROLLERS),
            ],
            env={
                "PATH": f"{environment.absolute()}/bin:{os.defpath}",
                "HOME": str(folder / "home"),
                "XDG_STATE_HOME": str(folder / "state"),
                "NMP_DATA_DIR": str(folder / "data"),
                "NMP_CONFIG_FILE_PATH": str(folder / "config.yaml"),
                "NEMO_TELEMETRY_ENABLED": "false",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a signal to us is none to it
        )
    try:
        _wait_until_ready(url, process, folder)
        yield Server(url, process.pid, time.monotonic() - began, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            tail = (folder / "server.log").read_text("utf-8", "replace").splitlines()[-5:]
            raise RuntimeError(f"The server ended: {' / '.join(tail)}")
        try:
            if httpx.get(f"{url}/health/ready", timeout=5).is_success:
                return
        except httpx.RequestError:
            pass
        time.sleep(0.25)
    raise TimeoutError(f"The server is not ready after {READY_SECONDS:g} s.")


def main() -> None:
    """Start one and say where it is."""
    with (
        tempfile.TemporaryDirectory() as folder,
        nemo_platform(Path(sys.argv[1]), Path(folder)) as server,
    ):
        print(f"{server.url} ready in {server.seconds:.0f} s, {server.resident_mb():.0f} MB")
        print("Ctrl-C stops it.", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
