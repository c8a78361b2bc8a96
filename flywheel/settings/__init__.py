"""Settings: config.yaml and the environment, checked once, read everywhere."""

from flywheel.settings.sections import (
    DataSplitConfig,
    DecisionConfig,
    EvaluationConfig,
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
    "LocalPlatformConfig",
    "PriceConfig",
    "RunConfig",
    "Settings",
    "SlackConfig",
    "TrainingConfig",
    "WorkerConfig",
]
