"""What there is of GPUs: told by the settings, or found and looked for again after a while."""

import asyncio
import logging
import time

from flywheel.adapters.cluster_gpus import cluster_gpus
from flywheel.adapters.machine_gpus import machine_gpus
from flywheel.adapters.nemo.candidates import GPUS
from flywheel.errors import FlywheelError, UnavailableError
from flywheel.formatting import count
from flywheel.scheduling.packing import Pool
from flywheel.settings.nemo import NmpConfig

log = logging.getLogger(__name__)

KEEP_SECONDS = 60.0  # nodes come, go and are cordoned
RETRY_SECONDS = 5.0  # after a look that failed
LIMIT_SECONDS = 10.0  # for one look


class GpuBudget:
    """The pools of `gpu_budget`. Of GPUs that were found, what holds them is not known."""

    def __init__(self, config: NmpConfig, keep_seconds: float = KEEP_SECONDS) -> None:
        self._config, self._keep = config, keep_seconds
        self._lock = asyncio.Lock()
        self._looked: float | None = None
        self._found: tuple[int, str] | None = None
        self._trouble: FlywheelError | None = None

    @property
    def shared(self) -> bool:
        """Whether fine-tuning and serving have one pool."""
        return not isinstance(self._config.gpu_budget, dict)

    async def pools(self) -> dict[Pool, int]:
        """How many there are; what was found lasts a while, and longer where looking fails.

        Raises what the first look raises.
        """
        budget = self._config.gpu_budget
        if isinstance(budget, dict):
            return dict[str, int](budget.items())
        return {GPUS: budget if isinstance(budget, int) else (await self._known())[0]}

    async def said(self) -> str:
        """The same in words, and where it comes from. Raises where they are not to be found."""
        budget = self._config.gpu_budget
        if budget == "auto":
            gpus, where = await self._known()
            if self._trouble is not None:
                raise self._trouble
            if not gpus:
                raise UnavailableError(
                    f"There are no GPUs to plan with: 0 found {where}.",
                    "A node counts once it is ready, not cordoned and has nvidia.com/gpu.",
                )
            return f"{_gpus(gpus)} found {where}"
        pools = ", ".join(f"{count(n)} of {pool}" for pool, n in (await self.pools()).items())
        return f"GPU budget: {pools or 'no limit'}"

    async def _known(self) -> tuple[int, str]:
        async with self._lock:
            lasts = self._keep if self._trouble is None else min(self._keep, RETRY_SECONDS)
            if self._looked is None or time.monotonic() - self._looked >= lasts:
                try:
                    self._found, self._trouble = await self._look(), None
                except FlywheelError as error:
                    self._trouble = error
                    if self._found is not None:  # else it is raised
                        log.warning(
                            "GPUs cannot be counted, %d are planned with: %s", self._found[0], error
                        )
                self._looked = time.monotonic()
            if self._found is None:
                assert self._trouble is not None
                raise self._trouble
            return self._found

    async def _look(self) -> tuple[int, str]:
        kubeconfig, context = self._config.kubeconfig, self._config.kube_context
        if kubeconfig is None:
            return await machine_gpus(LIMIT_SECONDS), "on this machine"
        found = await cluster_gpus(kubeconfig, context, LIMIT_SECONDS)
        nodes = "1 node" if found.nodes == 1 else f"{count(found.nodes)} nodes"
        return found.gpus, f"on {nodes} of the cluster of {kubeconfig}"


def _gpus(number: int) -> str:
    return "1 GPU" if number == 1 else f"{count(number)} GPUs"
