"""How fast datasets are built: run it as a script, `python tests/bench/bench_build.py`.

Makes 100,000 distinct records out of real ones (news_topics.jsonl.gz in the folder that
FLYWHEEL_SHARED_DATA names; the sample generator where it is absent), imports them, and builds
datasets from them in a fresh process, three times with the search for near-duplicates (the
default) and three times without.
"""

import argparse
import asyncio
import gzip
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count as count_from
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.datasets.report import DatasetReport
from flywheel.datasets.sample import sample_records
from flywheel.ports.logs import Selection
from flywheel.runs.build import build_datasets
from flywheel.settings import DataSplitConfig, EvaluationConfig

RECORDS = 100_000
THRESHOLD = 0.8
REPEATS = 3
MAX_SECONDS, MAX_MEGABYTES = 2.5, 300
REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("FLYWHEEL_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


class Measured(BaseModel):
    """One build, as its own process saw it."""

    reading: float  # seconds: read, validate, label
    finishing: float  # seconds: deduplicate, split, write
    cpu: float  # seconds of processor time; less than the wall clock where others were busy
    megabytes: float  # peak resident set
    report: DatasetReport


def main() -> None:
    """Make the log, build from it, print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--records", type=int, default=RECORDS)
    records = arguments.parse_args().records
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, workload, size = _make(folder / "records.jsonl", records)
        print(f"{records:,} distinct records made of {source}, {size / 1e6:,.0f} MB")
        seconds = _import(folder)
        print(f"imported in {seconds:.2f} s, {records / seconds:,.0f} records/s\n")
        heads = (
            "near-dups",
            "process s",
            "reading s",
            "finishing s",
            "in all s",
            "cpu s",
            "records/s",
            "MB",
        )
        print(" ".join(f"{head:>12}" for head in heads))
        fits = True
        for threshold in [THRESHOLD] * REPEATS + [None] * REPEATS:
            process, measured = _build(folder, workload, threshold)
            seconds = measured.reading + measured.finishing
            cells = (
                f"{threshold or 'not sought'}",
                f"{process:.2f}",
                f"{measured.reading:.2f}",
                f"{measured.finishing:.2f}",
                f"{seconds:.2f}",
                f"{measured.cpu:.2f}",
                f"{records / seconds:,.0f}",
                f"{measured.megabytes:.0f}",
            )
            print(" ".join(f"{cell:>12}" for cell in cells))
            fits &= threshold is not None or seconds <= MAX_SECONDS
            fits &= measured.megabytes <= MAX_MEGABYTES
    report = measured.report
    print(
        f"\n{report.read:,} read, {report.duplicates + report.near_duplicates:,} duplicates, "
        f"{report.usable:,} usable: {report.train:,} train, {report.val:,} val, "
        f"{report.eval:,} eval\nlimits: {MAX_SECONDS} s (in all, near-duplicates not sought) and "
        f"{MAX_MEGABYTES} MB: "
        f"{'kept' if fits else 'BROKEN'}"
    )


def _make(path: Path, records: int) -> tuple[str, str, int]:
    real = SHARED / "news_topics.jsonl.gz"
    variants = _variants(real) if real.exists() else sample_records(records, seed=7)
    with path.open("wb") as file:
        for number, record in zip(range(records), variants, strict=False):
            record["timestamp"] = 1_735_689_600 + number
            message = record["request"]["messages"][-1]
            message["content"] = _shuffled(message["content"], number)
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        size = file.tell()
    return real.name if real.exists() else "the sample", record["workload_id"], size


def _shuffled(text: str, number: int) -> str:
    """The words in an order of their own: distinct, and no near-duplicate."""
    words = text.split()
    random.Random(number).shuffle(words)
    return f"{' '.join(words)} ref {number}"


def _variants(real: Path) -> Iterator[dict[str, Any]]:
    lines = gzip.decompress(real.read_bytes()).splitlines()
    return (orjson.loads(lines[number % len(lines)]) for number in count_from())


def _import(folder: Path) -> float:
    from flywheel.service.logs import import_files

    store = LocalLogStore(folder / "logs.db")
    files = [folder / "records.jsonl"]
    return asyncio.run(import_files(store, files, reject_dir=folder)).seconds


def _build(folder: Path, workload: str, threshold: float | None) -> tuple[float, Measured]:
    argv = [sys.executable, __file__, "--child", str(folder), workload, str(threshold or "")]
    started = time.perf_counter()
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - started, Measured.model_validate_json(done.stdout)


def _child(folder: Path, workload: str, threshold: float | None) -> None:
    marks: dict[str, float] = {}
    started, busy = time.perf_counter(), time.process_time()
    built = asyncio.run(
        build_datasets(
            LocalLogStore(folder / "logs.db"),
            Selection(workload_id=workload),
            DataSplitConfig(eval_size=1000, near_duplicate_threshold=threshold),
            EvaluationConfig(),
            42,
            folder / "datasets",
            lambda _percent, message: marks.setdefault(message, time.perf_counter()) and None,
        )
    )
    ended = time.perf_counter()
    measured = Measured(
        reading=marks["splitting"] - started,
        finishing=ended - marks["splitting"],
        cpu=time.process_time() - busy,
        megabytes=_peak_megabytes(),
        report=built.report,
    )
    sys.stdout.write(measured.model_dump_json())


def _peak_megabytes() -> float:
    """Of this process. On Linux getrusage would also count what its parent held at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]) if sys.argv[4] else None)
    else:
        main()
