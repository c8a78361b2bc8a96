"""Settings: config.yaml and the environment, checked once, read everywhere."""

from flywheel.settings.endpoints import ServedCandidateConfig
from flywheel.settings.load import load_settings
from flywheel.settings.nemo import NemoPlatformConfig
from flywheel.settings.run_config import merge_run_config, stored_run_config
from flywheel.settings.sections import (
    DataSplitConfig,
    DecisionConfig,
    EvaluationConfig,
    IclConfig,
    LocalPlatformConfig,
    PriceConfig,
    RunConfig,
    Settings,
    SlackConfig,
    TrainingConfig,
    WorkerConfig,
)

__all__ = [
    "DataSplitConfig",
    "DecisionConfig",
    "EvaluationConfig",
    "IclConfig",
    "LocalPlatformConfig",
    "NemoPlatformConfig",
    "PriceConfig",
    "RunConfig",
    "ServedCandidateConfig",
    "Settings",
    "SlackConfig",
    "TrainingConfig",
    "WorkerConfig",
    "load_settings",
    "merge_run_config",
    "stored_run_config",
]
