"""A migrated database with a workspace, a bot and a version in it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from server.core.ids import new_uuid
from server.core.settings import Settings, load_settings
from server.engine.store import Commit, EventRow, NewExecution, Store
from server.engine.stores import row_store
from server.models.database import Database, open_database
from server.models.migrate import migrate
from server.models.tables import Bot, BotVersion, Workspace

SQLITE = "sqlite://"


@functools.cache
def _template_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="baleybots-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "template.db"


async def prepare(database_url: str, data_dir: Path) -> Settings:
    """Settings of a database that is migrated. A SQLite file is copied from one that was made once
    for this test process: that is 50 times faster."""
    settings = load_settings({}, data_dir=data_dir, database_url=database_url)
    if settings.sqlite_path is None:
        await migrate(settings)
        return settings
    template = _template_file()
    if not template.exists():
        url = f"{SQLITE}{template}"
        await migrate(load_settings({}, data_dir=template.parent, database_url=url))
    settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(shutil.copy, template, settings.sqlite_path)
    return settings


@dataclass
class World:
    settings: Settings
    database: Database
    store: Store
    workspace: Workspace
    bot: Bot
    version: BotVersion

    def new(self, **given: Any) -> NewExecution:
        return NewExecution(
            id=given.pop("id", None) or new_uuid(),
            workspace_id=self.workspace.id,
            bot_id=self.bot.id,
            version_id=self.version.id,
            created_at=datetime.now(UTC),
            **given,
        )

    async def queued(self, **given: Any) -> NewExecution:
        """An execution that was accepted, with its first event."""
        new = self.new(**given)
        await self.store.commit(Commit(new.id, new=new, events=[event("execution.queued")]))
        return new

    async def another_store(self) -> Store:
        """As another process would have it."""
        store = row_store(self.database.address)
        await store.open()
        return store


def event(kind: str, **given: Any) -> EventRow:
    return EventRow(kind, datetime.now(UTC), **given)


@contextlib.asynccontextmanager
async def opened(database_url: str, data_dir: Path) -> AsyncIterator[World]:
    settings = await prepare(database_url, data_dir)
    database = await open_database(settings)
    store = row_store(database.address)
    await store.open()
    try:
        workspace = await Workspace.create(name="Acme")
        bot = await Bot.create(workspace=workspace, name="Writer", name_key="writer")
        version = await BotVersion.create(
            bot=bot, number=1, source="", source_hash="0" * 64, plan={"version": 1}
        )
        yield World(settings, database, store, workspace, bot, version)
    finally:
        await store.close()
        await database.close()
