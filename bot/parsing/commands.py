"""The commands as types: what the parser makes and the answers take."""

from dataclasses import dataclass
from typing import Literal

from flywheel.views import RunRequest

ScheduleChange = Literal["pause", "resume", "remove"]


@dataclass(frozen=True)
class RunCommand:
    """Start a run; without a request, open the form for one."""

    request: RunRequest | None


@dataclass(frozen=True)
class StatusCommand:
    """Show how a run stands."""

    run: str


@dataclass(frozen=True)
class RunsCommand:
    """List the newest runs."""

    workload_id: str | None


@dataclass(frozen=True)
class ResultsCommand:
    """Show what a run found."""

    run: str


@dataclass(frozen=True)
class ShowCommand:
    """Results where the run is complete, else how it stands (the command line's `show`)."""

    run: str


@dataclass(frozen=True)
class ReviewCommand:
    """Judge a candidate's answers; without a model those of the recommended one."""

    run: str
    model: str | None


@dataclass(frozen=True)
class CompareCommand:
    """Put two runs of a workload side by side; without the other the one before."""

    run: str
    other: str | None


@dataclass(frozen=True)
class CancelCommand:
    """Stop a run."""

    run: str


@dataclass(frozen=True)
class PromoteCommand:
    """Let a model of a run take over."""

    run: str
    model: str
    reason: str


@dataclass(frozen=True)
class RollbackCommand:
    """Take the promoted model of a workload back."""

    workload_id: str
    reason: str


@dataclass(frozen=True)
class PolicyCommand:
    """Say what the policy in force asks for, and who decides."""

    workload_id: str | None


@dataclass(frozen=True)
class SchedulesCommand:
    """List the schedules."""

    workload_id: str | None


@dataclass(frozen=True)
class ScheduleCommand:
    """Start such a run whenever the rule says so."""

    request: RunRequest
    rule: str


@dataclass(frozen=True)
class ScheduleChangeCommand:
    """Do that with a schedule."""

    change: ScheduleChange
    schedule: str


@dataclass(frozen=True)
class WorkloadsCommand:
    """List what the log holds."""


@dataclass(frozen=True)
class HelpCommand:
    """List the commands."""


Command = (
    RunCommand
    | StatusCommand
    | RunsCommand
    | ResultsCommand
    | ShowCommand
    | ReviewCommand
    | CompareCommand
    | CancelCommand
    | PromoteCommand
    | RollbackCommand
    | SchedulesCommand
    | ScheduleCommand
    | ScheduleChangeCommand
    | PolicyCommand
    | WorkloadsCommand
    | HelpCommand
)
