"""Teaching an older SQLite file to shrink.

A new file is made so that pages of deleted rows can be given back to the disk. A file from before
that has to be written anew once, which needs time and twice its space: only where both are there.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError

from server.models.address import Address

INCREMENTAL = 2
LARGEST = 1024 * 1024 * 1024


async def give_space_back(context: TortoiseContext, address: Address) -> bool:
    """True when the file was written anew. Nobody else is at it: the schema lock is held."""
    if address.path is None:
        return False
    connection = context.connections.get(address.kind)
    mode = (await connection.execute_query_dict("PRAGMA auto_vacuum"))[0]["auto_vacuum"]
    if mode == INCREMENTAL or not await asyncio.to_thread(_fits, address.path):
        return False
    try:
        await connection.execute_query_dict("PRAGMA auto_vacuum=INCREMENTAL")
        await connection.execute_script("VACUUM")
    except OperationalError:  # somebody reads it just now; the next migration tries again
        return False
    return True


def _fits(path: Path) -> bool:
    size = path.stat().st_size
    return size <= LARGEST and shutil.disk_usage(path.parent).free > 3 * size
