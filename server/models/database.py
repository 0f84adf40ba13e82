"""Opening and closing the database for the whole process."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from tortoise import Tortoise
from tortoise.context import TortoiseContext

from server.core.errors import DatabaseError
from server.core.settings import Settings
from server.models.address import Address, read_address
from server.models.connection import tortoise_config
from server.models.pulse import Pulse
from server.models.writes import Writes


@dataclass(frozen=True, slots=True)
class Database:
    """The open database. Tables are used through their models; the address serves the store."""

    address: Address
    context: TortoiseContext
    pulse: Pulse
    writes: Writes = field(default_factory=Writes)

    async def close(self) -> None:
        await self.pulse.stop()
        await self.context.close_connections()


async def open_database(settings: Settings) -> Database:
    """Connects once, so that a wrong address stops the start and not the first request. The
    schema must be there: see `migrate`."""
    address = read_address(settings)
    if address.path is not None:
        await asyncio.to_thread(make_folder, address.path.parent)
    context = await connect(address)
    pulse = Pulse(address)
    pulse.start()
    return Database(address, context, pulse)


async def connect(address: Address, *, foreign_keys: bool = True) -> TortoiseContext:
    config = tortoise_config(address, foreign_keys=foreign_keys)
    # Requests are served by tasks that did not inherit this context: they fall back to it.
    context = await Tortoise.init(config=config, _enable_global_fallback=True)
    try:
        await context.connections.get(address.kind).execute_query("SELECT 1")
    except Exception as error:
        await context.close_connections()
        raise unreachable(address, error) from error
    return context


def unreachable(address: Address, error: Exception) -> DatabaseError:
    """One sentence from whatever the driver said. Driver texts name host and user, no password."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    if address.path is not None:
        hint = "Give another folder with --data-dir, or move the file away to start anew."
        if "readonly" in reason:
            hint = f"Make it writable for your user: chmod u+w {address.path}"
        return DatabaseError(f"The database {address.path} cannot be opened: {reason}.", hint=hint)
    hint = "Check BALEYBOTS_DATABASE_URL and that the database server is running."
    return DatabaseError(f"No connection to the database {address.shown}: {reason}.", hint=hint)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
        reason = "you may not write there"
    except FileExistsError:
        writable, reason = False, "it is a file"
    except OSError as error:
        writable, reason = False, error.strerror or str(error)
    if not writable:
        hint = "Give a folder that can be written with --data-dir or BALEYBOTS_DATA_DIR."
        raise DatabaseError(f"The data folder {folder} cannot be used: {reason}.", hint=hint)
