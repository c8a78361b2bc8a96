"""Whether every prompt can be read and rendered."""

from pathlib import Path
from typing import NamedTuple

from flywheel.prompts.files import PromptError
from flywheel.prompts.rendering import names, open_prompt


class PromptCheck(NamedTuple):
    """What was found of one prompt."""

    name: str
    version: int | None = None
    inputs: tuple[str, ...] = ()
    characters: int | None = None  # rendered with its example
    digest: str | None = None  # sha256 of the file, hex
    problem: str | None = None  # one sentence, where it is broken


def check(folder: Path | None = None) -> list[PromptCheck]:
    """Render every prompt with its example; without `folder` those of the package."""
    return [_check(name, folder) for name in names(folder)]


def _check(name: str, folder: Path | None) -> PromptCheck:
    try:
        opened = open_prompt(name, folder)
        prompt = opened.render(opened.matter.example)
    except PromptError as error:
        return PromptCheck(name=name, problem=f"{error.message} {error.hint}".rstrip())
    return PromptCheck(
        name=name,
        version=prompt.version,
        inputs=tuple(opened.matter.inputs),
        characters=len(prompt.text),
        digest=prompt.digest,
        problem=None if prompt.text else f"The prompt {name} says nothing.",
    )
