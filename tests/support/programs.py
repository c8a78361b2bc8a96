"""The real command, in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = (sys.executable, "-c", "from flywheel.cli.main import main; main()")
QUICK = '{"poll_seconds": 0.1, "lease_seconds": 2, "sweep_seconds": 0.3}'


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing but that home and what is named."""
    ours = "SLACK_", "FLYWHEEL_", "COLUMNS"  # the last is set by pytest-xdist
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, "FLYWHEEL_HOME": str(home), "FLYWHEEL_WORKER_CONFIG": QUICK, **more}


class Finished(subprocess.CompletedProcess[str]):
    """What a command said. No command may ever show a stack trace."""


def flywheel(
    home: Path, *words: str, seconds: float = 60, typed: str = "", **more: str
) -> Finished:
    """Run a command to its end; `typed` is all that it can read."""
    done = subprocess.run(
        [*PROGRAM, *words],
        env=environment(home, **more),
        input=typed.encode(),
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    finished = Finished(
        done.args,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )
    assert "Traceback" not in finished.stdout + finished.stderr, finished.stderr
    return finished


# A process takes a second to start: commands that only fail may share one.
_MANY = """
import contextlib, io, json, os, sys
from flywheel.cli.main import main
results = []
for words, variables in json.load(sys.stdin):
    kept = dict(os.environ)
    os.environ.update(variables)
    sys.argv = ["flywheel", *words]
    out, err, status = io.TextIOWrapper(io.BytesIO()), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
    os.environ.clear()
    os.environ.update(kept)
    out.flush()
    results.append((status, out.buffer.getvalue().decode(), err.getvalue()))
json.dump(results, sys.stdout)
"""


def flywheel_each(home: Path, *cases: tuple[Sequence[str], dict[str, str]]) -> list[Finished]:
    """Run commands, each with its variables, one after the other in one process."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY],
        env=environment(home),
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    finished = [Finished([], *result) for result in json.loads(done.stdout)]
    assert not any("Traceback" in one.stderr for one in finished), [f.stderr for f in finished]
    return finished


def start(home: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    """Start a command; its output is read by whoever waits for it."""
    return subprocess.Popen(
        [*PROGRAM, *words],
        env=environment(home, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a signal to us is none to it
    )
