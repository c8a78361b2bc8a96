"""A new file is switched to write-ahead logging by many at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from flywheel.sqlite import use_wal

USERS, FILES = 8, 60


def test_nobody_finds_a_new_file_locked(tmp_path: Path) -> None:
    """Without waiting, one file in ten fails."""
    together = Barrier(USERS)

    def switch(path: Path) -> str:
        connection = sqlite3.connect(path, isolation_level=None)
        together.wait(10)
        use_wal(connection.cursor())
        mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        connection.close()
        return mode

    with ThreadPoolExecutor(USERS) as pool:
        for number in range(FILES):
            modes = pool.map(switch, [tmp_path / f"{number}.db"] * USERS)
            assert list(modes) == ["wal"] * USERS


def test_another_fault_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("certainly no database" * 100)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        use_wal(connection.cursor())
