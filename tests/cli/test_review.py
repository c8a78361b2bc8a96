"""Judging answers from the command line, as a person or a script does."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.support.programs import flywheel, flywheel_each


@pytest.fixture(scope="module")
def judged(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the home with the finished run, so that nobody else sees the judgements.

    The log is so easy that the student never errs; here it has, on a quarter of the records.
    """
    copy = tmp_path_factory.mktemp("judged") / "home"
    shutil.copytree(home, copy)
    with sqlite3.connect(copy / "flywheel.db") as database:
        changed = database.execute(
            "UPDATE prediction SET answer = '[[[Merger]]]', label = 'Merger' "
            "WHERE expected <> 'Merger' AND row % 3 = 0"
        )
        assert changed.rowcount > 20
    return copy


@pytest.mark.slow
def test_a_review_from_a_pipe(judged: Path) -> None:
    # A word that is no key, both wrong with and without a label, back once, and then the end.
    typed = "perhaps\np\na\nw Marger\nw 9\nw\np\nb\n" + "r\n" * 18 + "u"
    done = flywheel(judged, "review", "last", "--n", "30", typed=typed)
    assert (done.returncode, done.stderr) == (0, "")
    first, keys, _, place, *_ = done.stdout.splitlines()
    assert first.startswith("r-1 · hashing-sgd: who is right, A or B?")
    assert keys.startswith("a: A is right")
    assert place == "1 of 30"
    for sentence in (
        "There is no previous record.",
        "There is no class 'Marger'. Did you mean Merger?",
        "There is no class '9'.",
        "22 answers are stored.",
        "hashing-sgd audited by 1 person on 20 records (1 more unclear): accuracy ",
    ):
        assert sentence in done.stdout
    assert done.stdout.count("the teacher (big)") == 22
    assert done.stdout.count("\n2 of 30\n") == 2, "the second record was asked again"
    assert "both the teacher (big) and hashing-sgd said so" in done.stdout
    reveals = re.findall(r"^A was (.*), B was (.*)$", done.stdout, re.MULTILINE)
    assert len(reveals) > 8
    assert {frozenset(pair) for pair in reveals} == {
        frozenset(("hashing-sgd", "the teacher (big)"))
    }

    shown, as_json, again = flywheel_each(
        judged,
        (["show", "r-1"], {}),
        (["show", "r-1", "--json"], {}),
        (["review", "r-1", "--model", "hashing-sgd"], {}),
    )
    (line,) = (line for line in shown.stdout.splitlines() if "audited" in line)
    assert line in done.stdout
    assert "against the truth, teacher" in line
    assert "; raw against the teacher 1.00" in line
    audit = json.loads(as_json.stdout)["nims"][0]["audit"]
    assert (audit["people"], audit["records"], audit["unclear"], audit["missing"]) == (1, 20, 1, 0)
    assert 0 <= audit["candidate"]["low"] <= audit["candidate"]["value"] <= 1
    assert "0 answers are stored." in again.stdout
