"""`python -m tests.faults.launched COMMAND …`: the product's command, with what only the rig has.
SIGUSR1 blocks the event loop, as a bug that computes for ever would; SIGUSR2 writes the number of
unfinished tasks into the log. There are two counting tools more, one that takes all memory, and
points at which a run stands still."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import Any

from server.cli import main
from server.tools import catalogue
from tests.faults import counting, points
from tests.support.hoarding import HOARD

BLOCK = "RIG_BLOCK_SECONDS"


def _block(*_: Any) -> None:
    """A handler runs between two steps of the loop, and nothing else runs until it ends."""
    time.sleep(float(os.environ.get(BLOCK, "20")))


def _count_tasks(*_: Any) -> None:
    every: Any = asyncio.tasks._all_tasks  # type: ignore[attr-defined]
    names: dict[str, int] = {}
    for task in list(every):
        if not task.done():
            name = getattr(task.get_coro(), "__qualname__", "?")
            names[name] = names.get(name, 0) + 1
    line = {"event": "tasks", "count": sum(names.values()), "names": names}
    os.write(1, f"{json.dumps(line)}\n".encode())


def _give_tools() -> None:
    found = catalogue.Catalogue([*catalogue.BUILT_IN, *counting.tools(), HOARD])
    catalogue._BUILT_IN = found  # type: ignore[misc]


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _block)
    signal.signal(signal.SIGUSR2, _count_tasks)
    _give_tools()
    points.hold()
    sys.argv[0] = "baleybots"
    main()
