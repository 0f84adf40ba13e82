"""What Python prints when the program ends by a mistake of ours: without secrets. A driver's own
words may hold an address with its password."""

from __future__ import annotations

import sys
import threading
from types import TracebackType


def guard() -> None:
    sys.excepthook = _told
    threading.excepthook = lambda one: _told(one.exc_type, one.exc_value, one.exc_traceback)


def _told(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Imports late: this costs nothing until there is something to tell."""
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    import traceback

    from server.core.logs import REDACTION

    text = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(REDACTION.text(text))
