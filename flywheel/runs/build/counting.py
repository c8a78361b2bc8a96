"""The numbers of a build, in the words of its report."""

from collections import Counter
from pathlib import Path

from flywheel.datasets.classes import Classes
from flywheel.datasets.duplicates import Distinct
from flywheel.datasets.report import Baseline, ClassCounts, Conflicts, Repeats
from flywheel.errors import DataError
from flywheel.formatting import count
from flywheel.runs.build.spool import LogPass
from flywheel.settings import DataSplitConfig


def too_few(log: LogPass, classes: Classes, kept: Distinct, config: DataSplitConfig) -> DataError:
    """Says what became of the others."""
    duplicates = kept.duplicates + kept.near_duplicates
    lost = {
        "not a chat completion with an answer": log.invalid.total(),
        f"of another type than {classes.workload_type.replace('_', ' ')}": classes.wrong_type,
        "without a readable label": classes.unlabeled,
        "duplicate" if duplicates == 1 else "duplicates": duplicates,
        "with contradicting labels": kept.tied,
    }
    free_text = classes.workload_type == "classification" and 2 * classes.unlabeled > log.read
    return DataError(
        f"Only {count(len(kept.rows))} of {count(log.read)} records are usable; at least "
        f"{count(config.min_total_records)} are needed "
        f"({', '.join(f'{count(n)} {what}' for what, n in lost.items() if n)}).",
        "If its answers are free text, set evaluation_config.workload_type to generic."
        if free_text
        else "Import more records, or lower data_split_config.min_total_records.",
    )


def conflicts(kept: Distinct, labelled: int, listed: Path | None) -> Conflicts:
    """Texts with several labels, out of `labelled` records; `listed` is the file of them."""
    found = kept.repeated.conflicts
    records = sum(len(rows) for rows in found)
    return Conflicts(
        texts=len(found),
        records=records,
        kept=len(found) - kept.tied_texts,
        dropped=kept.tied,
        share=records / max(labelled, 1),
        listed_in=None if listed is None else str(listed),
    )


def repeats(kept: Distinct) -> Repeats:
    """Texts that were asked more than once."""
    repeated = kept.repeated
    return Repeats(
        texts=repeated.texts,
        alike=repeated.of_one_class,
        records=repeated.records,
        majority=repeated.of_majority,
    )


def baseline(in_train: Counter[str], in_eval: Counter[str]) -> Baseline:
    """What always giving the most frequent label would score.

    F1 of that label is 2p / (1 + p), where p is its share; of every other class it is 0.
    """
    label = min(in_train, key=lambda name: (-in_train[name], name))
    share = in_eval[label] / max(in_eval.total(), 1)
    classes = len(+in_eval)
    return Baseline(label=label, accuracy=share, macro_f1=2 * share / (1 + share) / max(classes, 1))


def count_classes(
    usable: Counter[str], in_eval: Counter[str], in_train: Counter[str], in_val: Counter[str]
) -> dict[str, ClassCounts]:
    """Records of every class, most frequent first."""
    order = sorted({*usable, *in_eval}, key=lambda name: (-usable[name], name))
    return {
        name: ClassCounts(
            usable=usable[name], eval=in_eval[name], train=in_train[name], val=in_val[name]
        )
        for name in order
    }
