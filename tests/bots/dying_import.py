"""An import that dies in the middle: run as a program of its own, it kills itself at the bot with
the given number, or after the last one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from server.bots import importing, tags, uploads
from server.bots.bundle import BundledBot, Contents, pack
from server.core.jsontext import dumps, loads
from server.models.tables import Bot
from tests.support.rooms import open_home
from tests.support.scripted_gateway import ScriptedGateway

COUNT = 6
BUNDLE = Contents(
    tuple(
        BundledBot(f"Bot {n}", f'a {{ "goal": "Do {n}" }}\n', ("x",), version_name="one")
        for n in range(COUNT)
    )
)


async def die(folder: str, url: str | None, at: int) -> None:
    async with open_home(
        Path(folder), gateway=ScriptedGateway(), database_url=url, worker=False
    ) as home:
        await Bot.create(
            workspace_id=home.owner.workspace_id,
            name="Bot 0",
            name_key="bot 0",
            source='a { "goal": "Mine" }',
        )
        bundle = await uploads.keep(home.owner, "b.zip", pack(BUNDLE))
        real, seen = tags.put, 0

        async def put(bot: Bot, names: object) -> None:
            nonlocal seen
            await real(bot, names)  # type: ignore[arg-type]
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

        tags.put = put  # type: ignore[assignment]
        overwrite = importing.Decisions(importing.Resolution.OVERWRITE)
        await importing.apply(home.owner, bundle.id, overwrite)
        os.kill(os.getpid(), signal.SIGKILL)


async def dies(folder: Path, url: str | None, at: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.bots.dying_import", dumps([str(folder), url, at])],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL, output.decode()


if __name__ == "__main__":
    asyncio.run(die(*loads(sys.argv[1])))
