"""`python -m flywheel_students.task`: the process of one training job.

The Jobs service starts it and stops it by SIGTERM, which ends it there and then: the model is
uploaded last, so a job that was stopped leaves none.
"""

import sys
import tempfile
import time
from pathlib import Path

from nemo_platform_plugin.client.adapter import client_from_platform
from nemo_platform_plugin.files.client import FilesClient
from nemo_platform_plugin.files.types import CreateFilesetRequest, FilesetPurpose
from nmp.common.sdk_factory import get_task_sdk
from nmp.customization_common.service.context import NMPJobContext
from nmp.customization_common.training.progress import JobsServiceProgressReporter

from flywheel.adapters.local_platform import models, students, texts
from flywheel.datasets.labels import Labels
from flywheel.errors import FlywheelError
from flywheel_students.spec import StudentSpec

SERVICE = "customization"


def main() -> int:
    """Train; the exit status says how it went, standard error why."""
    context = NMPJobContext.from_env()
    reporter = JobsServiceProgressReporter(context, SERVICE)
    try:
        _run(context, reporter)
    except FlywheelError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        reporter.close()
    return 0


def _run(context: NMPJobContext, reporter: JobsServiceProgressReporter) -> None:
    spec = StudentSpec.model_validate_json(context.config_path.read_bytes())
    files = client_from_platform(get_task_sdk(SERVICE), FilesClient)

    def report(percent: float, phase: str) -> None:
        reporter.report_running(phase, percentage_done=round(percent))

    with tempfile.TemporaryDirectory() as scratch:
        train = Path(scratch) / "train.jsonl"
        report(0, "reading the dataset")
        fileset, _, path = spec.dataset.path.partition("#")
        workspace, _, name = fileset.partition("/")
        content = files.download_file(workspace=workspace, name=name, path=path)
        train.write_bytes(content.read())
        examples = texts.read_training(train, Labels(spec.dataset.labels))
        labels = [example.label for example in examples]

        started = time.perf_counter()
        trained = students.train(
            spec.model.name,
            [example.text for example in examples],
            labels,
            spec.training.seed,
            lambda percent, phase: report(90 * percent / 100, phase),
        )
        seconds = time.perf_counter() - started

        report(92, "saving the model")
        params = {**trained.params, "seed": spec.training.seed}
        model = Path(scratch) / "model"
        models.save(model, spec.model.name, students.Trained(trained.model, params), labels, train)
        report(95, "uploading the model")
        body = CreateFilesetRequest(name=spec.output.name, purpose=FilesetPurpose.MODEL)
        files.create_fileset(workspace=context.workspace, body=body, exist_ok=True)
        for file in sorted(model.iterdir()):
            files.upload_file(
                workspace=context.workspace,
                name=spec.output.name,
                path=file.name,
                content=file.read_bytes(),
            )
        reporter.report_running(
            "trained",
            percentage_done=100,
            train_records=len(labels),
            train_seconds=seconds,
            params=params,
        )


if __name__ == "__main__":
    sys.exit(main())
