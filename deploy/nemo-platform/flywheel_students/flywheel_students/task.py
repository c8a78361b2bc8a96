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
from flywheel.ports.platform import ValidationPoint
from flywheel.settings import StudentConfig
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
        report(0, "reading the dataset")
        train = Path(scratch) / "train.jsonl"
        examples = _examples(files, spec.dataset.path, spec, train)
        labels = [example.label for example in examples]
        watch, curve = None, []
        if spec.dataset.validation_path is not None:
            path = Path(scratch) / "validation.jsonl"
            held = _examples(files, spec.dataset.validation_path, spec, path)

            def tell(point: ValidationPoint) -> None:
                curve.append(point.model_dump())
                reporter.report_running("training", validation_curve=curve)

            watch = students.Watch([h.text for h in held], [h.label for h in held], tell)

        started = time.perf_counter()
        trained = students.train(
            spec.model.name,
            [example.text for example in examples],
            labels,
            spec.training.seed,
            lambda percent, phase: report(90 * percent / 100, phase),
            StudentConfig(**spec.training.model_dump(exclude={"seed"})),
            watch,
        )
        seconds = time.perf_counter() - started

        measured = {}
        if watch is not None:
            found = students.validate(trained.model, watch.texts, watch.labels)
            if found is not None:
                measured = {f"val_{found.metric}": found.value, "validation_curve": curve}

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
            **measured,
        )


def _examples(files: FilesClient, place: str, spec: StudentSpec, path: Path) -> list[texts.Example]:
    """The records of workspace/fileset#file, which is fetched to `path`."""
    fileset, _, file = place.partition("#")
    workspace, _, name = fileset.partition("/")
    path.write_bytes(files.download_file(workspace=workspace, name=name, path=file).read())
    return texts.read_training(path, Labels(spec.dataset.labels))


if __name__ == "__main__":
    sys.exit(main())
