"""Steps that do something again: loop and try."""

from __future__ import annotations

from typing import Any

from server.bal.plan_steps import LoopStep, TryStep
from server.engine.frame import Frame
from server.engine.host import StepFailed
from server.engine.walk import Walk


async def run_loop(walk: Walk, step: LoopStep, value: Any, frame: Frame, key: str) -> Any:
    """The body at least once; `until` is tested after it, on its result."""
    for number in range(1, step.max + 1):
        inner = frame.round(key, number, {"iteration": number})
        value = await walk.block(step.body, value, inner)
        until = step.until
        if until is not None and walk.evaluate(until.tree, value, inner, step, f"{key}[{number}]"):
            break
    return value


async def run_try(walk: Walk, step: TryStep, value: Any, frame: Frame, key: str) -> Any:
    """`finally` gets the value so far; a failure in it replaces the earlier one."""
    inside = frame.inside(key)
    failure: StepFailed | None = None
    result = value
    try:
        result = await _guarded(walk, step, value, frame, key)
    except StepFailed as failed:
        if not failed.catchable:
            raise
        failure = failed
    if step.final is not None:
        await walk.block(step.final, result, inside)
    if failure is not None:
        raise failure
    return result


async def _guarded(walk: Walk, step: TryStep, value: Any, frame: Frame, key: str) -> Any:
    """The attempts, then catch with the input that try got."""
    try:
        result = await _attempts(walk, step, value, frame, key)
    except StepFailed as failed:
        if step.catch is None or not failed.catchable:
            raise
        caught = frame.knowing(key, {"error": failed.failure.to_json()})
        return await walk.block(step.catch, value, caught)
    if step.catch is not None:
        walk.pass_by(step.catch, frame.inside(key))
    return result


async def _attempts(walk: Walk, step: TryStep, value: Any, frame: Frame, key: str) -> Any:
    """The first attempt keeps the plain keys, the others are told apart by their number."""
    for number in range(1, step.retries + 1):
        try:
            return await walk.block(step.body, value, _attempt(frame, key, number))
        except StepFailed as failed:
            if not failed.catchable:
                raise
        if step.delay:
            await walk.host.wait(f"{key}[{number}]#delay", step.delay / 1000)
    return await walk.block(step.body, value, _attempt(frame, key, step.retries + 1))


def _attempt(frame: Frame, key: str, number: int) -> Frame:
    return frame.inside(key) if number == 1 else frame.round(key, number, {})
