"""A process of its own for the tests that kill one: `python -m tests.workers.child start BOT`
starts an execution in an embedded server and stays; `… worker` is `baleybots worker`, and so is
`… hoarder`, with a tool that holds on to memory."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

from server import cli
from server.bots import service as bots
from server.core.logs import setup_logs
from server.core.settings import Settings, load_settings
from server.executions import service as executions
from server.executions.service import StartRequest
from tests.support import hoarding
from tests.support.rooms import open_home
from workers.main import run_worker


async def start(settings: Settings, bot_id: UUID) -> None:
    async with open_home(Path(settings.data_dir), environ=os.environ) as home:
        bot = await bots.get(home.owner, bot_id)
        request = StartRequest(bot.id, "x")
        execution = await executions.start(home.owner, home.rooms.engine, request)
        sys.stdout.write(f"{execution.id}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def hoarder() -> None:
    hoarding.give()
    sys.argv[:] = ["baleybots", "worker"]
    cli.main()


def main() -> None:
    if sys.argv[1] == "hoarder":
        return hoarder()
    settings = load_settings(os.environ)
    setup_logs("info", "json", secrets=())
    if sys.argv[1] == "start":
        asyncio.run(start(settings, UUID(sys.argv[2])))
    else:
        asyncio.run(run_worker(settings))


if __name__ == "__main__":
    main()
