"""What people type after `/flywheel`, as a typed command.

What it cannot understand it answers with the nearest thing that it knows.
"""

from collections.abc import Callable, Sequence

from bot.parsing.commands import (
    CancelCommand,
    Command,
    CompareCommand,
    HelpCommand,
    PolicyCommand,
    PromoteCommand,
    ResultsCommand,
    ReviewCommand,
    RollbackCommand,
    RunCommand,
    RunsCommand,
    ShowCommand,
    StatusCommand,
    WorkloadsCommand,
)
from bot.parsing.run_options import run_request
from bot.parsing.schedules import read_schedule
from bot.parsing.tokens import Token, rest_of_line, split, straight, tokens_of, value
from bot.parsing.usage import USAGE, misused
from flywheel.errors import InvalidInputError
from flywheel.service.naming import nearest

Read = Callable[[str, Sequence[Token]], Command]


def parse(text: str) -> Command:
    """The command that `text` (everything after `/flywheel`) means.

    Raises InvalidInputError, saying how the command is written.
    """
    text = straight(text)
    tokens = tokens_of(text)
    if not tokens:
        return HelpCommand()
    name = tokens[0].text.lower()
    reader = _READERS.get(name)
    if reader is None:
        raise InvalidInputError(
            f"There is no command '{tokens[0].text}'.",
            f"{nearest(name, USAGE)}`/flywheel help` lists what there is.",
        )
    return reader(text, tokens[1:])


def _run(_text: str, tokens: Sequence[Token]) -> RunCommand:
    return RunCommand(run_request(*split(tokens)) if tokens else None)


def _one_run(name: str, tokens: Sequence[Token], default: str | None) -> str:
    if not tokens:
        if default is None:
            raise misused(name, "Which run? `/flywheel runs` lists them.")
        return default
    if len(tokens) > 1:
        raise misused(name, f"I do not understand '{tokens[1].text}'.")
    return value(tokens[0].text, "run")


def _any_workload(name: str, tokens: Sequence[Token]) -> str | None:
    if len(tokens) > 1:
        raise misused(name, f"I do not understand '{tokens[1].text}'.")
    return value(tokens[0].text, "workload", "workload_id") if tokens else None


def _review(_text: str, tokens: Sequence[Token]) -> ReviewCommand:
    if len(tokens) > 2:
        raise misused("review", f"I do not understand '{tokens[2].text}'.")
    run = value(tokens[0].text, "run") if tokens else "last"
    return ReviewCommand(run, value(tokens[1].text, "model") if len(tokens) > 1 else None)


def _compare(_text: str, tokens: Sequence[Token]) -> CompareCommand:
    if len(tokens) > 2:
        raise misused("compare", f"I do not understand '{tokens[2].text}'.")
    names = [value(token.text, "run") for token in tokens]
    return CompareCommand(names[0] if names else "last", names[1] if len(names) > 1 else None)


def _promote(text: str, tokens: Sequence[Token]) -> PromoteCommand:
    if len(tokens) < 2:
        missing = "Which model?" if tokens else "Which run, and which of its models?"
        raise misused("promote", missing)
    run, model = value(tokens[0].text, "run"), value(tokens[1].text, "model")
    return PromoteCommand(run, model, rest_of_line(text, tokens[2:], "reason"))


def _rollback(text: str, tokens: Sequence[Token]) -> RollbackCommand:
    if not tokens:
        raise misused("rollback", "Which workload? `/flywheel workloads` lists them.")
    workload_id = value(tokens[0].text, "workload", "workload_id")
    return RollbackCommand(workload_id, rest_of_line(text, tokens[1:], "reason"))


_READERS: dict[str, Read] = {
    "run": _run,
    "status": lambda _, tokens: StatusCommand(_one_run("status", tokens, "last")),
    "runs": lambda _, tokens: RunsCommand(_any_workload("runs", tokens)),
    "results": lambda _, tokens: ResultsCommand(_one_run("results", tokens, "last")),
    "show": lambda _, tokens: ShowCommand(_one_run("status", tokens, "last")),
    "review": _review,
    "compare": _compare,
    "cancel": lambda _, tokens: CancelCommand(_one_run("cancel", tokens, None)),
    "promote": _promote,
    "rollback": _rollback,
    "schedule": read_schedule,
    "schedules": read_schedule,
    "policy": lambda _, tokens: PolicyCommand(_any_workload("policy", tokens)),
    "workloads": lambda _, tokens: WorkloadsCommand(),  # noqa: ARG005
    "help": lambda _, tokens: HelpCommand(),  # noqa: ARG005
}
