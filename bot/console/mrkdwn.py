"""Slack's mark-up as styled text for a terminal."""

import re
from collections.abc import Mapping

from rich.text import Text

from bot.views.text import unescape

_TOKEN = re.compile(
    r"```\n?(?P<block>.*?)\n?```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<@(?P<user>[A-Z0-9]+)>"
    r"|<(?P<link>[^|<>\s]+)\|(?P<label>[^<>]*)>"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])"
    r"|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
    r"|:(?P<emoji>[a-z_]+):",
    re.DOTALL,
)
_EMOJI = {"warning": "⚠"}


def to_rich(mrkdwn: str, users: Mapping[str, str]) -> Text:
    """Mrkdwn as Slack would show it."""
    text = Text()
    end = 0
    for match in _TOKEN.finditer(mrkdwn):
        text.append(unescape(mrkdwn[end : match.start()]))
        _append(text, match, users)
        end = match.end()
    text.append(unescape(mrkdwn[end:]))
    return text


def _append(text: Text, match: re.Match[str], users: Mapping[str, str]) -> None:
    kind, value = match.lastgroup, match[match.lastgroup or 0]
    match kind:
        case "block":
            text.append(unescape(value), "cyan")
        case "code":
            # Bars are drawn with the same mark-up as names; both stand out the same way.
            text.append(unescape(value), "cyan")
        case "user":
            text.append(f"@{users.get(value, value)}", "bold blue")
        case "label":
            text.append(unescape(value), "underline blue")
        case "bold":
            text.append_text(_styled(value, users, "bold"))
        case "italic":
            text.append_text(_styled(value, users, "italic"))
        case _:
            text.append(_EMOJI.get(value, f":{value}:"))


def _styled(value: str, users: Mapping[str, str], style: str) -> Text:
    inner = to_rich(value, users)
    inner.stylize(style)
    return inner
