"""Building a run's datasets: one pass over the log, a split, and the files."""

from flywheel.runs.build.build import BuiltDatasets, build_datasets
from flywheel.runs.build.files import DatasetFile
from flywheel.runs.build.frozen import FrozenFile
from flywheel.runs.build.spec import BuildSpec
from flywheel.runs.build.spool import SPOOL

__all__ = [
    "SPOOL",
    "BuildSpec",
    "BuiltDatasets",
    "DatasetFile",
    "FrozenFile",
    "build_datasets",
]
