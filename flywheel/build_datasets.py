"""`python -m flywheel.build_datasets DIR`: the process behind the step `build-datasets`."""

import asyncio

from flywheel.processes import ReportProgress, job_main
from flywheel.runs.build import BuildSpec, BuiltDatasets, build_datasets
from flywheel.wiring import open_log_store


def _run(spec: BuildSpec, report_progress: ReportProgress) -> BuiltDatasets:
    store = open_log_store(spec.settings)
    return asyncio.run(
        build_datasets(
            store,
            spec.selection,
            spec.split,
            spec.evaluation,
            spec.seed,
            spec.out_dir,
            report_progress,
            spec.known,
        )
    )


if __name__ == "__main__":
    job_main(BuildSpec, _run)
