"""Files on their way into messages, in the three steps in which Slack takes them."""

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path

from bot.console.elements import Json
from bot.console.refusal import SlackRefusal

ALT_TEXT = 1_000


@dataclass
class _Upload:
    name: str
    length: int
    alt_text: str
    received: int = 0
    path: Path | None = None  # where it is kept


class Uploads:
    """What was announced, received and not shared yet; kept in `folder` if there is one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: dict[str, _Upload] = {}
        self._numbers = itertools.count(1)

    def announce(self, name: str, length: int, alt_text: str) -> str:
        """A place for a file that is to come: its id. Raises SlackRefusal."""
        if not name or length < 1:
            raise SlackRefusal("invalid_arguments", "a file has a name and a length")
        if len(alt_text) > ALT_TEXT:
            raise SlackRefusal("alt_txt_too_large")
        file_id = f"F{next(self._numbers):08d}"
        self._files[file_id] = _Upload(Path(name).name, length, alt_text)
        return file_id

    async def receive(self, file_id: str, content: bytes) -> bool:
        """Take the bytes; False where no such file was announced."""
        found = self._files.get(file_id)
        if found is None:
            return False
        found.received = len(content)
        if self._folder is not None:
            found.path = self._folder / found.name
            await asyncio.to_thread(_keep, found.path, content)
        return True

    def take(self, file_id: str, title: str) -> Json:
        """The file as a message carries it. Raises SlackRefusal where it is not all there."""
        found = self._files.pop(file_id, None)
        if found is None or found.received != found.length:
            raise SlackRefusal("file_not_found")
        return {
            "id": file_id,
            "name": found.name,
            "title": title or found.name,
            "alt_txt": found.alt_text,
            "path": str(found.path or ""),
        }


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
