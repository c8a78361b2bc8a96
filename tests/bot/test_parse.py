"""What people type is understood as they mean it, or answered with what would be."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ScheduleChangeCommand,
    ScheduleCommand,
    SchedulesCommand,
    StatusCommand,
    WorkloadsCommand,
)
from bot.parsing.parse import parse
from bot.parsing.usage import USAGE
from flywheel.errors import InvalidInputError
from flywheel.views import RunRequest


def run(**fields: object) -> RunCommand:
    """A run of news with these options."""
    return RunCommand(RunRequest.model_validate({"workload_id": "news", **fields}))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", HelpCommand()),
        ("  help ", HelpCommand()),
        ("HELP", HelpCommand()),
        ("workloads", WorkloadsCommand()),
        ("run news", run()),
        ("Run news client=web", run(client_id="web")),
        ("run news limit=5000 eval_size=400", run(limit=5000, eval_size=400)),
        ("run news --limit 5,000 --eval-size=400", run(limit=5000, eval_size=400)),
        ("run news —limit 5_000", run(limit=5000)),
        ("run news eval_size=Auto", run(eval_size="auto")),
        ("run limit=5 news seed=0", run(limit=5, random_seed=0)),
        ("run news random_seed=7", run(random_seed=7)),
        ("run news candidates=a,b", run(candidates=["a", "b"])),
        ('run news candidates="a, b"', run(candidates=["a", "b"])),
        ("run news --client “the web”", run(client_id="the web")),
        ("run", RunCommand(None)),
        ("run news epochs=2", run(settings={"epochs": "2"})),
        (
            "run news --lora-config.adapter-dim 8 priority=3",
            run(settings={"lora_config.adapter_dim": "8"}, priority=3),
        ),
        ("run 'two words'", RunCommand(RunRequest(workload_id="two words"))),
        ('run "a=b"', RunCommand(RunRequest(workload_id="a=b"))),
        ("status", StatusCommand("last")),
        ("status r-3", StatusCommand("r-3")),
        ("status run=r-3", StatusCommand("r-3")),
        ("results", ResultsCommand("last")),
        ("results 12", ResultsCommand("12")),
        ("review", ReviewCommand("last", None)),
        ("review r-3", ReviewCommand("r-3", None)),
        ("review run=r-3 model=svm", ReviewCommand("r-3", "svm")),
        ("compare", CompareCommand("last", None)),
        ("compare r-3 run=r-2", CompareCommand("r-3", "r-2")),
        ("runs", RunsCommand(None)),
        ("runs news", RunsCommand("news")),
        ("policy", PolicyCommand(None)),
        ("policy workload=news", PolicyCommand("news")),
        ("cancel r-3", CancelCommand("r-3")),
        ("promote r-3 svm", PromoteCommand("r-3", "svm", "")),
        ("promote r-3 svm it's better, a=b", PromoteCommand("r-3", "svm", "it's better, a=b")),
        ('promote r-3 svm "it is better"', PromoteCommand("r-3", "svm", "it is better")),
        ("promote r-3 svm reason=good", PromoteCommand("r-3", "svm", "good")),
        ('promote r-3 svm --reason "very good"', PromoteCommand("r-3", "svm", "very good")),
        ("schedule", SchedulesCommand(None)),
        ("schedules", SchedulesCommand(None)),
        ("schedule list news", SchedulesCommand("news")),
        (
            "schedule news every monday 06:00 Europe/London limit=90 epochs=2",
            ScheduleCommand(
                RunRequest(workload_id="news", limit=90, settings={"epochs": "2"}),
                "every monday 06:00 Europe/London",
            ),
        ),
        (
            "schedule add pause “when 5000 new records”",
            ScheduleCommand(RunRequest(workload_id="pause"), "when 5000 new records"),
        ),
        ("schedule Pause s-3", ScheduleChangeCommand("pause", "s-3")),
        ("schedule resume 3", ScheduleChangeCommand("resume", "3")),
        ("schedule remove schedule=s-3", ScheduleChangeCommand("remove", "s-3")),
        ("rollback news", RollbackCommand("news", "")),
        ("rollback news too many wrong answers", RollbackCommand("news", "too many wrong answers")),
    ],
)
def test_understood(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("stats", "There is no command 'stats'", "Did you mean status?"),
        ("promot r-1 svm", "There is no command 'promot'", "Did you mean promote?"),
        ("xyzzy", "There is no command 'xyzzy'", "`/flywheel help`"),
        ("run client=web", "Which workload?", USAGE["run"].form),
        ("run news extra", "I do not understand 'extra'", USAGE["run"].form),
        (
            "run news limt=5",
            "'limt' is not an option of run. Did you mean limit?",
            "run [WORKLOAD]",
        ),
        ("run news epoch=5", "epoch is not a setting of a run; did you mean epochs?", ""),
        ("run news limit=many", "'limit' must be a whole number, not 'many'", "run [W"),
        ("run news limit=0", "'limit' must be at least 1", "run [W"),
        ("run news limit=-5", "'limit' must be a whole number, not '-5'", "run [W"),
        ("run news --limit", "'limit' needs a value", "run [W"),
        ("run news candidates=,", "'candidates' needs at least one name", "run [W"),
        ("status r-1 r-2", "I do not understand 'r-2'", USAGE["status"].form),
        ("cancel", "Which run?", USAGE["cancel"].form),
        ("promote", "Which run, and which of its models?", USAGE["promote"].form),
        ("promote r-1", "Which model?", USAGE["promote"].form),
        ("rollback", "Which workload?", USAGE["rollback"].form),
        ("schedule news", "When should it start?", USAGE["schedule"].form),
        ("schedule pause", "Which schedule?", USAGE["schedule"].form),
        ("schedule pause s-1 now", "I do not understand 'now'", USAGE["schedule"].form),
        ("schedule news daily limt=5", "'limt' is not an option of schedule.", ""),
        ("runs a b", "I do not understand 'b'", USAGE["runs"].form),
        ("policy a b", "I do not understand 'b'", USAGE["policy"].form),
    ],
)
def test_not_understood(text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@given(st.text(max_size=120))
def test_anything_is_a_command_or_a_clear_error(text: str) -> None:
    with suppress(InvalidInputError):
        assert isinstance(parse(text), Command)


_WORD = st.text(st.characters(categories=["L", "N"], include_characters="_-."), min_size=1)


@given(
    _WORD.filter(lambda word: not word.startswith("-")),
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.sampled_from(["{k}={v}", "--{k} {v}", "--{k}={v}", '{k}="{v}"', "--{k} '{v}'"]),
    st.booleans(),
)
def test_every_way_to_write_an_option_means_the_same(
    workload: str, limit: int, seed: int, form: str, first: bool
) -> None:
    options = [form.format(k="limit", v=limit), form.format(k="seed", v=seed)]
    words = [*options, workload] if first else [workload, *options]
    assert parse(f"run {' '.join(words)}") == RunCommand(
        RunRequest(workload_id=workload, limit=limit, random_seed=seed)
    )
