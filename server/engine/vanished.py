"""Tools that a program names and that are not there: known before its first step, so that nothing
is paid for a run that cannot come to its end; and what is said where one is missed only later."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from server.bal.plan import Plan
from server.bal.plan_steps import (
    AnyStep,
    CallStep,
    EntityPlan,
    MapStep,
    Steps,
    TryStep,
    UseStep,
    steps_inside,
)
from server.engine.host import Failure, StepFailed
from server.tools.catalogue import Catalogue

KIND = "tool_not_found"
BACK = "Once it is back try again: what is finished is kept."
HINT = (
    "Take it out of the program, put another one in its place, or bring it back; nothing was done "
    "or paid yet."
)

AsItIsNow = Callable[[EntityPlan], EntityPlan]


def vanished(plan: Plan, known: Catalogue, as_it_is_now: AsItIsNow) -> Failure | None:
    """Failures that the program takes care of itself are left to it. So is the first call: nothing
    is paid before it, and its step shows where it failed."""
    if all(known.get(name) is not None for name in plan.needs.tools):
        return None
    calls = (step for step in _uncaught(plan.root) if isinstance(step, UseStep | CallStep))
    for number, step in enumerate(calls):
        for name in _tools(step, plan, as_it_is_now):
            if known.get(name) is None:
                return _failure(step, name) if number else None
    return None


def missed_by_step(name: str) -> StepFailed:
    """A step `use` has come to it."""
    message = f"{_no_such_tool(name)} Bring it back, or put another one in its place."
    hint = f"{BACK} Another one is put into the program; then try again with the draft."
    return StepFailed(KIND, message, entity=name, hint=hint)


def missed_by_entity(name: str, entity: str) -> StepFailed:
    """It is among those that the entity may use."""
    message = f"{_not_for_entity(name, entity)} Bring it back, or give `{entity}` other tools."
    hint = (
        f"{BACK} Or change the tools in the program and try again with the draft; an execution "
        "that has not ended is given others for the rest of it by Change an entity "
        "(`modifyExecution`)."
    )
    return StepFailed(KIND, message, entity=entity, hint=hint)


def missed_by_call(name: str, entity: str) -> StepFailed:
    """A call that was made of it is gone through again: other tools change nothing about that."""
    gone = f"`{entity}` has called `{name}`, and this workspace has no such tool any more."
    message = f"{gone} Bring it back, or begin with `{entity}` anew without it."
    hint = f"{BACK} To begin anew take it out of the program, then rerun `{entity}` with the draft."
    return StepFailed(KIND, message, entity=entity, hint=hint)


def _no_such_tool(name: str) -> str:
    return f"There is no tool `{name}` here."


def _not_for_entity(name: str, entity: str) -> str:
    return f"`{entity}` may use `{name}`, but this workspace has no such tool."


def _failure(step: UseStep | CallStep, name: str) -> Failure:
    if isinstance(step, CallStep):
        return Failure(KIND, _not_for_entity(name, step.entity), step.entity)
    return Failure(KIND, _no_such_tool(name), name)


def _tools(step: UseStep | CallStep, plan: Plan, as_it_is_now: AsItIsNow) -> tuple[str, ...]:
    if isinstance(step, UseStep):
        return (step.tool,)
    entity = as_it_is_now(plan.entities[step.entity])
    return (*entity.tools, *entity.can_request)


def _uncaught(steps: Steps) -> Iterator[AnyStep]:
    waiting = list(reversed(steps))
    while waiting:
        step = waiting.pop()
        if step.on_error is not None or (isinstance(step, MapStep) and step.errors != "stop"):
            continue
        yield step
        for inside in reversed(list(_blocks(step))):
            waiting.extend(reversed(inside))


def _blocks(step: AnyStep) -> Iterator[Steps]:
    """What is caught is not looked at, nor what is done only then."""
    if isinstance(step, TryStep) and step.catch is not None:
        if step.final is not None:
            yield step.final
        return
    yield from steps_inside(step)
