from __future__ import annotations

import sqlite3
import threading

from server.engine.sqlite_checkpoint import ROWS, Checkpointer


class Interrupted(threading.Event):
    """Between the end of a wait and `clear` another thread has its turn."""

    def __init__(self, checkpointer: Checkpointer) -> None:
        super().__init__()
        self._checkpointer = checkpointer

    def clear(self) -> None:
        self._checkpointer._closing = True  # as in `close`
        self.set()
        super().clear()


def test_a_close_that_comes_with_a_checkpoint_is_not_waited_for_for_ever() -> None:
    checkpointer = Checkpointer(lambda: sqlite3.connect(":memory:"))
    checkpointer._wanted = Interrupted(checkpointer)
    checkpointer.open()
    checkpointer.written(ROWS)
    assert checkpointer._thread is not None
    checkpointer._thread.join(timeout=2)
    assert not checkpointer._thread.is_alive()
