"""How many GPUs a Kubernetes cluster lets anybody have."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flywheel.errors import SettingsError, UnavailableError

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig
    from lightkube.resources.core_v1 import Node

_RESOURCE = "nvidia.com/gpu"


class ClusterGpus(NamedTuple):
    """What was counted."""

    gpus: int
    nodes: int  # that have them


async def cluster_gpus(kubeconfig: Path, context: str | None, seconds: float) -> ClusterGpus:
    """The allocatable `nvidia.com/gpu` of all nodes that take pods.

    Left out are nodes that are cordoned or not ready. Taints do not count: GPU nodes have them to
    keep everything else away. Raises SettingsError, UnavailableError.
    """
    try:
        import httpx2
        from lightkube import ApiError, AsyncClient
        from lightkube.core.exceptions import ConfigError
        from lightkube.resources.core_v1 import Node
    except ImportError as error:
        raise SettingsError(
            "Counting the GPUs of a cluster needs an extra that is not installed.",
            "Install it: pip install 'flywheel[kubernetes]'.",
        ) from error

    config = await asyncio.to_thread(_config, kubeconfig, context)
    try:
        async with asyncio.timeout(seconds), AsyncClient(config, trust_env=False) as client:
            found = [_gpus(node) async for node in client.list(Node, chunk_size=500)]
    except ApiError as error:
        if error.status.code in {401, 403}:
            raise UnavailableError(
                f"The cluster of {kubeconfig} does not let us list its nodes: {error}.",
                "It takes the right to list nodes.",
            ) from error
        raise UnavailableError(f"The cluster of {kubeconfig} refuses: {error}.") from error
    except (httpx2.HTTPError, ConfigError, TimeoutError, OSError) as error:
        why = str(error) or f"no answer in {seconds:g} s"
        raise UnavailableError(
            f"The cluster of {kubeconfig} does not answer: {why}.",
            "nmp_config.kubeconfig and kube_context say which one is asked.",
        ) from error
    except ValueError as error:
        raise UnavailableError(
            f"What answers at {config.cluster.server} is no Kubernetes.", f"It is in {kubeconfig}."
        ) from error
    return ClusterGpus(sum(found), sum(1 for gpus in found if gpus))


def _config(kubeconfig: Path, context: str | None) -> "SingleConfig":
    """One cluster and one user. Raises SettingsError."""
    from lightkube import KubeConfig
    from lightkube.config.models import User
    from lightkube.core.exceptions import ConfigError

    path, hint = kubeconfig.expanduser(), "nmp_config.kubeconfig names this file."
    try:
        found = KubeConfig.from_file(path).get(context)
    except ConfigError as error:
        raise SettingsError(f"{path} cannot be used: {error}.", hint) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is not a kubeconfig.", hint) from error
    except Exception as error:  # the YAML reader's own
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise SettingsError(f"{path} is not a kubeconfig: it is no YAML.", hint) from error
    assert found is not None  # only a default may be
    return found if found.user is not None else found._replace(user=User())


def _gpus(node: "Node") -> int:
    status = node.status
    if status is None or (node.spec is not None and node.spec.unschedulable):
        return 0
    if not any(one.type == "Ready" and one.status == "True" for one in status.conditions or ()):
        return 0
    return int((status.allocatable or {}).get(_RESOURCE, "0"))
