"""Through the steps of a program, whatever their kind."""

from __future__ import annotations

from collections.abc import Iterator

from server.bal.nodes import (
    Block,
    Call,
    Chain,
    Condition,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Name,
    Parallel,
    Processor,
    Program,
    Route,
    Step,
    Try,
    When,
)


def all_steps(program: Program) -> Iterator[Step]:
    """Every step at every depth, in written order."""
    waiting = list(reversed(program.steps))
    while waiting:
        step = waiting.pop()
        yield step
        waiting.extend(reversed(children(step)))


def children(step: Step) -> tuple[Step, ...]:
    """The steps directly inside this one, in written order."""
    match step:
        case Chain(body=body) | Loop(body=body) | Map(body=body) | Filter(body=body):
            return body.steps
        case Gate(body=body):
            return body.steps
        case Parallel(branches=branches):
            return tuple(branch.step for branch in branches)
        case If(then=then, otherwise=otherwise):
            return (*then.steps, *_otherwise(otherwise))
        case Try(body=body, catch=catch, final=final):
            return (*body.steps, *_steps(catch), *_steps(final))
        case Route(arms=arms) | When(arms=arms):
            return tuple(inner for arm in arms for inner in arm_steps(arm.body))
        case _:
            return ()


def arm_steps(body: Step | Block) -> tuple[Step, ...]:
    return body.steps if isinstance(body, Block) else (body,)


def entity_reference(step: Step) -> Name | None:
    """The entity that this step itself calls."""
    match step:
        case Call(entity=name) | When(entity=name):
            return name
        case Route(classifier=classifier):
            return classifier if isinstance(classifier, Name) else None
        case _:
            return None


def conditions_of(step: Step) -> tuple[Condition, ...]:
    """The quoted expressions of this step itself."""
    match step:
        case If(condition=condition) | Gate(condition=condition) | Filter(condition=condition):
            return (condition,)
        case Route(classifier=classifier):
            return (classifier,) if isinstance(classifier, Condition) else ()
        case Processor(expression=expression):
            return (expression,)
        case Loop():
            until = until_of(step)
            return (until,) if until else ()
        case _:
            return ()


def until_of(loop: Loop) -> Condition | None:
    for setting in loop.settings:
        if isinstance(setting.value, Condition):
            return setting.value
    return None


def _steps(block: Block | None) -> tuple[Step, ...]:
    return block.steps if block else ()


def _otherwise(node: Block | If | None) -> tuple[Step, ...]:
    if isinstance(node, If):
        return (node,)
    return _steps(node)
