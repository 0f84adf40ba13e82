"""What has to happen once a transaction is committed, and not at all when it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager


class AfterCommit:
    def __init__(self) -> None:
        self._actions: list[Callable[[], None]] = []

    def add(self, action: Callable[[], None]) -> None:
        """`action` must be quick and not fail: publishing and waking are both."""
        self._actions.append(action)

    def run(self) -> None:
        for action in self._actions:
            action()


@asynccontextmanager
async def after_commit(
    transaction: AbstractAsyncContextManager[object],
) -> AsyncIterator[AfterCommit]:
    after = AfterCommit()
    async with transaction:
        yield after
    after.run()
