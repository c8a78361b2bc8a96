"""The commands as types: what the parser makes and the answers take."""

from dataclasses import dataclass

from flywheel.views import RunRequest


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
    | CancelCommand
    | PromoteCommand
    | RollbackCommand
    | PolicyCommand
    | WorkloadsCommand
    | HelpCommand
)
