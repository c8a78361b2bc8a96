"""The language model in use, and how it is told to speak."""

from dataclasses import dataclass

from flywheel.ports.backends import Backends
from flywheel.ports.language_model import LanguageModel
from flywheel.prompts import render

ANSWER, SUMMARY = "answer_question", "summarise_run"  # prompts


@dataclass(frozen=True)
class Voice:
    """A language model, its system prompt, and how long it may take."""

    model: LanguageModel
    system: str
    prompt: str  # its name
    digest: str  # sha256 of the prompt's file, hex
    seconds: float


def voice_of(backends: Backends, prompt: str) -> Voice | None:
    """With that prompt; None where there is no language model."""
    if backends.language_model is None:
        return None
    told, seconds = render(prompt), backends.settings.insights_config.timeout_seconds
    return Voice(backends.language_model, told.text, prompt, told.digest, seconds)
