"""How each command is written, for help and for what could not be understood."""

import re
from typing import NamedTuple

from flywheel.errors import InvalidInputError


class Usage(NamedTuple):
    """How a command is written and what it does."""

    form: str
    what: str


USAGE = {
    "run": Usage(
        "run [WORKLOAD] [client=C] [limit=N] [eval_size=N|auto] [seed=N] [candidates=a,b] "
        "[SETTING=VALUE …]",
        "Build datasets from the log, train the candidates and score them; alone it opens a form.",
    ),
    "status": Usage("status [RUN]", "How a run stands; the last one where none is named."),
    "runs": Usage("runs [WORKLOAD]", "The newest runs."),
    "results": Usage("results [RUN]", "Scores and recommendation of a run."),
    "review": Usage(
        "review [RUN] [MODEL]", "Judge record by record who is right, teacher or candidate."
    ),
    "compare": Usage(
        "compare [RUN] [RUN]", "Two runs of a workload side by side; the last two if left out."
    ),
    "cancel": Usage("cancel RUN", "Stop a run and everything it started."),
    "promote": Usage(
        "promote RUN MODEL [REASON]",
        "Let a model take over that the policy passed. Approvers only.",
    ),
    "rollback": Usage(
        "rollback WORKLOAD [REASON]", "Bring back what served before. Approvers only."
    ),
    "schedule": Usage(
        "schedule [WORKLOAD RULE [key=value …]] or schedule pause|resume|remove SCHEDULE",
        "Runs that start themselves: `every monday 06:00 Europe/London`, `when 5000 new records`.",
    ),
    "policy": Usage(
        "policy [WORKLOAD]", "What a model has to show before it may take over, and who decides."
    ),
    "workloads": Usage("workloads", "What the log holds, and what serves each workload."),
    "help": Usage("help", "This list."),
}

# `flywheel logs import` and the like exist on the command line alone and stay as they are.
_SHELL_COMMAND = re.compile(rf"(?<![/\w])flywheel (?:logs )?({'|'.join((*USAGE, 'show'))})\b")


def in_slack(text: str) -> str:
    """The same words with commands as they are typed here: `/flywheel runs`."""
    return _SHELL_COMMAND.sub(lambda match: f"/flywheel {match[1]}", text)


def misused(name: str, problem: str) -> InvalidInputError:
    """What is wrong with a command, and how it is written."""
    return InvalidInputError(problem, f"It is written `/flywheel {USAGE[name].form}`.")
