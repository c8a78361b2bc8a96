"""How many GPUs this machine has, by NVIDIA's own tool."""

import asyncio
import contextlib

from flywheel.errors import UnavailableError

_PROGRAM = "nvidia-smi"


async def machine_gpus(seconds: float) -> int:
    """The GPUs that the driver knows; what runs on them does not count.

    A driver that hangs is given up after `seconds`. Raises UnavailableError.
    """
    hint = "Set nmp_config.gpu_budget to a number, or nmp_config.kubeconfig to count a cluster's."
    try:
        process = await asyncio.create_subprocess_exec(
            _PROGRAM,
            "--query-gpu=uuid",
            "--format=csv,noheader",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise UnavailableError(
            f"The GPUs of this machine cannot be counted: {_PROGRAM} does not start.", hint
        ) from error
    try:
        async with asyncio.timeout(seconds):
            out, complaint = await process.communicate()
    except TimeoutError:
        raise UnavailableError(
            f"The GPUs of this machine cannot be counted: {_PROGRAM} is silent for {seconds:g} s.",
            hint,
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:  # it complains on either stream
        said = " ".join((complaint or out).decode(errors="replace").split())[:200].rstrip(".")
        raise UnavailableError(f"The GPUs of this machine cannot be counted: {said}.", hint)
    return len(set(out.split()))
