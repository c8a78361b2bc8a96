"""`python -m flywheel.adapters.nemo_platform.student_job DIR`: the process that serves a student.

It goes on until it is cancelled. The file `port` in its directory says where it listens.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from flywheel.adapters.local_platform import texts
from flywheel.datasets.labels import Labels
from flywheel.processes import ReportProgress, job_main

if TYPE_CHECKING:
    from flywheel.adapters.nemo_platform.student_server import Answerer

HOST = "127.0.0.1"


class ServedStudent(BaseModel):
    """Which model to serve, under which name."""

    directory: Path
    name: str
    model: Path | None = Field(description="A trained student; None is an untrained one")
    train: Path = Field(description="Training set, whose most frequent label the untrained says")
    labels: list[str]


class Ended(BaseModel):
    """Nothing is left behind."""


def port_of(directory: Path) -> int | None:
    """Where the server of that directory listens; None while it does not yet."""
    try:
        return int((directory / "port").read_text())
    except FileNotFoundError:
        return None


def run(spec: ServedStudent, report: ReportProgress) -> Ended:
    """Serve it; a second process for the same directory takes the same port."""
    from flywheel.adapters.nemo_platform import student_server  # whoever starts it needs none
    from flywheel.http_server import listening

    report(0, "reading the model")
    application = student_server.app(spec.name, _answerer(spec))
    listener = listening(HOST, port_of(spec.directory) or 0)
    draft = spec.directory / "port.tmp"
    draft.write_text(str(listener.getsockname()[1]))
    draft.replace(spec.directory / "port")
    report(100, "serving")
    student_server.server(application).run(sockets=[listener])
    return Ended()


def _answerer(spec: ServedStudent) -> "Answerer":
    from flywheel.adapters.nemo_platform import student_server

    if spec.model is not None:
        return student_server.trained(spec.model)
    examples = texts.read_training(spec.train, Labels(spec.labels))
    return student_server.constant(texts.most_frequent_label(examples))


if __name__ == "__main__":
    job_main(ServedStudent, run)
