"""Every prompt that the product sends: files in `prompts/`, rendered through `render` alone."""

from flywheel.prompts.checking import PromptCheck, check
from flywheel.prompts.files import FrontMatter, PromptError
from flywheel.prompts.rendering import Prompt, names, open_prompt, render
from flywheel.prompts.untrusted import CLOSING, OPENING, untrusted

__all__ = [
    "CLOSING",
    "OPENING",
    "FrontMatter",
    "Prompt",
    "PromptCheck",
    "PromptError",
    "check",
    "names",
    "open_prompt",
    "render",
    "untrusted",
]
