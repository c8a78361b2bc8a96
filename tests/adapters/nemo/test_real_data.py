"""Real logs through every service: what records hold that nobody would make up."""

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.ports.platform import DatasetFiles
from flywheel.settings import IclConfig
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import Run
from tests.support.records import real_file

pytestmark = pytest.mark.slow

ROWS = 150


def split(name: str, folder: Path) -> DatasetFiles:
    """The first records of a log, in a run's files."""
    folder.mkdir()
    with gzip.open(real_file(name)) as file:
        bodies = list(islice(file, 2 * ROWS))
    labels = sorted({label(orjson.loads(body)) for body in bodies})
    lines = {
        "train": [training_line(body, True) for body in bodies[:ROWS]],
        "val": [],
        "eval": [evaluation_line(b, label(orjson.loads(b)), True) for b in bodies[ROWS:]],
    }
    for key, content in lines.items():
        (folder / f"{key}.jsonl").write_bytes(b"".join(content))
    return DatasetFiles(**{key: str(folder / f"{key}.jsonl") for key in lines}, labels=labels)


def label(record: dict[str, Any]) -> str:
    """What a record is answered by."""
    message = record["response"]["choices"][0]["message"]
    calls = message.get("tool_calls") or ()
    return "+".join(call["function"]["name"] for call in calls) or message["content"].strip("[]")


@pytest.mark.parametrize("name", ["news_topics.jsonl.gz", "tool_calls_bfcl.jsonl.gz"])
async def test_real_records_are_learned_and_answered(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path, name: str
) -> None:
    run = Run(make_platform(), double, split(name, tmp_path / "data"), "fw-aa")
    await run.ready()
    trained = await run.done(run.customize(), 60)
    assert trained.artifact is not None, trained.error
    tuned = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    with_examples = run.evaluate("icl-eval", icl=IclConfig(max_examples=3))
    for job in (tuned, with_examples):
        status = await run.done(job, 120)
        assert status.state == "completed", status.error
        rows = await run.platform.predictions(job)
        assert [row.row for row in rows] == list(range(ROWS))
        assert any(row.answer or row.tool_calls for row in rows)
