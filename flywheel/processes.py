"""Background job processes that survive their starter and are found again.

A job is a directory. Whoever knows the directory can start, follow or cancel the job:

    spec.json       the command and what it is to do; written first
    attempts        how often a process was started for it
    lock            held (flock) by the job process for life: the test of being alive
    pid             of that process, leader of its own process group
    progress.json   percent and a short message; replaced by the job
    result.json     the result; its presence means completed
    error.json      one sentence; its presence means failed
    cancelled       its presence means that nobody may start it (again)
    log.txt         standard output and error

A job's result, once written, stands. The starter takes the lock and the job inherits it, so
there is no moment in which a starting job looks dead, and two starters cannot both start it.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue

from flywheel.errors import ConflictError, FlywheelError

MAX_ATTEMPTS = 3  # a job that dies this often without a result has failed
TERM_SECONDS = 5.0  # between SIGTERM and SIGKILL
KILL_SECONDS = 5.0  # how long cancel waits for the kernel after SIGKILL
LOG_TAIL_LINES = 3
_NICE = 10  # whoever answers people goes before
LOG_TAIL_CHARACTERS = 400

NOTHING_MORE: Mapping[str, str] = MappingProxyType({})

_LOCK_VARIABLE = "FLYWHEEL_JOB_LOCK"

Spec = TypeVar("Spec", bound=BaseModel)
ReportProgress = Callable[[float, str], None]


class ProcessState(BaseModel):
    """How a job stands."""

    state: Literal["running", "completed", "failed", "cancelled"]
    percent: float = Field(0.0, ge=0, le=100)
    message: str = Field("", description="What it is doing, in a few words")
    result: bytes | None = Field(None, description="JSON of the result, where completed")
    error: str | None = Field(None, description="One sentence, where failed")


class _Order(BaseModel):
    argv: list[str]
    spec: dict[str, JsonValue]


class _Progress(BaseModel):
    percent: float = 0.0
    message: str = ""


class _Error(BaseModel):
    sentence: str


# --- the side of the starter ------------------------------------------------------------------


async def start(
    directory: Path,
    argv: Sequence[str],
    spec: BaseModel,
    environment: Mapping[str, str] = NOTHING_MORE,
) -> None:
    """Start the job of `directory`; one that runs, has ended or is cancelled is left alone.

    `argv` starts a Python program that calls `job_main`; its first argument is `directory`.
    `environment` comes on top of this process's own: the way for secrets, as it is in no file.
    """
    await asyncio.to_thread(_start, directory, list(argv), spec, environment)


async def poll(directory: Path, environment: Mapping[str, str] = NOTHING_MORE) -> ProcessState:
    """How the job stands.

    One that died without a result is started again, a few times, with this `environment`.
    """
    return await asyncio.to_thread(_poll, directory, environment)


async def cancel(directory: Path) -> bool:
    """Stop the job for good; True once nothing of it runs.

    Safe to repeat. A job that was never started cannot be started afterwards; one that has
    ended keeps its result.
    """
    await asyncio.to_thread(_mark_cancelled, directory)
    for number, patience in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        deadline = time.monotonic() + patience
        sent = False
        while time.monotonic() < deadline:
            if await asyncio.to_thread(_nothing_runs, directory):
                return True
            sent = sent or _signal_group(directory, number)
            await asyncio.sleep(0.02)
    return await asyncio.to_thread(_nothing_runs, directory)


def _start(
    directory: Path, argv: list[str], spec: BaseModel, environment: Mapping[str, str]
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    lock = _try_lock(directory)
    if lock is None:  # it runs, or somebody is starting it right now
        return
    try:
        if _ended(directory) is None:
            if not (directory / "spec.json").exists():
                order = _Order(argv=argv, spec=spec.model_dump(mode="json"))
                _write(directory / "spec.json", order)
            _spawn(directory, lock, environment)
    finally:
        os.close(lock)  # the job has its own copy, which keeps the lock


def _poll(directory: Path, environment: Mapping[str, str]) -> ProcessState:
    if not (directory / "spec.json").exists():
        if (directory / "cancelled").exists():
            return ProcessState(state="cancelled")
        return ProcessState(state="failed", error=f"The job '{directory.name}' was never started.")
    lock = _try_lock(directory)
    if lock is None:  # still there: running, or on its way out with the result written
        return _outcome(directory) or _running(directory)
    try:
        if (ended := _ended(directory)) is not None:
            return ended
        _spawn(directory, lock, environment)
        return _ended(directory) or _running(directory)
    finally:
        os.close(lock)


def _spawn(directory: Path, lock: int, environment: Mapping[str, str]) -> None:
    """Start a process for the job, or fail the job where it has died too often."""
    attempts = _attempts(directory)
    if attempts >= MAX_ATTEMPTS:
        sentence = (
            f"The job '{directory.name}' ended {attempts} times without a result; "
            f"{_log_tail(directory)}."
        )
        _write(directory / "error.json", _Error(sentence=sentence))
        return
    order = _Order.model_validate_json((directory / "spec.json").read_bytes())
    _replace(directory / "attempts", str(attempts + 1).encode())
    (directory / "pid").unlink(missing_ok=True)  # of the process before this one
    with (directory / "log.txt").open("ab") as log:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                order.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
                env={**os.environ, **environment, _LOCK_VARIABLE: str(lock)},
            )
        except OSError as error:  # counts as an attempt; the sentence of a failed job quotes it
            log.write(f"The program cannot be started: {error}\n".encode())
            return
    # Somebody has to wait for the child, or it stays a zombie as long as this process lives.
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()


def _mark_cancelled(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if _outcome(directory) is None:
        _replace(directory / "cancelled", b"")


def _nothing_runs(directory: Path) -> bool:
    lock = _try_lock(directory)
    if lock is None:
        return False
    os.close(lock)
    return True


def _signal_group(directory: Path, number: signal.Signals) -> bool:
    """Signal the job's process group; False while the job has not written its pid yet.

    Only for a job whose lock is held: then the pid is that of its process.
    """
    try:
        pid = int((directory / "pid").read_text())
    except FileNotFoundError:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
    return True


# --- the side of the job ----------------------------------------------------------------------


def job_main(spec_type: type[Spec], run: Callable[[Spec, ReportProgress], BaseModel]) -> None:
    """Be the job process of the directory named on the command line.

    Calls `run(spec, report_progress)` and writes what it returns; `report_progress(percent,
    message)` may be called as often as there is something to say. A FlywheelError becomes the
    job's error sentence; any other exception also leaves its traceback in the log.
    """
    directory = Path(sys.argv[1])
    os.nice(_NICE)
    if not _inherits_lock() and _try_lock(directory) is None:
        raise ConflictError(f"The job '{directory.name}' runs already.")
    # First the pid, then the look at `cancelled`; cancel does it the other way round, so that
    # at least one of the two sees the other.
    _replace(directory / "pid", str(os.getpid()).encode())
    if _ended(directory) is not None:
        return
    try:
        order = _Order.model_validate_json((directory / "spec.json").read_bytes())
        # Another version may have written the order: what this one does not know is left out.
        spec = spec_type.model_validate(order.spec, extra="ignore")
        result = run(spec, _reporter(directory))
        _write(directory / "result.json", result)
    except FlywheelError as error:
        traceback.print_exc()
        _write(directory / "error.json", _Error(sentence=str(error)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the waiting side has to learn of it
        traceback.print_exc()
        sentence = (
            f"The job '{directory.name}' stopped on an unexpected error "
            f"({type(error).__name__}: {error}); its log.txt has the details."
        )
        _write(directory / "error.json", _Error(sentence=sentence))


def _inherits_lock() -> bool:
    number = os.environ.pop(_LOCK_VARIABLE, None)
    if number is None:
        return False  # started by hand
    os.set_inheritable(int(number), False)
    return True


def _reporter(directory: Path) -> ReportProgress:
    def report_progress(percent: float, message: str) -> None:
        progress = _Progress(percent=min(max(percent, 0.0), 100.0), message=message)
        _replace(directory / "progress.json", progress.model_dump_json().encode())

    return report_progress


# --- the files --------------------------------------------------------------------------------


def _try_lock(directory: Path) -> int | None:
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _outcome(directory: Path) -> ProcessState | None:
    """Completed or failed; None without a result."""
    with contextlib.suppress(FileNotFoundError):
        result = (directory / "result.json").read_bytes()
        return ProcessState(state="completed", percent=100.0, result=result)
    with contextlib.suppress(FileNotFoundError):
        content = (directory / "error.json").read_bytes()
        error = _Error.model_validate_json(content)
        progress = _progress(directory)
        return ProcessState(
            state="failed", percent=progress.percent, message=progress.message, error=error.sentence
        )
    return None


def _ended(directory: Path) -> ProcessState | None:
    """Like `_outcome`, and cancelled; for whoever holds the lock."""
    outcome = _outcome(directory)
    if outcome is None and (directory / "cancelled").exists():
        return ProcessState(state="cancelled", percent=_progress(directory).percent)
    return outcome


def _running(directory: Path) -> ProcessState:
    progress = _progress(directory)
    return ProcessState(state="running", percent=progress.percent, message=progress.message)


def _progress(directory: Path) -> _Progress:
    try:
        return _Progress.model_validate_json((directory / "progress.json").read_bytes())
    except FileNotFoundError:
        return _Progress()


def _attempts(directory: Path) -> int:
    try:
        return int((directory / "attempts").read_text())
    except FileNotFoundError:
        return 0


def _log_tail(directory: Path) -> str:
    text = (directory / "log.txt").read_text("utf-8", errors="replace").strip()
    if not text:
        return "it wrote nothing to its log.txt (killed from outside, or out of memory)"
    tail = " / ".join(line.strip() for line in text.splitlines()[-LOG_TAIL_LINES:])
    return f"its log ends with: {tail[-LOG_TAIL_CHARACTERS:]}"


def _write(path: Path, content: BaseModel) -> None:
    """Write for good: on the disk before it has its name."""
    _replace(path, content.model_dump_json().encode(), durable=True)


def _replace(path: Path, content: bytes, durable: bool = False) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
