"""Steps with nothing inside: entities, tools and calculations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from server.bal.plan_steps import CallStep, MergeStep, ProcessorStep, SelectStep, UseStep
from server.bal.values import is_object
from server.engine.frame import Frame
from server.engine.host import EntityCall, Recorded, StepFailed, ToolCall
from server.engine.walk import Walk


async def run_call(walk: Walk, step: CallStep, value: Any, frame: Frame, key: str) -> Any:
    recorded = walk.host.recall(key)
    if recorded is None:
        output = await _call_entity(walk, step, value, frame, key)
    else:
        output = _again(recorded)
    frame.memory.put(step.entity, output)
    return output


async def _call_entity(walk: Walk, step: CallStep, value: Any, frame: Frame, key: str) -> Any:
    context = None
    if step.context is not None:
        context = walk.evaluate(step.context, value, frame, step, key)
    entity = walk.plan.entities[step.entity]
    call = EntityCall(key, entity, value, context, walk.plan.strict)
    try:
        return await walk.host.call_entity(call)
    except StepFailed as failed:
        raise _named(failed, step.entity) from failed


async def run_use(walk: Walk, step: UseStep, value: Any, frame: Frame, key: str) -> Any:
    recorded = walk.host.recall(key)
    if recorded is not None:
        return _again(recorded)
    if step.arguments is not None:
        arguments = walk.evaluate(step.arguments, value, frame, step, key)
    else:
        arguments = value if is_object(value) else {}
    try:
        return await walk.host.call_tool(ToolCall(key, step.tool, arguments))
    except StepFailed as failed:
        raise _named(failed, step.tool) from failed


def _again(recorded: Recorded) -> Any:
    if recorded.error is not None:
        raise StepFailed.again(recorded.error)
    return recorded.output


def _named(failed: StepFailed, name: str) -> StepFailed:
    failure = failed.failure
    again = StepFailed.again(replace(failure, entity=failure.entity or name))
    again.catchable = failed.catchable
    return again


def calculate_shape(
    walk: Walk, step: SelectStep | MergeStep, value: Any, frame: Frame, key: str
) -> Any:
    return walk.evaluate(step.shape, value, frame, step, key)


def calculate_formula(walk: Walk, step: ProcessorStep, value: Any, frame: Frame, key: str) -> Any:
    return walk.evaluate(step.formula.tree, value, frame, step, key)
