"""From a log to a promotion and back, as a person types it."""

import gzip
import json
import sqlite3
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.programs import Finished, flywheel, flywheel_each

BLUEPRINT_JOB = {
    *("id", "workload_id", "client_id", "status", "started_at", "finished_at", "num_records"),
    *("llm_judge", "datasets", "nims", "error"),
}
BLUEPRINT_NIM = {
    *("model_name", "status", "deployment_status", "runtime_seconds", "evaluations"),
    *("customizations", "error"),
}
BLUEPRINT_EVALUATION = {
    *("eval_type", "scores", "started_at", "finished_at", "runtime_seconds", "progress"),
    *("nmp_uri", "mlflow_uri", "error"),
}


def test_the_version(tmp_path: Path) -> None:
    done = flywheel(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"flywheel {version('flywheel')}\n")


def test_a_sample_can_be_written_and_imported(tmp_path: Path) -> None:
    file = tmp_path / "sample.jsonl.gz"
    written, imported = flywheel_each(
        tmp_path / "home",
        (["sample", str(file), "--records", "150"], {}),
        (["logs", "import", str(file)], {}),
    )
    assert (written.returncode, imported.returncode) == (0, 0)
    assert len(gzip.decompress(file.read_bytes()).splitlines()) == 150
    assert "150 added" in imported.stdout


READ = {
    "workloads": ["logs", "workloads"],
    "r-1": ["show", "r-1", "--json"],
    "last": ["show", "last", "--json"],
    "runs": ["runs", "--json"],
    "others": ["runs", "other", "--json"],
}


@pytest.fixture(scope="module")
def told(home: Path) -> dict[str, Finished]:
    """What commands say that only read."""
    answers = flywheel_each(home, *((words, {}) for words in READ.values()))
    return dict(zip(READ, answers, strict=True))


def test_an_import_says_what_it_did(
    made: tuple[Path, Finished, Finished], told: dict[str, Finished]
) -> None:
    _, done, _ = made
    assert done.returncode == 0
    assert done.stderr == ""
    assert "400 records read" in done.stdout
    assert "400 added, 0 already there, 0 rejected" in done.stdout
    (heading, row) = told["workloads"].stdout.splitlines()
    assert heading.split()[:3] == ["workload", "client", "records"]
    assert row.split()[:3] == ["news", "desk", "400"]


def test_a_run_is_followed_to_its_end(made: tuple[Path, Finished, Finished]) -> None:
    _, _, done = made
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in (
        "r-1 started for news.",
        "Datasets are built from 400 records: 120 for evaluation",
        "hashing-sgd is trained on",
        "r-1 · news · completed",
        "Verdict: promote.",
    ):
        assert words in done.stdout


def test_a_finished_run_leaves_no_server(home: Path) -> None:
    assert not (home / "queue" / "valkey.sock").exists()


def test_show_has_the_shape_of_the_blueprints_job(told: dict[str, Finished]) -> None:
    done = told["r-1"]
    assert (done.returncode, done.stderr) == (0, "")
    job = json.loads(done.stdout)
    assert job.keys() >= BLUEPRINT_JOB
    assert (job["id"], job["workload_id"], job["status"]) == ("r-1", "news", "completed")
    assert (job["client_id"], job["llm_judge"], job["error"]) == (None, None, None)
    assert job["num_records"] == 400
    assert job["started_at"] < job["finished_at"]
    assert {d["name"]: d["num_records"] for d in job["datasets"]}["eval"] == 120
    (nim,) = job["nims"]
    assert nim.keys() >= BLUEPRINT_NIM
    assert (nim["model_name"], nim["status"], nim["error"]) == ("hashing-sgd", "completed", None)
    assert nim["runtime_seconds"] > 0
    assert {e["eval_type"] for e in nim["evaluations"]} == {"base-eval", "customized-eval"}
    for evaluation in nim["evaluations"]:
        assert evaluation.keys() >= BLUEPRINT_EVALUATION
        assert evaluation["progress"] == 100
        assert evaluation["started_at"] <= evaluation["finished_at"]
        scores = evaluation["scores"]
        assert scores["macro_f1"] == scores["f1_score"]
        assert all(0 <= score <= 1 for score in scores.values())
    (customization,) = nim["customizations"]
    assert Path(customization["customized_model"]).is_dir()


def test_runs_as_json_is_a_list_of_the_same_jobs(told: dict[str, Finished]) -> None:
    listed, shown, others = (json.loads(told[name].stdout) for name in ("runs", "last", "others"))
    assert [job["id"] for job in listed] == ["r-1"]
    assert listed[0]["nims"] == shown["nims"]
    assert others == []


def test_a_list_in_a_pipe_is_not_cut(home: Path) -> None:
    heading, row = flywheel(home, "runs").stdout.splitlines()
    assert heading.split() == [
        *("run", "workload", "status", "best", "macro-F1", "verdict", "started"),
    ]
    assert row.split()[:4] == ["r-1", "news", "completed", "hashing-sgd"]
    assert "…" not in heading + row
    narrow = flywheel(home, "runs", COLUMNS="80").stdout
    assert "r-1" in narrow
    assert "hashing-sgd" in narrow


def test_a_model_is_promoted_shown_kept_and_taken_back(home: Path) -> None:
    reason = "passes [/rule] :fire: [bold]"  # no mark-up of ours, whatever it looks like
    before, done, again, incumbents, refused, back, nothing = flywheel_each(
        home,
        (["incumbents"], {}),
        (["promote", "last", "hashing-sgd", "--reason", reason], {}),
        (["promote", "last", "hashing-sgd", "-m", "again"], {}),
        (["incumbents"], {}),
        (["delete", "r-1"], {}),
        (["rollback", "news", "--reason", "complaints"], {}),
        (["rollback", "news", "--reason", "complaints"], {}),
    )
    assert "No model is promoted" in before.stdout
    assert done.returncode == 0, done.stderr
    assert "hashing-sgd (r-1) now serves news." in done.stdout
    assert again.returncode == 4
    assert "serves news already" in again.stderr
    assert incumbents.returncode == 0
    assert reason in incumbents.stdout
    assert refused.returncode == 4
    assert "Roll it back first: `flywheel rollback news`." in refused.stderr
    assert (back.returncode, back.stdout) == (0, "The teacher serves news again.\n")
    assert nothing.returncode == 4
    assert "There is nothing to roll back." in nothing.stderr


@pytest.mark.slow
def test_a_run_that_waits_for_a_worker_is_cancelled_by_the_next_one_and_deleted(
    tmp_path: Path, log: Path
) -> None:
    imported, started, cancelled, unfinished = flywheel_each(
        tmp_path,
        (["logs", "import", str(log)], {}),
        (["run", "news", "--candidates", "hashing-sgd"], {}),
        (["cancel", "last"], {}),
        (["delete", "1"], {}),
    )
    assert imported.returncode == 0
    assert (started.returncode, started.stderr) == (0, "")
    assert "No worker is running yet, so it waits" in started.stdout
    assert (cancelled.returncode, cancelled.stderr) == (0, "")
    assert "r-1 is being cancelled." in cancelled.stdout
    assert unfinished.returncode == 4
    assert "r-1 is cancelling. Stop it first" in " ".join(unfinished.stderr.split())

    # The worker of another run confirms it, also of one that fails.
    done = flywheel(tmp_path, "run", "news", "--limit", "20", "--wait")
    assert done.returncode == 1
    assert "Only 20 usable records are left" in done.stdout

    shown, too_late, deleted, gone = flywheel_each(
        tmp_path,
        (["show", "1", "--json"], {}),
        (["cancel", "r-1"], {}),
        (["delete", "r-1"], {}),
        (["show", "r-1"], {}),
    )
    assert json.loads(shown.stdout)["status"] == "cancelled"
    assert too_late.returncode == 4
    assert "has ended already: it is cancelled" in too_late.stderr
    assert (deleted.returncode, gone.returncode) == (0, 3)


def test_the_policy_is_shown_and_checked(home: Path, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text("margin: 0.1\n")
    (tmp_path / "wrong.yaml").write_text("margin: 7\n")
    shown, of_run, checked, wrong, refused = flywheel_each(
        home,
        (["policy", "show"], {}),
        (["policy", "show", "last"], {}),
        (["policy", "check", str(tmp_path / "ours.yaml")], {}),
        (["policy", "check", str(tmp_path / "wrong.yaml")], {}),
        (["run", "news", "--policy", str(tmp_path / "wrong.yaml")], {}),
    )
    assert shown.stdout == of_run.stdout
    assert "\nmargin: 0.25\n" in shown.stdout
    assert "is a valid policy" in checked.stdout
    for done in (wrong, refused):
        assert done.returncode == 2
        assert "must be a number above 0 and below 1, not 7." in done.stderr


def test_a_receipt_is_shown_and_verified(home: Path, tmp_path: Path) -> None:
    shown = flywheel(home, "receipt", "show", "last")
    (tmp_path / "r.json").write_text(shown.stdout, encoding="utf-8")
    (tmp_path / "changed.json").write_text(shown.stdout.replace('"seed":5', '"seed":6'))
    valid, changed, absent, key, elsewhere = flywheel_each(
        home,
        (["receipt", "verify", str(tmp_path / "r.json"), "--strict"], {}),
        (["receipt", "verify", str(tmp_path / "changed.json")], {}),
        (["receipt", "verify", str(tmp_path / "absent.json")], {}),
        (["receipt", "key"], {}),
        (["receipt", "show", "r-99"], {}),
    )
    assert valid.returncode == 0
    assert valid.stdout.startswith("valid: The receipt of r-1 (news) is unchanged")
    assert changed.returncode == 1
    assert "the receipt was changed after it was signed" in changed.stdout
    assert absent.returncode == 2
    assert "absent.json cannot be read" in absent.stderr
    assert key.stdout.startswith("-----BEGIN PUBLIC KEY-----")
    assert elsewhere.returncode == 3


def test_a_terminal_changes_no_letter_of_a_receipt(home: Path, tmp_path: Path) -> None:
    """Not even one that cannot show it."""
    document = flywheel(home, "receipt", "show", "r-1").stdout.replace("news", "nachrichten-ü")
    database = sqlite3.connect(home / "flywheel.db")
    with database:
        database.execute(
            "INSERT INTO receipt VALUES ('fw-gone', 999, 'ü', 'k', ?, '2026-11-20')", [document]
        )
    database.close()
    shown = flywheel(home, "receipt", "show", "r-999", PYTHONIOENCODING="ascii")
    assert shown.stdout == document
