"""The rooms of a whole installation in one test: its own database, its first owner, its worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.assembly import Assembly, assembled
from server.bots import service as bots
from server.core.clock import Clock
from server.core.settings import Settings, load_settings
from server.engine.caps import Caps
from server.engine.log import WireEvent
from server.engine.store import UNSET
from server.engine.writer import workspace_topic
from server.executions import service as executions
from server.executions.service import ControlAction, StartRequest
from server.llm.gateway import Gateway
from server.models.enums import ExecutionMode, ExecutionStatus
from server.models.migrate import migrate
from server.models.tables import Bot, Execution
from server.tools.base import Tool
from server.workspaces import accounts
from server.workspaces.access import Viewer
from tests.support.tools import catalogues_with
from workers.embedded import working


@dataclass(frozen=True)
class Home:
    rooms: Assembly
    owner: Viewer

    async def bot(self, source: str, name: str | None = None) -> Bot:
        return await bots.create(self.owner, source, name)

    async def start(self, bot: Bot, input: Any = UNSET, **more: Any) -> Execution:
        request = StartRequest(bot.id, input, **more)
        return await executions.start(self.owner, self.rooms.engine, request)

    async def ended(self, execution: Execution) -> Execution:
        """Waits for the end and reads the row."""
        await self.events(execution)
        return await executions.get(self.owner, execution.id)

    async def events(self, execution: Execution, after: int = 0) -> list[WireEvent]:
        """All events up to the end."""
        found: list[WireEvent] = []
        async for batch in self.rooms.engine.follow(execution.id, after):
            found.extend(batch.events)
        return found

    async def control(self, execution: Execution, action: ControlAction) -> Execution:
        return await executions.control(self.owner, self.rooms.engine, execution.id, action)

    async def until(self, execution: Execution, *statuses: ExecutionStatus) -> Execution:
        """Waits for one of these statuses and reads the row."""
        topic = workspace_topic(execution.workspace_id)
        with self.rooms.bus.notices.subscribe(topic) as subscription:
            async with asyncio.timeout(20):
                while True:
                    row = await executions.get(self.owner, execution.id)
                    if row.status in statuses:
                        return row
                    await subscription.next(0.5)

    async def run(self, source: str, input: Any = UNSET, **more: Any) -> Execution:
        return await self.ended(await self.start(await self.bot(source), input, **more))


async def first_owner(rooms: Assembly) -> Viewer:
    """Signs in with the link of the first start, as a person would."""
    link = await rooms.first_link() or await accounts.make_link()
    session = await accounts.redeem(link)
    assert session is not None
    found = await rooms.recogniser.by_session(session.token)
    assert found is not None
    return found[0]


_first_file: list[bytes] = []


async def migrated(settings: Settings) -> None:
    """Every SQLite database of a test run begins as a copy of the first one."""
    path = settings.sqlite_path
    if path is None or path.exists():
        await migrate(settings)
    elif _first_file:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_first_file[0])
    else:
        await migrate(settings)
        _first_file.append(path.read_bytes())


@asynccontextmanager
async def open_home(
    folder: Path,
    *,
    database_url: str | None = None,
    redis_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    worker: bool = True,
    gateway: Any = None,
    drain_seconds: float = 0,
    tools: Sequence[Tool] = (),
    caps: Caps | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Home]:
    settings = load_settings(
        environ or {}, data_dir=folder, database_url=database_url, redis_url=redis_url
    )
    await migrated(settings)
    async with AsyncExitStack() as stack:
        gateway = gateway or Gateway(settings, demo_pace=0)
        rooms = await stack.enter_async_context(
            assembled(
                settings,
                clock=clock,
                gateway=gateway,
                drain_seconds=drain_seconds,
                catalogues=catalogues_with(tools),
                caps=caps,
            )
        )
        if worker:
            await stack.enter_async_context(working(rooms))
        yield Home(rooms, await first_owner(rooms))


DEMO = ExecutionMode.DEMO
