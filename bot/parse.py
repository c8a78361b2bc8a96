"""What people type after `/flywheel`, as a typed command.

Forgiving where it can be: straight and curly quotes, `key=value`, `--key value` and
`--key=value`, capitals, thousands separators. What it cannot understand it answers with the
nearest thing that it knows.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from flywheel.errors import InvalidInputError
from flywheel.service.naming import nearest
from flywheel.views import RunRequest


@dataclass(frozen=True)
class RunCommand:
    """Start a run."""

    request: RunRequest


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
    | WorkloadsCommand
    | HelpCommand
)


class Usage(NamedTuple):
    """How a command is written and what it does."""

    form: str
    what: str


USAGE = {
    "run": Usage(
        "run WORKLOAD [client=C] [limit=N] [eval_size=N|auto] [seed=N] [candidates=a,b]",
        "Build datasets from the log, train the candidates and score them.",
    ),
    "status": Usage("status [RUN]", "How a run stands; the last one where none is named."),
    "runs": Usage("runs [WORKLOAD]", "The newest runs."),
    "results": Usage("results [RUN]", "Scores and recommendation of a run."),
    "cancel": Usage("cancel RUN", "Stop a run and everything it started."),
    "promote": Usage(
        "promote RUN MODEL [REASON]",
        "Let a model take over that the policy passed. Approvers only.",
    ),
    "rollback": Usage(
        "rollback WORKLOAD [REASON]", "Bring back what served before. Approvers only."
    ),
    "workloads": Usage("workloads", "What the log holds, and what serves each workload."),
    "help": Usage("help", "This list."),
}

_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_TOKEN = re.compile(
    r"""(?P<key>(?:--|—|–)?[\w-]+=)?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')(?=\s|$)"""
    r"""|(?P<bare>\S+)"""
)
_OPTION = re.compile(r"(?P<dashes>--|—|–)?(?P<key>[A-Za-z][\w-]*)=(?P<value>.*)", re.DOTALL)
_FLAG = re.compile(r"(?:--|—|–)(?P<key>[A-Za-z][\w-]*)")

_RUN_OPTIONS = {
    "client": "client_id",
    "client_id": "client_id",
    "limit": "limit",
    "eval_size": "eval_size",
    "seed": "random_seed",
    "random_seed": "random_seed",
    "candidates": "candidates",
    "candidate": "candidates",
}
_NUMBERS = frozenset({"limit", "eval_size", "random_seed"})


class _Token(NamedTuple):
    text: str
    start: int
    quoted: bool


def parse(text: str) -> Command:
    """The command that `text` (everything after `/flywheel`) means.

    Raises InvalidInputError, saying how the command is written.
    """
    text = text.translate(_CURLY).strip()
    tokens = _tokens(text)
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


def in_slack(text: str) -> str:
    """The same words with commands as they are typed here: `/flywheel runs`."""
    return _SHELL_COMMAND.sub(lambda match: f"/flywheel {match[1]}", text)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        if match["bare"] is not None:
            tokens.append(_Token(match["bare"], match.start(), False))
            continue
        value = match["double"] if match["double"] is not None else match["single"]
        key = match["key"] or ""
        tokens.append(_Token(key + value, match.start(), not key))
    return tokens


def _run(_text: str, tokens: list[_Token]) -> RunCommand:
    words, options = _split(tokens)
    fields: dict[str, str | int | list[str]] = {}
    for key, value in options:
        name = _RUN_OPTIONS.get(key)
        if name is None:
            known = ["client", "limit", "eval_size", "seed", "candidates"]
            raise _misused("run", f"'{key}' is not an option of run. {nearest(key, known)}".strip())
        if not value:
            raise _misused("run", f"'{key}' needs a value.")
        if name == "eval_size" and value.lower() == "auto":
            fields[name] = "auto"
        elif name in _NUMBERS:
            fields[name] = _number(key, value)
        elif name == "candidates":
            fields[name] = [part.strip() for part in value.split(",") if part.strip()]
        else:
            fields[name] = value
    if not words:
        raise _misused("run", "Which workload? `/flywheel workloads` lists them.")
    if len(words) > 1:
        raise _misused("run", f"I do not understand '{words[1]}'.")
    if "candidates" in fields and not fields["candidates"]:
        raise _misused("run", "'candidates' needs at least one name.")
    return RunCommand(RunRequest.model_validate({"workload_id": words[0], **fields}))


def _number(key: str, value: str) -> int:
    digits = value.replace(",", "").replace("_", "").replace(" ", "")
    smallest = 0 if key.endswith("seed") else 1
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        raise _misused("run", f"'{key}' must be a whole number, not '{value}'.")
    number = int(digits)
    if number < smallest:
        raise _misused("run", f"'{key}' must be at least {smallest}, not {number}.")
    return number


def _split(tokens: list[_Token]) -> tuple[list[str], list[tuple[str, str]]]:
    """Words and options; `--key value` takes the next word as its value."""
    words: list[str] = []
    options: list[tuple[str, str]] = []
    rest = iter(tokens)
    for token in rest:
        option = None if token.quoted else _OPTION.fullmatch(token.text)
        flag = None if token.quoted else _FLAG.fullmatch(token.text)
        if option is not None:
            options.append((_key(option["key"]), option["value"]))
        elif flag is not None:
            following = next(rest, None)
            options.append((_key(flag["key"]), following.text if following else ""))
        else:
            words.append(token.text)
    return words, options


def _key(raw: str) -> str:
    return raw.lower().replace("-", "_")


def _one_run(name: str, tokens: list[_Token], default: str | None) -> str:
    if not tokens:
        if default is None:
            raise _misused(name, "Which run? `/flywheel runs` lists them.")
        return default
    if len(tokens) > 1:
        raise _misused(name, f"I do not understand '{tokens[1].text}'.")
    return _value(tokens[0].text, "run")


def _value(text: str, *keys: str) -> str:
    """The word itself, or the value where it was written as `key=value`."""
    option = _OPTION.fullmatch(text)
    return option["value"] if option and _key(option["key"]) in keys else text


def _runs(_text: str, tokens: list[_Token]) -> RunsCommand:
    if len(tokens) > 1:
        raise _misused("runs", f"I do not understand '{tokens[1].text}'.")
    return RunsCommand(_value(tokens[0].text, "workload", "workload_id") if tokens else None)


def _promote(text: str, tokens: list[_Token]) -> PromoteCommand:
    if len(tokens) < 2:
        missing = "Which model?" if tokens else "Which run, and which of its models?"
        raise _misused("promote", missing)
    run, model = _value(tokens[0].text, "run"), _value(tokens[1].text, "model")
    return PromoteCommand(run, model, _reason(text, tokens[2:]))


def _rollback(text: str, tokens: list[_Token]) -> RollbackCommand:
    if not tokens:
        raise _misused("rollback", "Which workload? `/flywheel workloads` lists them.")
    workload_id = _value(tokens[0].text, "workload", "workload_id")
    return RollbackCommand(workload_id, _reason(text, tokens[1:]))


def _reason(text: str, tokens: list[_Token]) -> str:
    """The rest of the line as it was written, without quotes around all of it."""
    if tokens and _FLAG.fullmatch(tokens[0].text):
        tokens = tokens[1:]
    if not tokens:
        return ""
    if len(tokens) == 1:
        return _value(tokens[0].text, "reason").strip()
    rest = text[tokens[0].start :].strip()
    return re.sub(r"^reason=", "", rest)


def _misused(name: str, problem: str) -> InvalidInputError:
    return InvalidInputError(problem, f"It is written `/flywheel {USAGE[name].form}`.")


_READERS: dict[str, Callable[[str, list[_Token]], Command]] = {
    "run": _run,
    "status": lambda _, tokens: StatusCommand(_one_run("status", tokens, "last")),
    "runs": _runs,
    "results": lambda _, tokens: ResultsCommand(_one_run("results", tokens, "last")),
    "show": lambda _, tokens: ShowCommand(_one_run("status", tokens, "last")),
    "cancel": lambda _, tokens: CancelCommand(_one_run("cancel", tokens, None)),
    "promote": _promote,
    "rollback": _rollback,
    "workloads": lambda _, tokens: WorkloadsCommand(),  # noqa: ARG005
    "help": lambda _, tokens: HelpCommand(),  # noqa: ARG005
}

# `flywheel logs import` and the like exist on the command line alone and stay as they are.
_SHELL_COMMAND = re.compile(rf"(?<![/\w])flywheel (?:logs )?({'|'.join(_READERS)})\b")
