"""One record of every text, with the label that most of its records have."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.datasets.duplicates import Distinct, distinct

# For each record: the text in its letters (two spellings), the text, and the class.
RECORDS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=40
)


def kept_of(records: list[tuple[int, int, int]]) -> Distinct:
    text, spelling, label = (
        np.array(column, dtype=np.int64) for column in zip(*records, strict=True)
    )
    return distinct(np.arange(len(records)), 2 * text + spelling, text, label)


@given(RECORDS)
@settings(max_examples=300)
def test_the_newest_record_with_the_majoritys_label_is_kept(
    records: list[tuple[int, int, int]],
) -> None:
    found = kept_of(records)
    expected = []
    tied = conflicting = 0
    for text in {record[0] for record in records}:
        rows = [row for row, record in enumerate(records) if record[0] == text]
        label, votes = Counter(records[row][2] for row in rows).most_common(1)[0]
        if 2 * votes > len(rows):
            expected.append(next(row for row in rows if records[row][2] == label))
            conflicting += len(rows) - votes
        else:
            tied += len(rows)
    assert found.rows.tolist() == sorted(expected)
    assert (found.tied, found.conflicting) == (tied, conflicting)
    left_out = found.duplicates + found.near_duplicates + found.tied
    assert len(found.rows) + left_out == len(records)


@given(RECORDS)
def test_repeated_texts_are_counted_and_those_with_several_labels_listed(
    records: list[tuple[int, int, int]],
) -> None:
    repeated = kept_of(records).repeated
    by_text: dict[int, list[int]] = {}
    for row, (text, _, _) in enumerate(records):
        by_text.setdefault(text, []).append(row)
    several = [rows for rows in by_text.values() if len(rows) > 1]
    labels = [Counter(records[row][2] for row in rows) for rows in several]
    assert repeated.texts == len(several)
    assert repeated.records == sum(len(rows) for rows in several)
    assert repeated.of_one_class == sum(len(found) == 1 for found in labels)
    assert repeated.of_majority == sum(max(found.values()) for found in labels)
    assert [rows.tolist() for rows in repeated.conflicts] == [
        rows for rows, found in zip(several, labels, strict=True) if len(found) > 1
    ]


def test_letter_by_letter_or_nearly() -> None:
    found = kept_of([(0, 0, 1), (0, 1, 1), (0, 0, 1), (1, 0, 1)])
    assert found.rows.tolist() == [0, 3]
    assert (found.duplicates, found.near_duplicates) == (1, 1)
