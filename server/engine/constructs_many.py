"""Steps whose parts run side by side: parallel, map and filter."""

from __future__ import annotations

from typing import Any

from server.bal.plan_steps import FilterStep, MapStep, ParallelStep, Steps
from server.bal.values import is_list, look_into
from server.engine.frame import Frame
from server.engine.host import StepFailed
from server.engine.memory import Gathered
from server.engine.side_by_side import as_value, first_failure, one_by_one, side_by_side
from server.engine.walk import Walk, refuse_too_much


async def run_parallel(walk: Walk, step: ParallelStep, value: Any, frame: Frame, key: str) -> Any:
    gathered = Gathered()
    begun: set[int] = set()

    async def branch(index: int) -> Any:
        begun.add(index)
        inner = frame.branch(key)
        try:
            return await walk.block(step.branches[index].body, value, inner)
        finally:
            gathered.add(index, inner.memory)

    count = len(step.branches)
    at_once = _at_most(step.concurrency or count, walk.host.limits.branches_at_once)
    stop = step.errors == "stop"
    try:
        if step.pure or at_once == 1:
            results = await one_by_one(count, branch, stop=stop)
        else:
            results = await side_by_side(count, branch, at_once=at_once, stop=stop)
    except StepFailed:
        for index in sorted(set(range(count)) - begun):
            walk.skip(step.branches[index].body, frame.inside(key))
        raise
    finally:
        frame.memory.take_over(gathered)
    failed = first_failure(results)
    if failed is not None and step.errors != "collect":
        raise failed
    refuse_too_much(results)
    names = [branch.name for branch in step.branches]
    return {name: as_value(result) for name, result in zip(names, results, strict=True)}


async def run_map(walk: Walk, step: MapStep, value: Any, frame: Frame, key: str) -> Any:
    source = walk.evaluate(step.source.tree, value, frame, step, key)
    items = _list_in(walk, source, f"map takes a list, but `{step.source.text}`")
    results = await _each(
        walk,
        step.body,
        list(enumerate(items)),
        frame,
        key,
        at_once=step.concurrency,
        stop=step.errors == "stop",
        pure=step.pure,
    )
    refuse_too_much(results)
    if step.errors == "skip":
        return [result for result in results if not isinstance(result, StepFailed)]
    return [as_value(result) for result in results]


async def run_filter(walk: Walk, step: FilterStep, value: Any, frame: Frame, key: str) -> Any:
    items = _list_in(walk, value, "filter takes a list, but the value")
    kept: list[tuple[int, Any]] = []
    for index, item in enumerate(items):
        await walk.between()
        inner = frame.item(key, index, item)
        condition = step.condition.tree
        if walk.evaluate(condition, item, inner, step, f"{key}[{index}]"):
            kept.append((index, item))
    if not step.body:
        return [item for _, item in kept]
    return await _each(walk, step.body, kept, frame, key, at_once=0, stop=True, pure=step.pure)


async def _each(
    walk: Walk,
    body: Steps,
    items: list[tuple[int, Any]],
    frame: Frame,
    key: str,
    *,
    at_once: int,
    stop: bool,
    pure: bool,
) -> list[Any]:
    """The body once per item; captures of the items become visible afterwards, in order."""
    gathered = Gathered()

    async def one(place: int) -> Any:
        index, item = items[place]
        inner = frame.item(key, index, item)
        try:
            return await walk.block(body, item, inner)
        finally:
            gathered.add(place, inner.memory)

    limits = walk.host.limits
    workers = _at_most(at_once or limits.items_by_default, limits.items_at_once)
    try:
        if pure or workers == 1 or len(items) < 2:
            return await one_by_one(len(items), one, stop=stop)
        return await side_by_side(len(items), one, at_once=workers, stop=stop)
    finally:
        frame.memory.take_over(gathered)


def _at_most(wanted: int, limit: int) -> int:
    return min(wanted, limit) if limit else wanted


def _list_in(walk: Walk, value: Any, whose: str) -> list[Any]:
    found = look_into(value)
    if found is None:
        return []
    if not is_list(found):
        raise StepFailed("not_a_list", f"{whose} is {_kind(found)}.")
    most = walk.host.limits.items
    if len(found) > most:
        message = f"A list of {len(found)} items is more than the limit of {most}."
        raise StepFailed("budget_exceeded", message, catchable=False)
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    return "a number" if isinstance(value, int | float) else "an object"
