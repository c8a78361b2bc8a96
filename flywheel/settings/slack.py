"""The section of the conversation in Slack."""

import re

from pydantic import Field, field_validator

from flywheel.settings.section import Names, Section

TEAM_ID = re.compile(r"[TE][A-Z0-9]{2,}")
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

    allowed_teams: Names = Field(
        default_factory=list, description="Ids of the workspaces that are answered; empty: all"
    )
    allowed_channels: Names = Field(
        default_factory=list,
        description="Ids of the channels that are answered; empty: all. Direct messages always are",
    )

    @field_validator("allowed_teams")
    @classmethod
    def _teams(cls, teams: list[str]) -> list[str]:
        for team in teams:
            if TEAM_ID.fullmatch(team) is None:
                raise ValueError(f"'{team[:40]}' is not the id of a workspace (T0123456789)")
        return teams

    @field_validator("allowed_channels")
    @classmethod
    def _channels(cls, channels: list[str]) -> list[str]:
        for channel in channels:
            if CHANNEL_ID.fullmatch(channel) is None:
                raise ValueError(f"'{channel[:40]}' is not the id of a channel; {WHERE_ITS_ID}")
        return channels

    @field_validator("channels")
    @classmethod
    def _ids(cls, channels: dict[str, str]) -> dict[str, str]:
        for workload_id, channel in channels.items():
            if CHANNEL_ID.fullmatch(channel) is None:
                raise ValueError(
                    f"'{channel[:40]}' for {workload_id} is not the id of a channel; {WHERE_ITS_ID}"
                )
        return channels
