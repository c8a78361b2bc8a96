"""A prompt's file: front matter in YAML between two lines `---`, then its text in Jinja."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flywheel.errors import FlywheelError

SUFFIX = ".md"
_FENCE = "---\n"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class PromptError(FlywheelError):
    """A prompt is broken, or was given other inputs than it takes."""


class FrontMatter(BaseModel):
    """What a prompt's file says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    purpose: str = Field(min_length=1, description="Who is told this, and what for")
    version: int = Field(ge=1, strict=True, description="Goes up with every change of meaning")
    inputs: dict[str, str] = Field(default_factory=dict, description="What each input is, by name")
    example: dict[str, Any] = Field(
        default_factory=dict, description="A value for each input, to check the prompt with"
    )

    @model_validator(mode="after")
    def _one_example_each(self) -> "FrontMatter":
        for name in self.inputs:
            if not name.isidentifier():
                raise ValueError(f"'{name}' cannot be the name of an input")
        if self.inputs.keys() != self.example.keys():
            odd = ", ".join(sorted(self.inputs.keys() ^ self.example.keys()))
            raise ValueError(f"inputs and example do not name the same: {odd}")
        return self


class PromptFile(NamedTuple):
    """A file as it was read."""

    name: str
    matter: FrontMatter
    body: str
    digest: str  # sha256 of the file, hex


def read_prompt_file(path: Path) -> PromptFile:
    """The file at `path`. Raises PromptError."""
    name = path.stem
    if _NAME.fullmatch(name) is None:
        raise PromptError(
            f"A prompt cannot be called '{name}'.",
            "Names have small letters, digits and underscores.",
        )
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise PromptError(f"The prompt {name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"The prompt {name} is not in UTF-8.") from error
    before, fence, rest = text.partition(_FENCE)
    matter, end, body = rest.partition(f"\n{_FENCE}")
    if before or not fence or not end:
        raise PromptError(
            f"The prompt {name} has no front matter.",
            "It starts with purpose and version between two lines ---.",
        )
    return PromptFile(name, _front_matter(name, matter), body, sha256(content).hexdigest())


def _front_matter(name: str, text: str) -> FrontMatter:
    try:
        return FrontMatter.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise PromptError(f"The front matter of prompt {name} is no YAML: {problem}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        fault = f"{where}: {said}" if where else said
        raise PromptError(f"The front matter of prompt {name} is wrong: {fault}.") from error
