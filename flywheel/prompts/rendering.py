"""Prompts rendered by Jinja in a sandbox: every input is declared, none is left out."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flywheel.prompts.files import SUFFIX, FrontMatter, PromptError, PromptFile, read_prompt_file
from flywheel.prompts.untrusted import untrusted
from flywheel.resources import resource_path

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

_FAULTS = (PromptError, TypeError, ValueError, ArithmeticError, LookupError)  # of an input's value


class Prompt(NamedTuple):
    """What is sent, and which version of which file it comes from."""

    name: str
    version: int
    text: str
    digest: str  # sha256 of the file, hex


class OpenPrompt(NamedTuple):
    """A prompt that is ready to be rendered."""

    file: PromptFile
    template: "Template"

    @property
    def matter(self) -> FrontMatter:
        """What its file says of itself."""
        return self.file.matter

    def render(self, inputs: dict[str, Any]) -> Prompt:
        """Raises PromptError for other inputs than declared."""
        from jinja2 import TemplateError

        name, declared = self.file.name, self.matter.inputs.keys()
        if missing := sorted(declared - inputs.keys()):
            raise PromptError(
                f"The prompt {name} was not given {', '.join(missing)}.", _takes(self.matter)
            )
        if unknown := sorted(inputs.keys() - declared):
            raise PromptError(
                f"The prompt {name} takes no {', '.join(unknown)}.", _takes(self.matter)
            )
        try:
            text = self.template.render(inputs)
        except (TemplateError, *_FAULTS) as error:
            raise PromptError(f"The prompt {name} cannot be rendered: {_said(error)}.") from error
        return Prompt(name, self.matter.version, text.strip(), self.file.digest)


def render(name: str, /, **inputs: Any) -> Prompt:
    """The prompt `prompts/NAME.md` with its inputs. Raises PromptError."""
    return open_prompt(name).render(inputs)


def names(folder: Path | None = None) -> list[str]:
    """The prompts that there are."""
    return sorted(path.stem for path in (folder or _packaged()).glob(f"*{SUFFIX}"))


def open_prompt(name: str, folder: Path | None = None) -> OpenPrompt:
    """The prompt of that name, read and compiled; those of the package once. Raises PromptError."""
    return _own(name) if folder is None else _open(name, folder)


@cache
def _own(name: str) -> OpenPrompt:
    return _open(name, _packaged())


def _open(name: str, folder: Path) -> OpenPrompt:
    from jinja2 import TemplateSyntaxError
    from jinja2.meta import find_undeclared_variables

    known = names(folder)
    if name not in known:
        raise PromptError(f"There is no prompt {name}.", f"There are: {', '.join(known)}.")
    file = read_prompt_file(folder / f"{name}{SUFFIX}")
    environment = _environment()
    try:
        used = find_undeclared_variables(environment.parse(file.body))
        template = environment.from_string(file.body)
    except TemplateSyntaxError as error:
        raise PromptError(
            f"The text of prompt {name} is no Jinja template: line {error.lineno}: {_said(error)}."
        ) from error
    if odd := sorted(used ^ file.matter.inputs.keys()):
        fault = "uses but does not declare" if odd[0] in used else "declares but does not use"
        raise PromptError(
            f"The prompt {name} {fault} {odd[0]}.", "Its front matter has one line for each input."
        )
    return OpenPrompt(file, template)


@cache
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["untrusted"] = untrusted
    return environment


def _packaged() -> Path:
    return resource_path("prompts")


def _takes(matter: FrontMatter) -> str:
    return f"It takes {', '.join(matter.inputs)}." if matter.inputs else "It takes none."


def _said(error: Exception) -> str:
    """The first line of what the error says, without its full stop."""
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
