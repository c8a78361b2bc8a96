"""Settings: config.yaml and the environment, checked once, read everywhere."""

from flywheel.settings.endpoints import ServedCandidateConfig
from flywheel.settings.insights import InsightsConfig
from flywheel.settings.load import load_settings
from flywheel.settings.nemo import NemoPlatformConfig
from flywheel.settings.run_config import merge_run_config, stored_run_config
from flywheel.settings.sections import (
    DataSplitConfig,
    DecisionConfig,
    EvaluationConfig,
    IclConfig,
    LocalPlatformConfig,
    LoraConfig,
    PriceConfig,
    RunConfig,
    Settings,
    TrainingConfig,
    WorkerConfig,
)
from flywheel.settings.slack import SlackConfig
from flywheel.settings.sweep import StudentConfig, SweepConfig

__all__ = [
    "DataSplitConfig",
    "DecisionConfig",
    "EvaluationConfig",
    "IclConfig",
    "InsightsConfig",
    "LocalPlatformConfig",
    "LoraConfig",
    "NemoPlatformConfig",
    "PriceConfig",
    "RunConfig",
    "ServedCandidateConfig",
    "Settings",
    "SlackConfig",
    "StudentConfig",
    "SweepConfig",
    "TrainingConfig",
    "WorkerConfig",
    "load_settings",
    "merge_run_config",
    "stored_run_config",
]
