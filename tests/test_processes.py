"""Real processes: killed, raced and cancelled."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from flywheel import processes
from flywheel.processes import ProcessState

PROGRAM = """
import os, sys, time
from pathlib import Path
from pydantic import BaseModel
from flywheel.errors import DataError
from flywheel.processes import job_main

class Spec(BaseModel):
    behaviour: str
    release: str = ""

class Result(BaseModel):
    answer: int

def run(spec, report_progress):
    with open(Path(sys.argv[1]) / "runs", "a") as file:
        file.write(f"{os.getpid()}\\n")
    report_progress(50, "half way")
    if spec.behaviour == "stubborn":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if spec.behaviour == "sentence":
        raise DataError("There is no label in any record.", "Check the log.")
    if spec.behaviour == "bug":
        raise KeyError("oops")
    if spec.behaviour == "die":
        print("about to die", flush=True)
        os.kill(os.getpid(), 9)
    report_progress(60, "waiting")
    while spec.release and not Path(spec.release).exists():
        time.sleep(0.01)
    return Result(answer=42)

if __name__ == "__main__":
    job_main(Spec, run)
"""


class Spec(BaseModel):
    behaviour: str = "work"
    release: str = ""


class Job:
    """A job directory with the program that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "job"
        self.release = folder / "release"
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM)
        self.argv = [sys.executable, str(self.program), str(self.directory)]

    async def start(self, behaviour: str = "work", *, held: bool = False) -> None:
        spec = Spec(behaviour=behaviour, release=str(self.release) if held else "")
        await processes.start(self.directory, self.argv, spec)

    async def until(self, holds: Callable[[ProcessState], bool]) -> ProcessState:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            state = await processes.poll(self.directory)
            if holds(state):
                return state
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {state!r}")

    async def ended(self) -> ProcessState:
        return await self.until(lambda state: state.state != "running")

    async def working(self) -> int:
        """Wait until the job is at work; its pid."""
        await self.until(lambda state: state.message == "waiting")
        return int((self.directory / "pid").read_text())

    def pids(self) -> list[int]:
        """Of every process that did the job's work, oldest first."""
        path = self.directory / "runs"
        return [int(line) for line in path.read_text().split()] if path.exists() else []


def gone(pid: int) -> bool:
    """Ended and waited for, within a deadline: no zombie is left."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
async def job(tmp_path: Path) -> AsyncIterator[Job]:
    job = Job(tmp_path)
    yield job
    assert await processes.cancel(job.directory), "something of the job still runs"


@pytest.fixture
def other_starter(tmp_path: Path) -> Iterator[Callable[[Job], subprocess.Popen[bytes]]]:
    """Another process that starts the same job and then stays until it is killed."""
    script = tmp_path / "starter.py"
    script.write_text(
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from pydantic import BaseModel\n"
        "from flywheel.processes import start\n"
        "class Spec(BaseModel):\n"
        "    behaviour: str\n"
        "    release: str\n"
        "spec = Spec(behaviour='work', release=sys.argv[2])\n"
        "asyncio.run(start(Path(sys.argv[1]), sys.argv[3:], spec))\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    starters: list[subprocess.Popen[bytes]] = []

    def launch(job: Job) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(job.directory), str(job.release), *job.argv]
        starters.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        return starters[-1]

    yield launch
    for starter in starters:
        starter.kill()
        starter.communicate()


async def test_a_job_completes_with_its_result(job: Job) -> None:
    await job.start()
    state = await job.ended()
    assert (state.state, state.percent, state.result) == ("completed", 100, b'{"answer":42}')


async def test_progress_is_seen_while_it_runs(job: Job) -> None:
    await job.start(held=True)
    state = await job.until(lambda state: state.percent == 60)
    assert (state.state, state.message) == ("running", "waiting")
    job.release.touch()
    assert (await job.ended()).state == "completed"


async def test_starting_again_leaves_the_job_alone(job: Job) -> None:
    await job.start(held=True)
    await job.working()
    await job.start(held=True)
    job.release.touch()
    await job.ended()
    await job.start("sentence")
    assert (await processes.poll(job.directory)).state == "completed"
    assert len(job.pids()) == 1


async def test_a_job_that_was_never_started_is_failed(job: Job) -> None:
    state = await processes.poll(job.directory)
    assert (state.state, state.error) == ("failed", "The job 'job' was never started.")


async def test_an_expected_error_is_its_sentence(job: Job) -> None:
    await job.start("sentence")
    state = await job.ended()
    assert state.state == "failed"
    assert state.error == "There is no label in any record. Check the log."
    assert len(job.pids()) == 1


async def test_an_unexpected_error_is_a_sentence_with_the_traceback_in_the_log(job: Job) -> None:
    await job.start("bug")
    state = await job.ended()
    assert state.error is not None
    assert "KeyError: 'oops'" in state.error
    assert "Traceback" not in state.error
    assert "Traceback" in (job.directory / "log.txt").read_text()


async def test_a_killed_job_is_started_again_by_the_next_poll(job: Job) -> None:
    await job.start(held=True)
    os.kill(await job.working(), signal.SIGKILL)
    await job.until(lambda _: len(job.pids()) == 2)
    job.release.touch()
    assert (await job.ended()).state == "completed"
    assert len(job.pids()) == 2


async def test_a_job_that_keeps_dying_fails_with_the_end_of_its_log(job: Job) -> None:
    await job.start("die")
    state = await job.ended()
    assert state.state == "failed"
    assert state.error is not None
    assert "3 times" in state.error
    assert "about to die" in state.error
    assert len(job.pids()) == processes.MAX_ATTEMPTS


async def test_a_program_that_is_not_there_fails_the_job(job: Job) -> None:
    job.argv[0] = "/nowhere/python"
    await job.start()
    state = await job.ended()
    assert state.state == "failed"
    assert state.error is not None
    assert "/nowhere/python" in state.error


async def test_a_job_outlives_its_killed_starter(
    job: Job, other_starter: Callable[[Job], subprocess.Popen[bytes]]
) -> None:
    starter = other_starter(job)
    assert starter.stdout is not None
    await asyncio.to_thread(starter.stdout.readline)
    pid = await job.working()
    starter.kill()
    await asyncio.to_thread(starter.wait)
    await job.start(held=True)
    assert (await processes.poll(job.directory)).state == "running"
    job.release.touch()
    assert (await job.ended()).state == "completed"
    assert job.pids() == [pid]


async def test_racing_starters_start_one_process(
    job: Job, other_starter: Callable[[Job], subprocess.Popen[bytes]]
) -> None:
    starters = [other_starter(job) for _ in range(3)]
    await asyncio.gather(*(job.start(held=True) for _ in range(20)))
    for starter in starters:
        assert starter.stdout is not None
        await asyncio.to_thread(starter.stdout.readline)
    await job.working()
    job.release.touch()
    assert (await job.ended()).state == "completed"
    assert len(job.pids()) == 1


async def test_cancel_stops_a_running_job_for_good(job: Job) -> None:
    await job.start(held=True)
    pid = await job.working()
    assert await processes.cancel(job.directory)
    assert gone(pid)
    assert await processes.cancel(job.directory)
    await job.start(held=True)
    assert (await processes.poll(job.directory)).state == "cancelled"
    assert job.pids() == [pid]


async def test_cancel_right_after_the_start(job: Job) -> None:
    await job.start(held=True)
    assert await processes.cancel(job.directory)
    assert (await processes.poll(job.directory)).state == "cancelled"


async def test_cancel_kills_a_job_that_ignores_the_request(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "TERM_SECONDS", 0.3)
    await job.start("stubborn", held=True)
    pid = await job.working()
    assert await processes.cancel(job.directory)
    assert gone(pid)


async def test_a_job_cancelled_before_its_start_never_runs(job: Job) -> None:
    assert await processes.cancel(job.directory)
    await job.start()
    assert (await processes.poll(job.directory)).state == "cancelled"
    assert job.pids() == []


async def test_cancel_after_the_end_keeps_the_result(job: Job) -> None:
    await job.start()
    await job.ended()
    assert await processes.cancel(job.directory)
    assert (await processes.poll(job.directory)).state == "completed"
