"""From the log to the datasets of a run."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from flywheel.clock import from_epoch
from flywheel.datasets.classes import NO_CLASS, Classes, assign
from flywheel.datasets.duplicates import distinct
from flywheel.datasets.reading import near_of_training_line
from flywheel.datasets.report import (
    DatasetReport,
    Groups,
)
from flywheel.datasets.split import Flags, Rows, Split, check_splittable, split
from flywheel.decisions.sizing import SizePlan
from flywheel.errors import DataError, UnavailableError
from flywheel.formatting import count
from flywheel.ports.logs import LogStore, Selection
from flywheel.runs.build.counting import baseline, conflicts, count_classes, repeats, too_few
from flywheel.runs.build.files import (
    DatasetFile,
    Folders,
    SetName,
    write_conflicts,
    write_lines,
    write_set,
)
from flywheel.runs.build.frozen import (
    FrozenFile,
    FrozenRecord,
    checked_text,
    read_frozen,
)
from flywheel.runs.build.spool import SPOOL, LogPass
from flywheel.settings import DataSplitConfig, EvaluationConfig

OnProgress = Callable[[float, str], None]

_READ_SHARE = 70.0  # percent of the work that is reading, as measured
_LARGE_GROUP = 0.1  # of the usable records: such a group deserves a word


class BuiltDatasets(BaseModel):
    """What building leaves."""

    report: DatasetReport
    files: list[DatasetFile]


class _Request(BaseModel):
    """What is to be built."""

    config: DataSplitConfig
    evaluation: EvaluationConfig
    seed: int
    known: list[Path]
    frozen: list[FrozenFile]
    size_plan: SizePlan | None


async def build_datasets(
    store: LogStore,
    selection: Selection,
    config: DataSplitConfig,
    evaluation: EvaluationConfig,
    seed: int,
    out_dir: Path,
    on_progress: OnProgress,
    known: Sequence[Path] = (),
    frozen: Sequence[FrozenFile] = (),
    size_plan: SizePlan | None = None,
) -> BuiltDatasets:
    """Read the selection, validate, label, deduplicate, split and write it.

    `out_dir` appears complete or not at all; a second call starts from the beginning. What the
    training files `known` hold is not held out: the model that learned from them is going to be
    scored as well. What is in the `frozen` sets is not trained on; the one in force is the
    evaluation set. `size_plan` is needed for the evaluation size 'auto'. Raises DataError where
    the records do not make datasets.
    """
    folders = Folders(work=out_dir.with_name(f"{out_dir.name}.part"), final=out_dir)
    request = _Request(
        config=config,
        evaluation=evaluation,
        seed=seed,
        known=list(known),
        frozen=list(frozen),
        size_plan=size_plan,
    )
    try:
        await asyncio.to_thread(_clear, folders)
        with (folders.work / SPOOL).open("w+b", buffering=1 << 20) as spool:
            log = LogPass(spool, config)
            expected = await store.count(selection)
            async for bodies in store.stream(selection):
                await asyncio.to_thread(log.add, bodies)
                share = log.read / max(expected, 1)
                on_progress(_READ_SHARE * share, f"{count(log.read)} records read")
            if not log.read:
                raise _nothing_to_read(selection)
            log.flush()
            on_progress(_READ_SHARE, "splitting")
            built = await asyncio.to_thread(_Build(log, request, folders).finish)
        await asyncio.to_thread(_publish, folders)
    except OSError as error:
        raise UnavailableError(
            f"The datasets cannot be written to {out_dir}: {error.strerror or error}.",
            "Check its permissions and the space on its disk.",
        ) from error
    on_progress(100.0, "written")
    return built


def _nothing_to_read(selection: Selection) -> DataError:
    client = "" if selection.client_id is None else f" from client '{selection.client_id}'"
    return DataError(
        f"The log holds no records of workload '{selection.workload_id}'{client}.",
        "See what there is with `flywheel logs workloads`.",
    )


class _Build:
    """From the pass over the log to the files."""

    def __init__(self, log: LogPass, request: _Request, folders: Folders) -> None:
        self._log = log
        self._request = request
        self._config = request.config
        self._folders = folders
        self._in_force = next((file for file in request.frozen if file.in_force), None)

    def finish(self) -> BuiltDatasets:
        """Label, deduplicate, split, write."""
        log, config = self._log, self._config
        classes = assign(
            log.kinds, log.answers, log.answer_texts, self._request.evaluation.workload_type
        )
        labelled = np.flatnonzero(classes.of_row != NO_CLASS)
        kept = distinct(labelled, log.exact, log.near, classes.of_row)
        if len(kept.rows) < min(config.min_total_records, log.read):
            raise too_few(log, classes, kept, config)
        frozen = [(file, read_frozen(file, log)) for file in self._request.frozen]
        rows, groups = self._not_frozen(kept.rows, [r for _, records in frozen for r in records])
        check_splittable(classes.of_row[rows], config, classes.workload_type == "generic")
        seen = self._seen_by_incumbent()
        known = np.isin(log.near[rows], seen) if len(seen) else None
        parts = self._split(rows, groups, classes, known)
        held_out = rows[parts.eval]
        in_train = self._counts(rows[parts.train], classes)
        in_eval = self._counts(held_out, classes)
        for file, records in frozen:
            if file.in_force:
                in_eval = Counter(record.label for record in records)
                parts.notes.extend(_flattered(records, seen))
        files = self._write(rows, parts, classes)
        listed = write_conflicts(log, kept.repeated.conflicts, classes, self._folders)
        report = DatasetReport(
            workload_type=classes.workload_type,
            read=log.read,
            invalid=log.invalid.total(),
            invalid_reasons=dict(log.invalid.most_common()),
            wrong_type=classes.wrong_type,
            unlabeled=classes.unlabeled,
            duplicates=kept.duplicates,
            near_duplicates=kept.near_duplicates,
            conflicting=kept.conflicting,
            conflicts=conflicts(kept, len(labelled), listed),
            repeats=repeats(kept),
            groups=self._groups_found(groups, parts),
            holdout=config.holdout,
            evaluated_since=self._since(held_out),
            frozen=None if self._in_force is None else self._in_force.use,
            frozen_out=len(kept.rows) - len(rows),
            baseline=baseline(in_train, in_eval) if len(in_train) > 1 else None,
            usable=len(kept.rows),
            eval=in_eval.total(),
            train=len(parts.train),
            val=len(parts.val),
            classes=count_classes(
                self._counts(kept.rows, classes),
                in_eval,
                in_train,
                self._counts(rows[parts.val], classes),
            ),
            notes=parts.notes,
            known=0 if known is None else int(np.count_nonzero(known)),
            seed=self._request.seed,
            teacher=log.teacher.usage(),
        )
        return BuiltDatasets(files=files, report=report)

    def _not_frozen(self, rows: Rows, frozen: Sequence[FrozenRecord]) -> tuple[Rows, Rows]:
        """The rows that no frozen record nearly repeats, and the group of each."""
        near = np.array([record.near for record in frozen], dtype=np.int64)
        groups = self._log.groups(np.concatenate([self._log.near[rows], near]))
        of_rows, of_frozen = groups[: len(rows)], groups[len(rows) :]
        free = ~np.isin(of_rows, of_frozen)
        return rows[free], of_rows[free]

    def _seen_by_incumbent(self) -> Rows:
        """The `near` of what the incumbent was trained on."""
        return np.fromiter(_near_of(self._request.known), dtype=np.int64)

    def _split(self, rows: Rows, groups: Rows, classes: Classes, known: Flags | None) -> Split:
        size, notes = self._eval_size(len(rows))
        parts = split(
            classes.of_row[rows],
            self._config,
            self._request.seed,
            eval_size=size,
            known=known,
            groups=groups,
        )
        largest = int(np.bincount(groups).max())
        if largest > max(_LARGE_GROUP * len(rows), 1):
            notes.append(
                f"{count(largest)} records nearly repeat each other and count as one for the "
                "split; if they should not, raise near_duplicate_threshold."
            )
        return parts._replace(notes=[*notes, *parts.notes])

    def _eval_size(self, usable: int) -> tuple[int, list[str]]:
        """How many records to hold out, and why where that was left to us."""
        if self._in_force is not None:
            use = self._in_force.use
            note = (
                f"The evaluation set of {use.run_id}, frozen by {use.frozen_by}, is used; "
                "eval_size has no effect."
            )
            return 0, [note]
        if self._config.eval_size != "auto":
            return self._config.eval_size, []
        plan = self._request.size_plan
        if plan is None:
            raise DataError("The evaluation size 'auto' needs a plan.", "Give a number.")
        return usable if plan.wanted is None else plan.wanted, [plan.sentence]

    def _write(self, rows: Rows, parts: Split, classes: Classes) -> list[DatasetFile]:
        sets: dict[SetName, Rows] = {"train": parts.train, "val": parts.val, "eval": parts.eval}
        files = [
            write_set(
                self._log,
                name,
                rows[of_set],
                classes,
                self._config.parse_function_arguments,
                self._folders,
            )
            for name, of_set in sets.items()
            if name != "eval" or self._in_force is None
        ]
        if self._in_force is not None:
            lines = checked_text(self._in_force).splitlines(keepends=True)
            files.append(write_lines("eval", lines, len(lines), self._folders))
        return files

    def _counts(self, rows: Rows, classes: Classes) -> Counter[str]:
        found = np.bincount(classes.of_row[rows], minlength=len(classes.names))
        return Counter({n: int(c) for n, c in zip(classes.names, found, strict=True) if c})

    def _groups_found(self, groups: Rows, parts: Split) -> Groups | None:
        threshold = self._config.near_duplicate_threshold
        if threshold is None:
            return None
        sizes = np.bincount(groups)
        several = sizes[sizes > 1]
        return Groups(
            threshold=threshold,
            groups=len(several),
            records=int(several.sum()),
            largest=int(sizes.max()),
            set_aside=len(parts.set_aside),
        )

    def _since(self, held_out: Rows) -> datetime | None:
        """With the holdout 'time': of the oldest evaluation record."""
        if self._config.holdout != "time" or not len(held_out):
            return None
        return from_epoch(min(self._log.timestamp(row) for row in held_out.tolist()))


def _near_of(files: Sequence[Path]) -> Iterator[int]:
    """The `near` of every record in these training files."""
    for path in files:
        with path.open("rb") as file:
            for line in file:
                yield near_of_training_line(line)


def _flattered(records: Sequence[FrozenRecord], seen: Rows) -> list[str]:
    """A set that is frozen cannot make way for an incumbent that was trained on some of it."""
    known = int(np.isin(np.array([record.near for record in records]), seen).sum())
    if not known:
        return []
    return [
        (
            f"The incumbent was trained on {count(known)} of the {count(len(records))} frozen "
            "records: its score is too good by that."
        )
    ]


def _clear(folders: Folders) -> None:
    for folder in (folders.work, folders.final):
        shutil.rmtree(folder, ignore_errors=True)
    folders.work.mkdir(parents=True)


def _publish(folders: Folders) -> None:
    (folders.work / SPOOL).unlink()
    folders.work.rename(folders.final)
