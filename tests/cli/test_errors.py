"""Whatever is wrong: a sentence on standard error, the exit status that the docs name."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import PROGRAM, Finished, environment, flywheel, flywheel_each

SECRET = "hunter2hunter2"


IMPOSSIBLE = [
    (["show", "r-99"], 3, "There is no run r-99. The last one is r-1."),
    (["show", "yesterday"], 3, "'yesterday' is not a run."),
    (["cancel", "r-99"], 3, "There is no run r-99."),
    (["delete", "r-99"], 3, "There is no run r-99."),
    (["run", "new"], 3, "no workload 'new'. Did you mean news?"),
    (["run", "news", "--client", "nobody"], 3, "no records of client 'nobody' for news."),
    (["run", "news", "--candidates", "hash"], 2, "There is no candidate 'hash'"),
    (["run", "news", "--set", "epochs"], 2, "'--set epochs' is not key=value."),
    (["run", "news", "--set", "epoch=2"], 2, "did you mean epochs?"),
    (["run", "news", "--eval-size", "0"], 2, "--eval-size"),
    (["promote", "last", "hashing", "-m", "x"], 3, "no candidate 'hashing'. Did you mean"),
    (["promote", "last", "hashing-sgd", "-m", " "], 2, "needs a reason"),
    (["promote", "r-99", "hashing-sgd", "-m", "x"], 3, "There is no run r-99."),
    (["rollback", "nothing", "-m", "x"], 4, "No model is promoted for nothing"),
    (["runs", "--limit", "99999999999999999999"], 2, "--limit"),
    (["logs", "import", "absent.jsonl"], 2, "absent.jsonl does not exist."),
    (["review", "r-99"], 3, "There is no run r-99."),
    (["review", "last", "--model", "hashing"], 3, "Did you mean hashing-sgd?"),
    (["review", "last", "--n", "0"], 2, "--n"),
    (["frobnicate"], 2, "frobnicate"),
]


@pytest.fixture(scope="module")
def refusals(home: Path) -> list[Finished]:
    return flywheel_each(home, *((words, {}) for words, _, _ in IMPOSSIBLE))


@pytest.mark.parametrize("number", range(len(IMPOSSIBLE)), ids=lambda n: " ".join(IMPOSSIBLE[n][0]))
def test_what_cannot_be_done_is_explained(refusals: list[Finished], number: int) -> None:
    _, status, sentence = IMPOSSIBLE[number]
    done = refusals[number]
    assert done.returncode == status
    assert done.stdout == ""
    assert sentence in " ".join(done.stderr.split())


NO_REDIS = {"FLYWHEEL_REDIS_URL": f"redis://u:{SECRET}@127.0.0.1:1"}
# In homes of their own, by name.
ELSEWHERE: dict[str, list[tuple[list[str], dict[str, str]]]] = {
    "new/home": [(["show", "last"], {}), (["cancel", "last"], {}), (["run", "news"], {})],
    "empty": [(["runs"], {}), (["runs", "other"], {}), (["logs", "workloads"], {})],
    "no-redis": [(["doctor"], NO_REDIS)],
    "fresh": [(["doctor"], {})],
    "later": [(["runs"], {}), (["doctor"], {})],
    "none": [(["runs"], {})],
}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finished]]:
    """What these commands said."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("later", "none"):
        (folder / name).mkdir()
    with sqlite3.connect(folder / "later" / "flywheel.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    (folder / "none" / "flywheel.db").write_bytes(b"certainly no database" * 100)
    answers = iter(
        flywheel_each(
            folder,
            *(
                (words, {"FLYWHEEL_HOME": str(folder / name), **variables})
                for name, commands in ELSEWHERE.items()
                for words, variables in commands
            ),
        )
    )
    return {name: [next(answers) for _ in commands] for name, commands in ELSEWHERE.items()}


def test_an_empty_home_is_explained(elsewhere: dict[str, list[Finished]]) -> None:
    for done in elsewhere["new/home"]:
        assert done.returncode == 3
        assert done.stderr.startswith("error: ")


def test_lists_of_an_empty_home_say_how_to_fill_it(elsewhere: dict[str, list[Finished]]) -> None:
    runs, others, workloads = elsewhere["empty"]
    assert "flywheel run WORKLOAD" in runs.stdout
    assert "There are no runs of other yet." in others.stdout
    assert "flywheel logs import" in workloads.stdout


WRONG = [
    ({"FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE": "many"}, 2, "EVAL_SIZE"),
    ({"FLYWHEEL_CONFIG": "/nowhere/config.yaml"}, 2, "/nowhere/config.yaml does not exist"),
    ({"FLYWHEEL_HOME": "/dev/null/home"}, 7, "/dev/null/home cannot be made"),
    ({"FLYWHEEL_REDIS_URL": f"http://u:{SECRET}@h"}, 2, "FLYWHEEL_REDIS_URL is not"),
    ({"FLYWHEEL_REDIS_URL": f"redis://u:{SECRET}@h:port"}, 2, "FLYWHEEL_REDIS_URL is not"),
    ({"FLYWHEEL_DATABASE_URL": f"postgresql://u:{SECRET}@h:port/d"}, 2, "DATABASE_URL is not"),
    ({"FLYWHEEL_DATABASE_URL": f"u:{SECRET}"}, 2, "FLYWHEEL_DATABASE_URL is not"),
    ({"FLYWHEEL_DATABASE_URL": f"oracle://u:{SECRET}@h/d"}, 2, "FLYWHEEL_DATABASE_URL"),
    ({"FLYWHEEL_DATABASE_URL": "sqlite+aiosqlite:////nowhere/f.db"}, 7, "unable to open"),
]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> list[Finished]:
    home = tmp_path_factory.mktemp("wrong")
    return flywheel_each(home, *((["runs"], variables) for variables, _, _ in WRONG))


@pytest.mark.parametrize("number", range(len(WRONG)), ids=lambda n: WRONG[n][2])
def test_wrong_settings_are_explained_without_their_secrets(
    complaints: list[Finished], number: int
) -> None:
    _, status, sentence = WRONG[number]
    done = complaints[number]
    assert done.returncode == status
    assert done.stdout == ""
    assert sentence in done.stderr
    assert SECRET not in done.stderr


def test_a_postgresql_that_does_not_answer(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/d"
    variables = {"FLYWHEEL_DATABASE_URL": url}
    done, doctor = flywheel_each(tmp_path, (["runs"], variables), (["doctor"], variables))
    assert done.returncode == 7
    assert "The database cannot be used: connection failed" in done.stderr
    assert doctor.returncode == 1
    assert "PostgreSQL" in doctor.stdout
    assert "failed" in doctor.stdout
    assert SECRET not in done.stderr + doctor.stdout + doctor.stderr


def test_a_redis_that_does_not_answer(elsewhere: dict[str, list[Finished]]) -> None:
    (done,) = elsewhere["no-redis"]
    assert done.returncode == 1
    assert "The queue does not answer at 127.0.0.1:1." in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_the_doctor_of_a_fresh_home_is_content(elsewhere: dict[str, list[Finished]]) -> None:
    (done,) = elsewhere["fresh"]
    assert (done.returncode, done.stderr) == (0, "")
    states = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "ok" in states["database"]
    assert "ok" in states["logs"]
    assert "flywheel worker" in states["worker"]


def test_a_database_of_a_later_version_is_left_alone(
    elsewhere: dict[str, list[Finished]],
) -> None:
    done, doctor = elsewhere["later"]
    assert done.returncode == 4
    assert "made by a later version of flywheel" in done.stderr
    assert doctor.returncode == 1
    assert "made by a later version of flywheel" in doctor.stdout


def test_a_database_that_is_none(elsewhere: dict[str, list[Finished]]) -> None:
    (done,) = elsewhere["none"]
    assert done.returncode == 7
    assert "file is not a database" in done.stderr


def test_a_terminal_that_cannot_show_a_character(home: Path) -> None:
    done = flywheel(home, "show", "last", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "completed" in done.stdout


def test_no_colour_where_none_is_wanted(home: Path) -> None:
    coloured = flywheel(home, "show", "last", FORCE_COLOR="1")
    assert "\x1b[" in coloured.stdout
    plain = flywheel(home, "show", "last", FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b[3" not in plain.stdout


def test_a_reader_that_goes_away_is_no_error_of_ours(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*PROGRAM, "show", "last", "--json"],
            env=environment(home),
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "Traceback" not in done.stderr
