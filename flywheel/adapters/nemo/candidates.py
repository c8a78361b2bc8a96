"""The configured NIMs as candidates, and the GPUs that they take. Pure."""

import difflib
from collections.abc import Mapping, Sequence

from flywheel.adapters.nemo.names import slug
from flywheel.errors import InvalidInputError, SettingsError
from flywheel.ports.platform import GRADIENT_PARAMETERS, CandidateSpec, JobKind
from flywheel.scheduling.packing import NOTHING, Demand, Pool
from flywheel.settings.nemo import NimConfig

TRAINING: Pool = "training"
INFERENCE: Pool = "inference"
GPUS: Pool = "gpus"  # for both, where the budget is one number

_SECONDS: dict[JobKind, float] = {
    "upload": 60.0,
    "deploy": 900.0,
    "customize": 3600.0,
    "evaluate": 600.0,
}


class Candidates:
    """What `nims` names; of two of one name the first counts.

    `shared`: fine-tuning and serving take GPUs out of one pool. Raises SettingsError where there
    is none, or where two could not be told apart in NeMo.
    """

    def __init__(self, nims: Sequence[NimConfig], *, shared: bool = False) -> None:
        self._nims: dict[str, NimConfig] = {}
        self._training, self._inference = (GPUS, GPUS) if shared else (TRAINING, INFERENCE)
        for nim in nims:
            if nim.model_type == "llm":
                self._nims.setdefault(nim.model_name, nim)
        if not self._nims:
            raise SettingsError("nims names no model.", "Name at least one for platform nemo.")
        slugs: dict[str, str] = {}
        for name in self._nims:
            other = slugs.setdefault(slug(name), name)
            if other != name:
                raise SettingsError(
                    f"nims has {other} and {name}, which would have one name in NeMo.",
                    "Leave one of them out.",
                )

    def specs(self) -> list[CandidateSpec]:
        """All of them, in the configured order."""
        return [_spec(nim) for nim in self._nims.values()]

    def nim(self, name: str) -> NimConfig:
        """The NIM of that name. Raises InvalidInputError, naming the nearest."""
        if name not in self._nims:
            nearest = difflib.get_close_matches(name, self._nims, n=1, cutoff=0.5)
            hint = f"Did you mean '{nearest[0]}'? " if nearest else ""
            raise InvalidInputError(
                f"nims has no model '{name}'.", f"{hint}It has: {', '.join(self._nims)}."
            )
        return self._nims[name]

    def demand(self, kind: JobKind, name: str) -> Demand:
        """The GPUs of a job: for training those of customizer_configs, else those of the NIM.

        None for a model that is not configured any more: its job fails and says so.
        """
        if name not in self._nims:
            return NOTHING
        if kind == "deploy":
            return Demand(self._inference, gpus_of(self.nim(name)))
        training = self.nim(name).customizer_configs if kind == "customize" else None
        if training is None:
            return NOTHING
        return Demand(self._training, training.gpus * training.num_nodes)


def expected_seconds(kind: JobKind) -> float:
    """How long such a job takes, for want of anything measured."""
    return _SECONDS[kind]


def gpus_of(nim: NimConfig) -> int:
    """GPUs of a deployment."""
    return 1 if nim.gpus is None else nim.gpus


def left_of(budget: Mapping[Pool, int], helpers: int) -> dict[Pool, int]:
    """The budget without the GPUs of helper models, which runs share."""
    served = (INFERENCE, GPUS)
    return {
        pool: max(0, amount - helpers) if pool in served else amount
        for pool, amount in budget.items()
    }


def _spec(nim: NimConfig) -> CandidateSpec:
    gpus = gpus_of(nim)
    how = "LoRA fine-tuning" if nim.customization_enabled else "asked only"
    return CandidateSpec(
        name=nim.model_name,
        description=f"NIM on {gpus} GPU{'s' if gpus > 1 else ''}, {how}",
        base_label="the base model without examples",
        customizable=nim.customization_enabled,
        takes_prompts=True,
        workload_types=frozenset({"classification", "tool_calling", "generic"}),
        parameters=GRADIENT_PARAMETERS if nim.customization_enabled else frozenset(),
    )
