"""The section of the conversation in Slack."""

import re

from pydantic import Field, field_validator

from flywheel.settings.section import Section

CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,}")
WHERE_ITS_ID = "Slack shows it at the end of the channel's details (C0123456789)"


class SlackConfig(Section):
    """The conversation. Tokens come from the environment only."""

    edit_seconds: float = Field(1.0, ge=0, description="Shortest time between two edits of a card")
    channels: dict[str, str] = Field(
        default_factory=dict,
        description="By workload: id of the channel where its runs are shown, whoever starts them",
    )
    tell_requester: bool = Field(
        True, description="Whoever asked for a run is told directly when it is complete or failed"
    )

    @field_validator("channels")
    @classmethod
    def _ids(cls, channels: dict[str, str]) -> dict[str, str]:
        for workload_id, channel in channels.items():
            if CHANNEL_ID.fullmatch(channel) is None:
                raise ValueError(
                    f"'{channel[:40]}' for {workload_id} is not the id of a channel; {WHERE_ITS_ID}"
                )
        return channels
