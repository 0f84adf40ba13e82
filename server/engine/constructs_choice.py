"""Steps that choose: if, gate, route and when."""

from __future__ import annotations

from typing import Any

from server.bal.plan_steps import (
    ArmPlan,
    ChainStep,
    GateStep,
    IfStep,
    RouteStep,
    Steps,
    WhenStep,
)
from server.bal.values import text_of
from server.engine.frame import Frame
from server.engine.host import StepFailed
from server.engine.verdicts import DEFAULT, choose_arm, route_key, verdict
from server.engine.walk import Walk


async def run_chain(walk: Walk, step: ChainStep, value: Any, frame: Frame, key: str) -> Any:
    return await walk.block(step.body, value, frame.inside(key))


async def run_if(walk: Walk, step: IfStep, value: Any, frame: Frame, key: str) -> Any:
    inside = frame.inside(key)
    chosen: Steps | None = step.otherwise
    for case in step.cases:
        if walk.evaluate(case.condition.tree, value, frame, step, key):
            chosen = case.body
            break
    for body in (*(case.body for case in step.cases), step.otherwise):
        if body is not None and body is not chosen:
            walk.pass_by(body, inside)
    return value if chosen is None else await walk.block(chosen, value, inside)


async def run_gate(walk: Walk, step: GateStep, value: Any, frame: Frame, key: str) -> Any:
    inside = frame.inside(key)
    if walk.evaluate(step.condition.tree, value, frame, step, key):
        return await walk.block(step.body, value, inside)
    walk.pass_by(step.body, inside)
    return value


async def run_route(walk: Walk, step: RouteStep, value: Any, frame: Frame, key: str) -> Any:
    """The handler gets what the classifier got."""
    inside = frame.inside(key)
    name = None
    if step.classifier is not None:
        name = step.classifier.entity
        output = await walk.step(step.classifier, value, inside)
    else:
        condition = step.condition
        tree = None if condition is None else condition.tree
        output = None if tree is None else walk.evaluate(tree, value, frame, step, key)
    said = route_key(output)
    arm = choose_arm(said, (arm.key for arm in step.arms))
    if arm is None:
        raise StepFailed("no_route", _no_route(said, step.arms), entity=name)
    route = {"key": said if arm == DEFAULT else arm, "output": output}
    return await _take(walk, step.arms, arm, value, frame.knowing(key, {"route": route}))


def _no_route(said: Any, arms: tuple[ArmPlan, ...]) -> str:
    known = ", ".join(f"`{arm.key}`" for arm in arms)
    given = "no key" if said is None else f"the key `{text_of(said)[:80]}`"
    return f"The answer gave {given}, but the route only knows {known}."


async def run_when(walk: Walk, step: WhenStep, value: Any, frame: Frame, key: str) -> Any:
    """The arm gets the entity's output."""
    inside = frame.inside(key)
    output = await walk.step(step.call, value, inside)
    passed = verdict(output)
    if passed is None:
        message = f"The answer of `{step.call.entity}` says neither pass nor fail."
        raise StepFailed("entity_failed", message, entity=step.call.entity)
    return await _take(walk, step.arms, "pass" if passed else "fail", output, inside)


async def _take(walk: Walk, arms: tuple[ArmPlan, ...], name: str, value: Any, inside: Frame) -> Any:
    """A missing arm passes the value on."""
    chosen: Steps | None = None
    for arm in arms:
        if arm.key == name:
            chosen = arm.body
        else:
            walk.pass_by(arm.body, inside)
    return value if chosen is None else await walk.block(chosen, value, inside)
