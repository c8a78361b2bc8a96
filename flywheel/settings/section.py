"""What every section of the settings is."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A section: unknown keys are errors, values are fixed once read.

    Values stay out of pydantic's own error texts, because one may be a mistyped secret.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def _names(value: object) -> object:
    """A list of names may be written 'a, b', which is handy in an environment variable."""
    if isinstance(value, str):
        return [name for part in value.split(",") if (name := part.strip())]
    return [] if value is None else value


Names = Annotated[list[str], BeforeValidator(_names)]
