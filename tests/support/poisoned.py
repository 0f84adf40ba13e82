"""An installation in a process of its own in which one execution kills the process each time it is
run, while others are in the middle of a long call. Started again and again with the same folder it
comes to its end by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from server.core.jsontext import dumps, loads
from server.models.enums import FINAL_STATUSES
from server.models.tables import Execution
from server.tools.base import Tool, ToolContext
from tests.support.dying import INPUT
from tests.support.rooms import Home, open_home

POISON = "use poison with { text: 'p' }"
INNOCENT = "use long with { text: 'i' }"


class Company:
    """Who is in a call at this moment; each change is a line in the diary."""

    def __init__(self, diary: Path, neighbours: int, long_enough: bool) -> None:
        self._diary = diary
        self._neighbours = neighbours
        self._long_enough = long_enough
        self._inside = 0
        self._arrived = asyncio.Event()

    async def long(self, arguments: dict[str, Any], context: ToolContext) -> str:
        """Together they never end; alone each is soon done."""
        self._come("long", context)
        if self._inside >= self._neighbours:
            self._arrived.set()
        if self._long_enough:
            await asyncio.Event().wait()
        await asyncio.sleep(0.05)
        self._inside -= 1
        return "done"

    async def poison(self, arguments: dict[str, Any], context: ToolContext) -> str:
        """Kills when all its neighbours are at work, and kills alone too."""
        self._come("poison", context)
        if self._long_enough:
            await self._arrived.wait()
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    def _come(self, name: str, context: ToolContext) -> None:
        self._inside += name == "long"
        with self._diary.open("a") as file:
            file.write(f"{name} {context.execution_id} beside {self._inside - (name == 'long')}\n")


async def live(work: dict[str, Any]) -> None:
    folder = Path(work["folder"])
    company = Company(folder / "diary", work["neighbours"], work["long_enough"])
    tools = [
        Tool("poison", "Kills.", company.poison, input=INPUT, idempotent=True),
        Tool("long", "Takes long.", company.long, input=INPUT, idempotent=True),
    ]
    async with open_home(folder, database_url=work["url"], tools=tools) as home:
        if work["first"]:
            await begin(home, work["neighbours"])
        for row in await Execution.exclude(status__in=list(FINAL_STATUSES)):
            await home.events(row)


async def begin(home: Home, neighbours: int) -> None:
    bot = await home.bot(INNOCENT, "Innocent")
    for number in range(neighbours):
        await home.start(bot, {"text": str(number)})
    await home.start(await home.bot(POISON, "Poison"), {"text": "p"})


async def lives(work: dict[str, Any]) -> int:
    """One life of it; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.support.poisoned", dumps(work)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output.decode()
    return process.returncode


if __name__ == "__main__":
    asyncio.run(live(loads(sys.argv[1])))
