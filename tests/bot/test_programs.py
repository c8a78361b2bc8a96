"""`flywheel chat`, `demo`, `bot` and `up` as a person runs them: in processes of their own."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from pathlib import Path

from tests.support.programs import flywheel_each

PROGRAM = (sys.executable, "-c", "from flywheel.cli.main import main; main()")
SECONDS = 120


def environment(home: Path, **more: str) -> dict[str, str]:
    """An empty home, and nothing of Slack."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "FLYWHEEL_"))}
    return {
        **kept,
        "FLYWHEEL_HOME": str(home),
        "FLYWHEEL_WORKER_CONFIG": '{"poll_seconds": 0.2}',
        **more,
    }


async def flywheel(home: Path, *words: str, typed: str = "", **more: str) -> tuple[int, str, str]:
    """Run a command to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        env=environment(home, **more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_demo_plays_through_and_leaves_a_transcript(tmp_path: Path) -> None:
    code, out, err = await flywheel(tmp_path, "demo")
    assert code == 0, out + err
    assert err == ""
    (transcript,) = (tmp_path / "transcripts").glob("demo-*.txt")
    text = transcript.read_text(encoding="utf-8")
    assert str(transcript) in out
    order = [
        "The log of this demo is synthetic",
        "❯ /flywheel workloads",
        "❯ /flywheel run news_classifier eval_size=400",
        "Results of r-1 · news_classifier",
        "❯ @flywheel which model is best",
        "may approve a promotion.",
        "Promote a model",
        "Decided:",
        "❯ /flywheel rollback news_classifier",
        "Serving now: the teacher",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "Traceback" not in text


async def test_the_demo_says_why_it_fails(tmp_path: Path) -> None:
    code, out, _ = await flywheel(
        tmp_path, "demo", FLYWHEEL_DATA_SPLIT_CONFIG__MIN_TOTAL_RECORDS="100000"
    )
    assert code == 1
    assert "The demo failed:" in out
    assert "100,000" in out


async def test_chat_answers_what_is_typed(tmp_path: Path) -> None:
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
    code, out, err = await flywheel(tmp_path, "chat", typed=typed)
    assert code == 0, out + err
    assert "press the button with that number" in out
    assert "The log is empty." in out
    assert "Did you mean help?" in out
    assert "There is no button 7 now" in out
    assert "The only command here is /flywheel" in out
    assert err == ""


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


async def test_up_serves_health_and_stops_cleanly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("up", "--port", "0"),
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = [(await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode() for _ in range(2)]
    assert "Slack is not configured" in said[0]
    url = said[1].split()[2].rstrip(";")
    answer = await asyncio.to_thread(urllib.request.urlopen, f"{url}/healthz")
    assert json.load(answer) == {"status": "ok"}
    second, _, told = await flywheel(tmp_path, "up", "--port", url.rsplit(":", 1)[1])
    assert second == 7
    assert "Cannot listen on 127.0.0.1" in told
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0
    assert b"Stopping." in out
    assert err == b""
