"""A NeMo of its own for each test, and a run on it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flywheel.adapters.nemo import NemoPlatform
from flywheel.settings.endpoints import JudgeConfig
from flywheel.settings.nemo import CustomizerConfig, NimConfig, NmpConfig
from flywheel.settings.sections import EvaluationConfig
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL, Run, datasets

KEY = "nvapi-hunter2"
QUICK = {
    "nmp_namespace": "team",
    "poll_seconds": 0.0,
    "request_timeout_seconds": 2.0,
    "retry_seconds": 0.01,
    "gpu_budget": {"training": 4, "inference": 4},
}

MakePlatform = Callable[..., NemoPlatform]


@pytest.fixture
def double() -> Iterator[NemoDouble]:
    """An empty NeMo, fifty times as fast as time."""
    with NemoDouble(speed=50) as made:
        yield made


@pytest.fixture
async def make_platform(double: NemoDouble, tmp_path: Path) -> AsyncIterator[MakePlatform]:
    """A platform on that NeMo; another one is another worker on the same notes."""
    made: list[NemoPlatform] = []

    def make(
        root: Path = tmp_path / "nemo",
        judge: JudgeConfig | None = None,
        evaluation: EvaluationConfig | None = None,
        custom: dict[str, Any] | None = None,
        **more: Any,
    ) -> NemoPlatform:
        config = NmpConfig(
            **{
                "nemo_base_url": double.nemo,
                "nim_base_url": double.nim,
                "datastore_base_url": double.datastore,
                **QUICK,
                **more,
            }
        )
        nims = [
            NimConfig(
                model_name=SMALL,
                tag="1.8.3",
                pvc_size="25Gi",
                customization_enabled=True,
                customizer_configs=CustomizerConfig(target=f"{SMALL}@2.0", **(custom or {})),
            ),
            NimConfig(model_name=LARGE, tag="1.8.3", gpus=2),
        ]
        made.append(
            NemoPlatform(
                config,
                nims,
                root,
                judge=judge or JudgeConfig(),
                evaluation=evaluation or EvaluationConfig(),
                api_key=SecretStr(KEY),
            )
        )
        return made[-1]

    yield make
    for platform in made:
        await platform.close()


@pytest.fixture
def run(double: NemoDouble, make_platform: MakePlatform, tmp_path: Path) -> Run:
    """A classification run."""
    return Run(make_platform(), double, datasets(tmp_path / "data"), "fw-0123456789ab")
