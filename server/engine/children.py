"""What a step has started ends with it: a step that failed or was cancelled waits for no answer any
more, so nothing is paid for one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from server.engine.pool import TOOLS, patiently
from server.engine.store import RecordedStep
from server.engine.tool_calls import AGAIN
from server.engine.writer import Writer
from server.models.enums import StepStatus
from server.tools.builtin.spawn import SPAWN_BALEYBOT

# Cancels, in a workspace, those of the executions born with these keys that are still open.
EndBorn = Callable[[UUID, Sequence[str]], Awaitable[None]]

IN_VAIN = frozenset({StepStatus.CANCELLED, StepStatus.FAILED})


class Children:
    """Of one run. Until all that ended steps have started is cancelled the run does not rest; when
    its worker is lost before that, it is under way, and the next taking sees to it."""

    def __init__(
        self, writer: Writer, recorded: Mapping[str, RecordedStep], end_born: EndBorn | None
    ) -> None:
        self._writer = writer
        self._end_born = end_born
        self._recorded = recorded
        self._keys: list[str] = []
        self._task: asyncio.Task[None] | None = None
        for row in recorded.values():
            if row.status in IN_VAIN and may_start(row.type, row.name):
                self.end(row.key)

    def end(self, step_key: str) -> None:
        """Of a step that was tried several times, what each of them has started."""
        if self._end_born is None:
            return
        again = self._recorded.get(step_key + AGAIN)
        tries = 1 if again is None else again.output + 1
        own = self._writer.identity.id
        self._keys.extend(birth_key(own, step_key, number) for number in range(tries))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(self._end_born))
            self._task.add_done_callback(seen)

    async def ended(self) -> None:
        if self._task is not None:
            await self._task

    def stop(self) -> None:
        """The run itself has ended, and its children with it; or another worker goes on."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self, end_born: EndBorn) -> None:
        """The end of the step is durable first, and so is what the step has noted of its child."""
        while self._keys:
            keys, self._keys = self._keys, []
            await self._writer.settle()
            await patiently(partial(end_born, self._writer.identity.workspace_id, keys))


def may_start(step_type: str, name: str) -> bool:
    return step_type in TOOLS and name == SPAWN_BALEYBOT.name


def birth_key(parent_id: UUID, step_key: str, number: int) -> str:
    """One child for one try of a call, however often it is made."""
    return "spawn:" + hashlib.sha256(f"{parent_id}:{step_key}:{number}".encode()).hexdigest()


def seen(task: asyncio.Future[Any]) -> None:
    """Whoever waits for it hears what went wrong; nobody may."""
    if not task.cancelled():
        task.exception()
