"""What was filled in on the form of a run, as a request; each fault at its field."""

from collections.abc import Collection, Mapping

from bot.parsing.run_options import number_of, run_request
from bot.parsing.tokens import split, straight, tokens_of
from bot.views import run_form
from flywheel.errors import InvalidInputError, SettingsError
from flywheel.settings import Settings
from flywheel.settings.run_config import merge_run_config
from flywheel.views import RunRequest

_NUMBERS = {run_form.LIMIT: "limit", run_form.EVAL_SIZE: "eval_size", run_form.SEED: "random_seed"}


class FormProblemsError(Exception):
    """What is wrong, by block id."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


def request_of(
    filled: Mapping[str, str | list[str]], settings: Settings, offered: Collection[str]
) -> RunRequest:
    """The run that was asked for, of candidates on offer. Asks no server.

    Raises FormProblemsError.
    """
    problems: dict[str, str] = {}
    fields: dict[str, object] = {"workload_id": filled.get(run_form.WORKLOAD, "")}
    if not fields["workload_id"]:
        problems[run_form.WORKLOAD] = "Which workload?"
    if client := filled.get(run_form.CLIENT):
        fields["client_id"] = client
    chosen = filled.get(run_form.CANDIDATES)
    if isinstance(chosen, list):
        fields["candidates"] = chosen
        if gone := [name for name in chosen if name not in offered]:
            problems[run_form.CANDIDATES] = f"There is no candidate '{gone[0]}' any more."
    for block, name in _NUMBERS.items():
        text = filled.get(block)
        if not isinstance(text, str):
            continue
        try:
            auto = name == "eval_size" and text.lower() == "auto"
            fields[name] = "auto" if auto else number_of("run", block, text)
            merge_run_config(settings, {name: fields[name]})
        except (InvalidInputError, SettingsError) as error:
            problems[block] = error.message
    others = filled.get(run_form.OTHERS)
    if isinstance(others, str):
        try:
            fields["settings"] = _others(others, settings)
        except (InvalidInputError, SettingsError) as error:
            problems[run_form.OTHERS] = error.message
    if problems:
        raise FormProblemsError(problems)
    return RunRequest.model_validate(fields)


def _others(text: str, settings: Settings) -> dict[str, str]:
    words, options = split(tokens_of(straight(text)))
    if words:
        raise InvalidInputError(f"'{words[0]}' is not key=value.")
    request = run_request(["any"], options)
    if own := sorted(request.model_fields_set - {"workload_id", "settings"}):
        raise InvalidInputError(f"{own[0]} has a field of its own above.")
    merge_run_config(settings, request.settings)
    return request.settings
