"""What every SQLite file of ours needs."""

import sqlite3

_TRIES = 100


def use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to write-ahead logging, which lets people read while somebody writes.

    While another process switches a new file, SQLite answers "locked" at once instead of
    waiting; an empty transaction does wait.
    """
    for _ in range(_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    raise sqlite3.OperationalError("database is locked")
