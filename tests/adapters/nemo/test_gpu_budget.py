"""How many GPUs there are to plan with: told, or found on a cluster or on this machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.adapters.nemo.gpus import GpuBudget
from flywheel.errors import FlywheelError, SettingsError, UnavailableError
from flywheel.settings.nemo import NmpConfig
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.kubernetes_double import KubernetesDouble, node
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL


@pytest.fixture
async def cluster() -> AsyncIterator[KubernetesDouble]:
    made = KubernetesDouble()
    async with made.serve():
        yield made


@pytest.fixture
def kubeconfig(cluster: KubernetesDouble, tmp_path: Path) -> Path:
    return cluster.kubeconfig(tmp_path / "kubeconfig")


def budget(keep_seconds: float = 60.0, **config: object) -> GpuBudget:
    return GpuBudget(NmpConfig.model_validate({"gpu_budget": "auto", **config}), keep_seconds)


def nvidia_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name, before everything else of the PATH."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


async def test_of_one_number_fine_tuning_and_serving_take_what_they_need(
    make_platform: MakePlatform,
) -> None:
    platform = make_platform(gpu_budget=3, custom={"gpus": 2, "num_nodes": 4})
    assert await platform.budget() == {"gpus": 3}
    assert platform.demand("customize", SMALL) == ("gpus", 8)  # on all its nodes
    assert platform.demand("deploy", LARGE) == ("gpus", 2)
    assert "3 of gpus" in await platform.ping()


async def test_counts_what_the_nodes_of_a_cluster_can_give(
    cluster: KubernetesDouble, kubeconfig: Path
) -> None:
    taint = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
    cluster.nodes = [
        node("a", 8, taints=[taint]),
        node("cordoned", 8, cordoned=True),
        node("control-plane"),
        node("silent", 8, ready=False),
        node("b", 4),
        node("driver-missing", 0),
    ]
    found = budget(kubeconfig=kubeconfig)
    assert await found.pools() == {"gpus": 12}
    assert await found.said() == f"12 GPUs found on 2 nodes of the cluster of {kubeconfig}"


async def test_looks_again_after_a_while_and_once_for_all_who_ask(
    cluster: KubernetesDouble, kubeconfig: Path
) -> None:
    cluster.nodes = [node("a", 8), node("b", 2)]
    found = budget(kubeconfig=kubeconfig)
    assert await asyncio.gather(*(found.pools() for _ in range(5))) == [{"gpus": 10}] * 5
    assert cluster.asked == 1
    cluster.nodes[0] = node("a", 8, cordoned=True)
    assert await found.pools() == {"gpus": 10}
    always = budget(keep_seconds=0, kubeconfig=kubeconfig)
    assert await always.pools() == {"gpus": 2}
    cluster.nodes.pop()
    assert await always.pools() == {"gpus": 0}
    with pytest.raises(UnavailableError, match="no GPUs to plan with"):
        await always.said()


async def test_what_was_found_holds_while_the_cluster_is_away(
    cluster: KubernetesDouble, kubeconfig: Path
) -> None:
    cluster.nodes = [node("a", 8)]
    found = budget(keep_seconds=0, kubeconfig=kubeconfig)
    assert await found.pools() == {"gpus": 8}
    cluster.may_list = False
    assert await found.pools() == {"gpus": 8}
    with pytest.raises(UnavailableError, match="does not let us list its nodes"):
        await found.said()
    cluster.may_list, cluster.nodes = True, [node("a", 4)]
    assert await found.pools() == {"gpus": 4}


async def test_the_context_says_which_cluster(cluster: KubernetesDouble, kubeconfig: Path) -> None:
    cluster.nodes = [node("a", 1)]
    assert await budget(kubeconfig=kubeconfig, kube_context="here").pools() == {"gpus": 1}
    with pytest.raises(UnavailableError, match=r"does not answer"):
        await budget(kubeconfig=kubeconfig, kube_context="gone").pools()
    with pytest.raises(SettingsError, match="Context 'elsewhere' not found"):
        await budget(kubeconfig=kubeconfig, kube_context="elsewhere").pools()


async def test_a_cluster_that_refuses_us(cluster: KubernetesDouble, tmp_path: Path) -> None:
    wrong = cluster.kubeconfig(tmp_path / "wrong", token="of-yesterday")
    with pytest.raises(UnavailableError, match="does not let us list its nodes") as caught:
        await budget(kubeconfig=wrong).pools()
    assert "of-yesterday" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{not yaml",
        "just text",
        "clusters: []",
        "{current-context: a, clusters: [], contexts: [{name: a, context: {cluster: b}}]}",
        (
            "{current-context: a, clusters: [{name: b, cluster: {server: 'http://127.0.0.1:9'}}], "
            "contexts: [{name: a, context: {cluster: b, user: nobody}}]}"
        ),
        "{clusters: [], contexts: []}",
    ],
)
async def test_a_wrong_kubeconfig_is_one_sentence(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        await budget(kubeconfig=path).pools()
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert "nmp_config.kubeconfig" in caught.value.hint


async def test_counts_the_gpus_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "printf 'GPU-5aa1\\nGPU-77c2\\n'"
    nvidia_smi(tmp_path, f'test "$1" = --query-gpu=uuid && {lines}', monkeypatch)
    found = budget()
    assert await found.pools() == {"gpus": 2}
    assert await found.said() == "2 GPUs found on this machine"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'NVIDIA-SMI has failed. Is the driver there?'; exit 9", "NVIDIA-SMI has failed"),
        ("exec sleep 60", "silent"),
        (None, "nvidia-smi does not start"),
    ],
)
async def test_a_machine_whose_gpus_cannot_be_counted(
    script: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flywheel.adapters.nemo.gpus.LIMIT_SECONDS", 0.5)
    monkeypatch.setenv("PATH", str(tmp_path))
    if script is not None:
        nvidia_smi(tmp_path, script, monkeypatch)
    with pytest.raises(UnavailableError, match=said) as caught:
        await budget().pools()
    assert "gpu_budget" in caught.value.hint


async def test_doctor_says_what_was_found_or_why_not(
    make_platform: MakePlatform, double: NemoDouble, cluster: KubernetesDouble, kubeconfig: Path
) -> None:
    cluster.nodes = [node("a", 1)]
    platform = make_platform(gpu_budget="auto", kubeconfig=kubeconfig)
    assert (await platform.ping()).endswith(f"1 GPU found on 1 node of the cluster of {kubeconfig}")
    lost = make_platform(gpu_budget="auto", kubeconfig=kubeconfig.with_name("none"))
    with pytest.raises(FlywheelError, match="not found"):
        await lost.ping()
