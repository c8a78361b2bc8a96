"""Replies of the judge, kept by what was asked."""

import asyncio
import json
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from flywheel.errors import UnavailableError


class JudgeCache:
    """One file per reply, named by a hash of model and messages.

    Files appear complete or not at all, so processes can share a folder without a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def key(model: str, messages: list[dict[str, str]]) -> str:
        """The name of what is asked: equal questions to the same model have equal names."""
        asked = json.dumps({"model": model, "messages": messages}, sort_keys=True)
        return sha256(asked.encode()).hexdigest()

    async def get(self, key: str) -> str | None:
        """The reply, where there is one that can be read."""
        return await asyncio.to_thread(self._read, key)

    async def put(self, key: str, reply: str) -> None:
        """Keep a reply. Raises UnavailableError where it cannot be written."""
        try:
            await asyncio.to_thread(self._write, key, reply)
        except OSError as error:
            raise UnavailableError(
                f"The judge's replies cannot be kept in {self._folder}: {error.strerror or error}.",
                "Check its permissions and the space on its disk.",
            ) from error

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def _read(self, key: str) -> str | None:
        try:
            reply = json.loads(self._path(key).read_bytes())["reply"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return reply if isinstance(reply, str) else None

    def _write(self, key: str, reply: str) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps({"reply": reply}).encode())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
