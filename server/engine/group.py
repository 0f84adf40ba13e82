"""Grouping of commits on the event loop: one task writes, and what gathers meanwhile is the next
batch. No timer, so a single commit never waits for company."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from server.core.errors import AppError, Unavailable
from server.engine.store import BATCH_LIMIT, Commit, Committed, Refused

Answer = Committed | BaseException
Writing = Callable[[list[Commit]], Awaitable[list[Answer]]]


class GroupWriter:
    """`write` gets commits of different executions, since one statement changes a row only once,
    and answers each. When it raises something that is no AppError, the batch was rolled back, and
    each commit is tried alone: a bad one does not spoil its neighbours."""

    def __init__(self, write: Writing) -> None:
        self._write = write
        self._waiting: deque[tuple[Commit, asyncio.Future[Committed]]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store")

    async def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def commit(self, commit: Commit) -> Committed:
        """The caller may stop waiting, but what was handed in is written all the same."""
        if self._closing or self._task is None:
            raise Unavailable("The store is closed.")
        answer: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((commit, answer))
        self._wake.set()
        return await answer

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._write_next()

    async def _write_next(self) -> None:
        """A frame of its own: while nothing is written nothing of the last batch is held."""
        batch = self._next_batch()
        answers = await self._answers([commit for commit, _ in batch])
        for (_, future), answer in zip(batch, answers, strict=True):
            _settle(future, answer)

    def _next_batch(self) -> list[tuple[Commit, asyncio.Future[Committed]]]:
        """In order; a second commit of the same execution waits for the next round."""
        batch: list[tuple[Commit, asyncio.Future[Committed]]] = []
        later: list[tuple[Commit, asyncio.Future[Committed]]] = []
        taken: set[Any] = set()
        while self._waiting and len(batch) < BATCH_LIMIT:
            item = self._waiting.popleft()
            execution = item[0].execution_id
            (later if execution in taken else batch).append(item)
            taken.add(execution)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _answers(self, commits: list[Commit]) -> list[Answer]:
        try:
            return await self._write(commits)
        except AppError as error:
            return [error] * len(commits)
        except Exception as error:
            if len(commits) == 1:
                refused = Refused(f"The database refused this: {error}.")
                refused.__cause__ = error
                return [refused]
            return [(await self._answers([commit]))[0] for commit in commits]


def _settle(future: asyncio.Future[Committed], answer: Answer) -> None:
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)
