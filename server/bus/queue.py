"""What is ready, on its way to the workers: one entry each, many read at once, within milliseconds.
A lost entry is healed by the sweep, which looks at the tables."""

from __future__ import annotations

from arq.connections import ArqRedis

from server.bus.batcher import Batcher
from server.bus.turns import Ready, Turns


class Queue:
    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self.turns = Turns(redis)
        self._ready = Batcher[Ready]("ready", self.turns.add)
        # False while the worker of this process knows, or cannot know, that something waits.
        self.nothing_waits = True

    def ready(self, *executions: Ready) -> None:
        """Call it after the commit; does not wait for Redis."""
        for execution in executions:
            self._ready.add(execution)

    async def flush(self) -> None:
        await self._ready.flush()
