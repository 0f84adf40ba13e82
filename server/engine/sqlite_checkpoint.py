"""SQLite's log is emptied into the database file beside the commits, so that none waits for it.

A power cut is as harmless as before: a checkpoint syncs the log before it copies anything, and the
file before the log may be used again (https://sqlite.org/wal.html, "Checkpointing"; that it may
run in a thread of its own is said under "Performance Considerations"). A passive one takes no lock
that a writer waits for. Where commits come without a break the log never is empty at the end of
one; then a commit empties the rest, as SQLite does by itself (`wal_autocheckpoint`, address.py).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import structlog

# About 1,000 pages of commits that come alone, 4 MB; in batches a page holds more rows.
ROWS = 600

log = structlog.get_logger("store")


class Checkpointer:
    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._wanted = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._rows = 0

    def open(self) -> None:
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def written(self, rows: int) -> None:
        """So many since the writer's connection was opened."""
        if rows - self._rows >= ROWS:
            self._rows = rows
            self._wanted.set()

    def _run(self) -> None:
        db: sqlite3.Connection | None = None
        while self._is_wanted():
            try:
                db = db or self._connect()
                db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                # Nothing is lost: the log still has it, and a later one tries again.
                log.warning("checkpoint_failed", error=str(error))
        if db is not None:
            db.close()

    def _is_wanted(self) -> bool:
        """Waits. Cleared before the look, or a close in between would be waited for for ever."""
        self._wanted.wait()
        self._wanted.clear()
        return not self._closing
