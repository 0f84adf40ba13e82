"""Changes the secret key of a data folder in a process of its own, and kills itself at a given
stage."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from server.cli.local import open_data
from server.core.settings import load_settings
from server.workspaces import rotation


async def main(folder: str, url: str, die_at: str, batch: str) -> None:
    settings = load_settings({}, data_dir=folder, database_url=url or None)
    rotation.BATCH = int(batch)

    def progress(stage: str) -> None:
        if stage == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_data(settings):
        await rotation.rotate(settings, progress)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
