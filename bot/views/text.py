"""Text on its way into Slack: escaped, shortened, and harmless whoever wrote it."""

import re
from collections.abc import Sequence

ELLIPSIS = "…"
NOTHING = "–"  # Slack refuses empty text
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SLACK_USER = re.compile(r"\b[UW](?=[A-Z]*\d)[A-Z0-9]{6,20}\b")
_SLACK_GROUP = re.compile(r"\bS(?=[A-Z]*\d)[A-Z0-9]{8,20}\b")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,20}")
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def escape(text: str) -> str:
    """Text that Slack shows letter by letter: no mention, link or `<!channel>` survives in it."""
    text = _CONTROL.sub("", text)
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text


def unescape(text: str) -> str:
    """The text as its author typed it, from the text as Slack delivers it."""
    for plain, escaped in reversed(_ESCAPES):
        text = text.replace(escaped, plain)
    return text


def plain(text: str, limit: int) -> str:
    """Text for a `plain_text` element: one line, 1 to `limit` characters."""
    return _cut(_CONTROL.sub("", " ".join(text.split())), limit) or NOTHING


def plain_lines(text: str, limit: int) -> str:
    """Text for a `plain_text` element that keeps its lines, 1 to `limit` characters."""
    return _cut(_CONTROL.sub("", text).strip(), limit) or NOTHING


def mrkdwn(text: str, limit: int) -> str:
    """Somebody else's text for a `mrkdwn` element: escaped, at most `limit` characters."""
    return shorten(escape(text), limit)


def code(text: str, limit: int = 150) -> str:
    """A name or value from outside, set as code so that no mark-up in it takes effect."""
    return (
        f"`{mrkdwn(' '.join(text.split()), limit).replace('`', 'ʼ')}`" if text.strip() else NOTHING
    )


def shorten(text: str, limit: int) -> str:
    """Escaped text cut to `limit` characters, never inside an entity, link or mention."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = cut.rfind(opening)
        if start >= 0 and closing not in cut[start:]:
            cut = cut[:start]
    return cut.rstrip() + ELLIPSIS


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def person(name: str) -> str:
    """A person as Slack shows them: a mention for a user id, the escaped name otherwise."""
    return f"<@{name}>" if is_user(name) else mrkdwn(name, 100)


def is_user(name: str) -> bool:
    """Whether it is the id of somebody in Slack."""
    return _SLACK_USER.fullmatch(name) is not None


def link(url: str, words: str) -> str:
    """Words that lead to an address; the words alone where that is none of the web."""
    if not re.fullmatch(r"https?://[^\s<>|]+", url):
        return escape(words)
    return f"<{escape(url)}|{escape(words)}>"


def channel_link(channel: str) -> str:
    """A channel as Slack shows it: linked where that is the id of one, the escaped name else."""
    if _CHANNEL.fullmatch(channel):
        return f"<#{channel}>"
    return mrkdwn(channel, 100)


def with_people(escaped: str) -> str:
    """Escaped text in which every id of a Slack user or user group has become a mention."""
    text = _SLACK_USER.sub(lambda match: f"<@{match[0]}>", escaped)
    return _SLACK_GROUP.sub(lambda match: f"<!subteam^{match[0]}>", text)


def lines_that_fit(lines: Sequence[str], limit: int, what: str = "more") -> str:
    """As many lines as fit into `limit` characters; the rest becomes '… and N more'."""
    if len("\n".join(lines)) <= limit:
        return "\n".join(lines)
    room = limit - len(f"\n{ELLIPSIS} and {len(lines)} {what}")
    shown: list[str] = []
    for line in lines:
        if len("\n".join([*shown, line])) > room:
            break
        shown.append(line)
    return "\n".join([*shown, f"{ELLIPSIS} and {len(lines) - len(shown)} {what}"])
