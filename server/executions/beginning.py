"""Where an execution that is done again begins, and what of the earlier one has no result then."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from server.bal.plan import Plan
from server.bal.values import is_object
from server.core.errors import Invalid
from server.engine.forking import (
    Undone,
    UnknownStep,
    all_keys,
    plan_key,
    undone_after,
    undone_from,
)
from server.engine.store import Unset
from server.engine.tool_steps import TYPE as TOOL
from server.executions.earlier import (
    CALLS,
    ENTITY,
    GIVEN_UP,
    UNCAUGHT,
    Earlier,
    is_turn,
    turns_block,
)
from server.executions.moment import Moment
from server.executions.rerun_request import RerunRequest
from server.models.enums import StepStatus
from server.models.tables import Step

BROKEN_OFF = (StepStatus.CANCELLED, StepStatus.RUNNING, StepStatus.WAITING)


def everything(plan: Plan) -> Undone:
    return Undone(frozenset(step.key for step in plan.root))


def failed_again(plan: Plan, earlier: Earlier) -> Undone:
    """What failed and was not caught gets another chance, however one begins."""
    return _all_again(plan, earlier, earlier.failures(UNCAUGHT))


def given_up_again(plan: Plan, earlier: Earlier) -> Undone:
    """Also what the program went on without."""
    failed = earlier.failures(GIVEN_UP)
    if not failed:
        message = "Nothing in this execution failed that could be done again by itself."
        raise Invalid(message, path=["onlyFailed"], hint="Begin with a step of your choice.")
    return _all_again(plan, earlier, failed)


def after_moment(plan: Plan, earlier: Earlier, moment: Moment) -> Undone:
    """What had failed by then and was not caught, or was tried again by somebody later."""
    causes = {row.key for row in earlier.failures(UNCAUGHT)}
    failed = (key for key, step in moment.state.steps.items() if step.status == "failed")
    rows = [row for key in failed if (row := earlier.steps.get(key)) is not None]
    again = [row for row in rows if row.key in causes or (_well(row) and row.type in CALLS)]
    return _all_again(plan, earlier, again)


def from_step(plan: Plan, earlier: Earlier, key: str, goes_on: Collection[str]) -> Undone:
    """`goes_on`: the entities whose answered turns still hold."""
    row = earlier.steps.get(key)
    if row is not None and row.type == TOOL:
        entity, turn = earlier.steps.get(row.parent_key or ""), earlier.turn_of(row)
        if entity is None or turn is None:  # of an execution that did not keep its turns: all of it
            return _from_plan(plan, row.parent_key or key)
        around = _inside(plan, entity, goes_on)
        return replace(_before(around, turn.row.key, turn.number), keys=around.keys | {key})
    entity = earlier.steps.get(turns_block(key).rpartition("/")[0]) if is_turn(key) else None
    if entity is None or entity.type != ENTITY:
        return _from_plan(plan, key)
    around = _inside(plan, entity, goes_on)
    return _before(around, key, _question(earlier, entity, key) - 1)


def check_arguments(earlier: Earlier, request: RerunRequest) -> None:
    """Other arguments are for the tool call that one begins with."""
    if isinstance(request.arguments, Unset):
        return
    row = earlier.steps.get(request.from_step or "")
    if row is None or row.type != TOOL or earlier.turn_of(row) is None:
        message = "Other arguments are given to a call that a model made of a tool: name it."
        raise Invalid(message, path=["arguments"], hint="Give its key as fromStep.")
    if not is_object(request.arguments):
        raise Invalid("Arguments are an object.", path=["arguments"])


def with_edited(undone: Undone, earlier: Earlier, outputs: Iterable[str]) -> Undone:
    """What a model was told after a result that is another one now has to be said anew."""
    for key in outputs:
        row = earlier.steps.get(key)
        if row is None or row.type != TOOL:
            continue
        turn = earlier.turn_of(row)
        entity = earlier.steps.get(row.parent_key or "")
        goes_on = entity is not None and (entity.key in undone.around or not _well(entity))
        if turn is None or entity is None or not goes_on or entity.key in undone:
            message = f"`{key}` was called inside a step that is taken over, or begins anew."
            hint = f"Begin with it, or give another result of `{row.parent_key}`."
            raise Invalid(message, path=["outputs", key], hint=hint)
        undone = _before(undone, turn.row.key, turn.number)
    return undone


def first_of(plan: Plan, earlier: Earlier, error: dict[str, object] | None) -> str | None:
    """The step that a retry is said to begin with."""
    failed = [row.key for row in earlier.failures(UNCAUGHT)]
    named = str((error or {}).get("stepKey"))
    if failed:
        return named if named in failed else failed[0]
    known = all_keys(plan)
    open_ = [row for row in earlier.steps.values() if row.status in BROKEN_OFF]
    open_ = [row for row in open_ if plan_key(row.key) in known]
    return max(open_, key=_depth).key if open_ else None


# --- inside ---------------------------------------------------------------------------------


def _all_again(plan: Plan, earlier: Earlier, rows: Iterable[Step]) -> Undone:
    return Undone.together(part for row in rows for part in _again(plan, earlier, row))


def _again(plan: Plan, earlier: Earlier, row: Step) -> Iterable[Undone]:
    """An entity goes on with the question that it failed at; a program that has changed may not
    have the step any more."""
    try:
        if row.type == TOOL:
            above, turn = row.parent_key or "", earlier.turn_of(row)
            around = undone_after(plan, above)
            yield around if turn is None else replace(around, keys=around.keys | {row.key})
        elif row.type == ENTITY and earlier.turns(row.key):
            yield undone_after(plan, row.key)
        else:
            yield undone_from(plan, row.key)
    except UnknownStep:
        return


def _inside(plan: Plan, entity: Step, goes_on: Collection[str]) -> Undone:
    """The entity goes on somewhere among its questions."""
    if entity.name not in goes_on:
        message = (
            f"`{entity.name}` is not asked as it was, so it can only be done again as a whole."
        )
        raise Invalid(message, path=["fromStep"], hint=f"Begin with `{entity.key}`.")
    return _from_plan(plan, entity.key, around=True)


def _question(earlier: Earlier, entity: Step, key: str) -> int:
    """Its number, from 1 on."""
    keys = earlier.question_keys(entity)
    if key not in keys:
        times = "1 question" if len(keys) == 1 else f"{len(keys)} questions"
        message = f"`{entity.name}` was asked {times}, and `{key}` is none of them."
        raise Invalid(message, path=["fromStep"], hint=f"The last one is `{keys[-1]}`.")
    return keys.index(key) + 1


def _from_plan(plan: Plan, key: str, *, around: bool = False) -> Undone:
    try:
        return undone_after(plan, key) if around else undone_from(plan, key)
    except UnknownStep:
        known = ", ".join(sorted(all_keys(plan))[:20])
        message = f"The program has no step `{key}`. It has {known}."
        raise Invalid(message, path=["fromStep"]) from None


def _before(undone: Undone, turn_key: str, number: int) -> Undone:
    """Of the turns only so many stay."""
    block = turns_block(turn_key)
    number = min(number, undone.rounds.get(block, number))
    return replace(undone, rounds={**undone.rounds, block: number})


def _well(row: Step) -> bool:
    return row.status is StepStatus.COMPLETED


def _depth(row: Step) -> tuple[bool, int, int]:
    """A call before a block, a late one before an early one."""
    return row.type in CALLS, row.position, len(row.key)
