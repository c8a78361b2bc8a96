"""Sections of models behind an endpoint: who they are, and how they are asked."""

import re
from typing import Literal

from pydantic import Field, field_validator

from flywheel.settings.section import Section

_CANDIDATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#@\s]*)?", re.IGNORECASE)


def plain_address(url: str, variable: str) -> str:
    """The address, where it is one without secrets in it; `variable` is where its key belongs.

    Raises ValueError.
    """
    if _ADDRESS.fullmatch(url) is None:
        raise ValueError(
            "it must be an address like http://127.0.0.1:8000/v1, without a user, password or "
            f"query; a key is {variable}"
        )
    return url


class ServedModelConfig(Section):
    """A helper model (judge, embedder): deployed by us ('local') or somebody's endpoint."""

    deployment_type: Literal["local", "remote"] = "remote"
    url: str | None = None
    model_name: str | None = None
    model_type: Literal["llm", "embedding"] = "llm"
    context_length: int | None = Field(None, ge=1, description="Tokens")
    gpus: int | None = Field(None, ge=1)
    pvc_size: str | None = None
    tag: str | None = None
    registry_base: str = "nvcr.io/nim"


class RequestsConfig(Section):
    """How an endpoint is asked."""

    max_concurrent_requests: int = Field(8, ge=1, description="Requests at the same time")
    timeout_seconds: float = Field(60.0, gt=0, description="For one answer")
    max_attempts: int = Field(5, ge=1, description="For one answer, the first included")
    retry_seconds: float = Field(
        1.0, ge=0, description="Before the second attempt; doubled for each further one"
    )


class EmbedderConfig(ServedModelConfig, RequestsConfig):
    """A helper model that turns text into vectors, and how it is asked."""

    model_type: Literal["llm", "embedding"] = "embedding"


class JudgeConfig(ServedModelConfig, RequestsConfig):
    """A model that judges answers, and how it is asked."""


class ServedCandidateConfig(RequestsConfig):
    """A candidate behind an endpoint that speaks OpenAI's chat completions."""

    name: str = Field(description="What people type")
    url: str = Field(description="Base address of the API")
    model_name: str = Field(min_length=1, description="As the endpoint names it")
    max_concurrent_requests: int = Field(4, ge=1, description="Requests at the same time")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if _CANDIDATE.fullmatch(name) is None:
            raise ValueError(
                "a candidate's name has at most 64 letters, digits, dots, dashes and underscores, "
                "and starts with a letter or digit"
            )
        return name

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return plain_address(url, "FLYWHEEL_SERVED_API_KEY")
