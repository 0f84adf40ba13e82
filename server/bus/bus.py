"""The room's front: one client, the queue and the notices over it."""

from __future__ import annotations

import asyncio

from server.bus.attendance import Attendance
from server.bus.notices import Notices
from server.bus.queue import Queue
from server.bus.redis import AWAY, open_redis
from server.bus.version import too_old
from server.core.errors import StartError

UPGRADE = "Upgrade it, or set BALEYBOTS_REDIS_URL to another one."


class Bus:
    """`embedded` means: nobody outside this process can hear us."""

    def __init__(self, redis_url: str | None) -> None:
        self.embedded = redis_url is None
        self.redis = open_redis(redis_url)
        self.queue = Queue(self.redis)
        self.attendance = Attendance(self.redis)
        self.notices = Notices(None if self.embedded else self.redis)

    async def start(self) -> None:
        if fault := await self.fault():
            raise StartError(fault, hint=UPGRADE)
        await self.notices.start()

    async def stop(self) -> None:
        await self.queue.flush()
        await self.notices.stop()
        await self.redis.aclose(close_connection_pool=True)

    async def fault(self, seconds: float = 1.0) -> str | None:
        """Why this Redis can never do, however long one waits. One that is away may still come."""
        if self.embedded:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await too_old(self.redis)
        except AWAY:
            return None

    async def alive(self, seconds: float = 1.0) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.redis.ping()
        except AWAY:
            return False
        return True
