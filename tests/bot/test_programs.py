"""`flywheel chat`, `demo`, `bot` and `up` as a person runs them: in processes of their own."""

import asyncio
import json
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.support.programs import PROGRAM, environment, flywheel, flywheel_each

SECONDS = 300.0  # a busy machine may take its time; what hangs is still found


@pytest.mark.slow
def test_the_demo_plays_through_and_leaves_a_transcript(tmp_path: Path) -> None:
    done = flywheel(tmp_path, "demo", seconds=SECONDS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (transcript,) = (tmp_path / "transcripts").glob("demo-*.txt")
    text = transcript.read_text(encoding="utf-8")
    assert str(transcript) in done.stdout
    order = [
        "The log of this demo is synthetic",
        "❯ /flywheel workloads",
        "❯ /flywheel run news_classifier eval_size=400",
        "Results of r-1 · news_classifier",
        "❯ @flywheel which model is best",
        "may not decide on promotions",
        "Promote a model",
        "Decided:",
        "❯ /flywheel rollback news_classifier",
        "Serving now: the teacher",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "Traceback" not in text


@pytest.mark.slow
def test_the_demo_says_why_it_fails(tmp_path: Path) -> None:
    too_many = {"FLYWHEEL_DATA_SPLIT_CONFIG__MIN_TOTAL_RECORDS": "100000"}
    done = flywheel(tmp_path, "demo", seconds=SECONDS, **too_many)
    assert done.returncode == 1
    assert "The demo failed:" in done.stdout
    assert "100,000" in done.stdout


def test_chat_answers_what_is_typed(tmp_path: Path) -> None:
    typed = "\n".join(
        [
            "help",
            "/flywheel workloads",
            "/flywheel hlep",
            "7",
            "/dance",
            "what runs are there?",
            "quit",
        ]
    )
    done = flywheel(tmp_path, "chat", typed=typed, seconds=SECONDS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "press the button with that number" in done.stdout
    assert "The log is empty." in done.stdout
    assert "Did you mean help?" in done.stdout
    assert "There is no button 7 now" in done.stdout
    assert "The only command here is /flywheel" in done.stdout


WITHOUT = [
    ({}, "SLACK_BOT_TOKEN is not set"),
    ({"SLACK_BOT_TOKEN": "secret-1"}, "SLACK_BOT_TOKEN is not a bot token"),
    ({"SLACK_BOT_TOKEN": "xoxb-secret-1"}, "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET"),
    (
        {"SLACK_BOT_TOKEN": "xoxb-secret-1", "SLACK_APP_TOKEN": "secret-1"},
        "SLACK_APP_TOKEN is not an app-level token",
    ),
]


def test_the_bot_without_tokens_says_which(tmp_path: Path) -> None:
    answers = flywheel_each(tmp_path, *((["bot"], variables) for variables, _ in WITHOUT))
    for done, (_, told) in zip(answers, WITHOUT, strict=True):
        assert done.returncode == 2
        assert told in done.stderr
        assert "secret-1" not in done.stdout + done.stderr


@pytest.mark.slow
async def test_up_serves_the_api_and_stops_cleanly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("up", "--port", "0"),
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = [(await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode() for _ in range(3)]
    assert "Slack is not configured" in said[0]
    url = said[1].split()[2].rstrip(";")
    assert "is open to everybody on this machine" in said[2]
    for path, body in (("healthz", {"status": "ok"}), ("api/jobs", {"jobs": []})):
        answer = await asyncio.to_thread(urllib.request.urlopen, f"{url}/{path}")
        assert json.load(answer) == body
    second = await asyncio.to_thread(flywheel, tmp_path, "up", "--port", url.rsplit(":", 1)[1])
    assert second.returncode == 7
    assert "Cannot listen on 127.0.0.1" in second.stderr
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0
    assert b"Stopping." in out
    assert err == b""
