"""Many at once, in order: the branches of parallel, the items of map and filter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from server.engine.host import StepFailed, Suspended

Make = Callable[[int], Awaitable[Any]]


async def one_by_one(count: int, make: Make, *, stop: bool) -> list[Any]:
    """Results in order; without `stop` a StepFailed stands in the place of its result."""
    results: list[Any] = []
    for index in range(count):
        results.append(await _result(make, index, stop))
    return results


async def side_by_side(count: int, make: Make, *, at_once: int, stop: bool) -> list[Any]:
    """As above, up to `at_once` under way. With `stop` the first failure cancels the others. What
    has to wait for later (Suspended) is still under way, and lets the others go on first."""
    results: list[Any] = [None] * count
    suspended: list[Suspended] = []
    upcoming = iter(range(count))
    broken = False

    async def work() -> None:
        nonlocal broken
        for index in upcoming:
            if broken:
                return
            try:
                results[index] = await _result(make, index, stop)
            except Suspended as reason:
                suspended.append(reason)
                return
            except StepFailed:
                broken = True
                raise

    tasks = [asyncio.create_task(work()) for _ in range(min(at_once, count))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        if left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
    _raise_first([task for task in tasks if task in done])
    if suspended:
        raise suspended[0]
    return results


async def _result(make: Make, index: int, stop: bool) -> Any:
    try:
        return await make(index)
    except StepFailed as failed:
        if stop or not failed.catchable:
            raise
        return failed


def _raise_first(done: list[asyncio.Task[None]]) -> None:
    """What stops everything goes before a failure that could be caught."""
    errors = [error for task in done if (error := task.exception()) is not None]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, StepFailed) and error.catchable)


def first_failure(results: list[Any]) -> StepFailed | None:
    return next((result for result in results if isinstance(result, StepFailed)), None)


def as_value(result: Any) -> Any:
    """With `errors: collect` a failure becomes a value."""
    if not isinstance(result, StepFailed):
        return result
    failure = result.failure
    return {"error": {"kind": failure.kind, "message": failure.message}}
