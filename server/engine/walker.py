"""The one interpreter of the language, in production and in `bal run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server.bal.expressions import Scope
from server.bal.plan import Plan
from server.bal.plan_steps import (
    CallStep,
    ChainStep,
    FilterStep,
    GateStep,
    IfStep,
    LoopStep,
    MapStep,
    MergeStep,
    ParallelStep,
    ProcessorStep,
    RouteStep,
    SelectStep,
    TryStep,
    UseStep,
    WhenStep,
)
from server.bal.slots import render_value
from server.engine.constructs_again import run_loop, run_try
from server.engine.constructs_choice import run_chain, run_gate, run_if, run_route, run_when
from server.engine.constructs_leaf import calculate_formula, calculate_shape, run_call, run_use
from server.engine.constructs_many import run_filter, run_map, run_parallel
from server.engine.frame import Frame
from server.engine.host import Cancelled, Host, Outcome, StepFailed
from server.engine.memory import Memory
from server.engine.walk import NO_EDITS, Calculation, Construct, Walk, memory_of

CONSTRUCTS: Final[dict[type, Construct]] = {
    CallStep: run_call,
    UseStep: run_use,
    ChainStep: run_chain,
    ParallelStep: run_parallel,
    IfStep: run_if,
    GateStep: run_gate,
    LoopStep: run_loop,
    MapStep: run_map,
    FilterStep: run_filter,
    TryStep: run_try,
    RouteStep: run_route,
    WhenStep: run_when,
}
CALCULATIONS: Final[dict[type, Calculation]] = {
    SelectStep: calculate_shape,
    MergeStep: calculate_shape,
    ProcessorStep: calculate_formula,
}


class NoInput:
    """Nobody gave an input: `run(…)` of the program counts, else null."""


NO_INPUT: Final = NoInput()


async def walk(
    plan: Plan,
    value: Any,
    host: Host,
    *,
    entry: str | None = None,
    edits: Mapping[str, Any] = NO_EDITS,
) -> Outcome:
    """Walks the composition, or the one entity `entry`. `edits` are results that a person put in
    the place of those of blocks and calculations. Suspended passes through: the walk is
    then done again later and finds what was recorded."""
    memory = memory_of(host)
    given = default_input(plan, memory) if isinstance(value, NoInput) else value
    steps = plan.entry(entry)
    try:
        output = await Walk(plan, given, host, CONSTRUCTS, CALCULATIONS, edits).block(
            steps, given, Frame(memory, {})
        )
    except StepFailed as failed:
        return Outcome("failed", None, failed.failure)
    except Cancelled:
        return Outcome("cancelled")
    return Outcome("completed", output)


def default_input(plan: Plan, memory: Memory) -> Any:
    """The value of `run(…)` with its slots filled."""
    return render_value(plan.run[0], Scope(names=memory)) if plan.run else None
