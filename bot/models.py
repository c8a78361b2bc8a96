"""What the bot remembers of Slack: which message shows what, and which deliveries it has seen.

These rows name runs and events by number, without foreign keys: a message stays in Slack when
its run is deleted.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from flywheel.clock import utc_now


class SlackCard(SQLModel, table=True):
    """The one message of a channel that shows a run and is edited as it goes on."""

    __tablename__ = "slack_card"

    run_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    channel: str = Field(primary_key=True)
    ts: str | None = Field(default=None, description="None until Slack has confirmed the message")
    shown_version: int = Field(default=0, description="RunView.version that Slack shows in full")
    shown_at: datetime = Field(
        default_factory=utc_now, description="Of the last edit; before `ts` is known, of the claim"
    )
    final: bool = Field(default=False, description="Nothing on the card itself changes any more")
    told: bool = Field(
        default=False, description="Whoever asked for the run knows its end, or need not be told"
    )
    trouble: str = Field(
        default="", description="Slack's name of why it shows nothing here now, e.g. 'is_archived'"
    )


class SlackPost(SQLModel, table=True):
    """One event of the outbox on its way into a run's thread: claimed first, then posted."""

    __tablename__ = "slack_post"

    event_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    run_id: int = Field(index=True)
    channel: str = Field(primary_key=True)
    ts: str | None = Field(default=None, description="None until Slack has confirmed the message")
    state: str = Field(default="claimed", description="claimed or posted")
    claimed_at: datetime = Field(default_factory=utc_now)


class SlackNotice(SQLModel, table=True):
    """A message on its own that is sent once: claimed first, then posted."""

    __tablename__ = "slack_notice"

    key: str = Field(primary_key=True, description="What it says, e.g. 'outcome:12'")
    sent_to: str = Field(description="A channel, or a user")
    ts: str | None = Field(default=None, description="None where Slack has never confirmed it")
    state: str = Field(default="claimed", description="claimed or sent")
    created_at: datetime = Field(default_factory=utc_now)
    claimed_at: datetime = Field(default_factory=utc_now)


class SlackDelivery(SQLModel, table=True):
    """One delivery from Slack; a second one with the same key is ignored."""

    __tablename__ = "slack_delivery"

    key: str = Field(primary_key=True, description="What names the delivery, e.g. 'event:Ev123'")
    received_at: datetime = Field(default_factory=utc_now, index=True)
    route: str = Field(default="", description="What handles it: 'command', 'action:cancel_run'")
    scope: str = Field(default="", description="'' for Slack, else which console it comes from")
    body: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSON),
        description="What Slack sent, until it is done: it holds where to answer",
    )
    owner: str = Field(default="", description="The process that works on it")
    lease_until: datetime = Field(
        default_factory=utc_now, description="Another process takes it over after this"
    )
    done_at: datetime | None = Field(default=None, index=True)
