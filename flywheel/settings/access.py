"""The sections on people who ask: what they may see, and how long it is kept what they asked."""

from pydantic import Field

from flywheel.settings.section import Names, Section


class AccessConfig(Section):
    """Who sees what. On the command line whoever has the shell sees everything."""

    workloads: dict[str, Names] = Field(
        default_factory=dict,
        description="Workloads that these users, user groups and api:NAME alone see; the others "
        "are seen by everybody",
    )


class QuestionsConfig(Section):
    """Questions in plain words and their answers."""

    keep_days: int = Field(90, ge=1, description="Older ones are removed, feedback as well")
