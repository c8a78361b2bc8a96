"""What the process that builds is told."""

from pathlib import Path

from pydantic import BaseModel, Field

from flywheel.decisions.sizing import SizePlan
from flywheel.ports.logs import Selection
from flywheel.runs.build.frozen import FrozenFile
from flywheel.settings import DataSplitConfig, EvaluationConfig, Settings


class BuildSpec(BaseModel):
    """What the building process is told; it gets no secrets."""

    settings: Settings
    selection: Selection
    split: DataSplitConfig
    evaluation: EvaluationConfig
    seed: int
    out_dir: Path
    known: list[Path] = Field(
        default_factory=list, description="What the incumbent was trained on; not held out"
    )
    frozen: list[FrozenFile] = Field(
        default_factory=list, description="Every frozen evaluation set of the workload"
    )
    size_plan: SizePlan | None = Field(None, description="For the evaluation size 'auto'")
