"""What was under way when the workers of an execution were lost, as its rows tell it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from server.engine.host import Failure
from server.engine.store import StepRow
from server.models.enums import StepStatus

CALLS = frozenset({"entity", "use", "tool"})
MOST_NAMED = 5


def in_flight(steps: Sequence[StepRow], resting: Collection[str]) -> list[StepRow]:
    """Of what is open the innermost that the last worker had begun, in the order of the program.
    What only waits for something outside (`resting`) is named when there is nothing else."""
    around = {step.parent_key for step in steps}
    running = [step for step in steps if step.status is StepStatus.RUNNING]
    inner = [step for step in running if step.key not in around]
    last = max((step.attempt for step in inner), default=0)
    begun = [step for step in inner if step.attempt == last]
    at_work = [step for step in begun if step.key not in resting]
    return sorted(at_work or begun, key=lambda step: (step.position, step.key))


def with_around(steps: Sequence[StepRow], failed: Sequence[StepRow]) -> set[str]:
    """The keys of these and of every block that stands around one of them."""
    parents = {step.key: step.parent_key for step in steps}
    found = set[str]()
    for step in failed:
        key: str | None = step.key
        while key is not None and key not in found:
            found.add(key)
            key = parents.get(key)
    return found


def failure(losses: int, steps: Sequence[StepRow]) -> Failure:
    return Failure("worker_lost", _message(losses, steps), _entity(steps))


def _message(losses: int, steps: Sequence[StepRow]) -> str:
    if not steps:
        return f"{losses} workers were lost before a step had begun; it is not tried again."
    if len(steps) == 1:
        name = steps[0].name
        return f"{losses} workers were lost at the same step, `{name}`; it is not tried again."
    named = [
        f"`{name}`" + (f" ({times} times)" if times > 1 else "")
        for name, times in Counter(step.name for step in steps).items()
    ]
    if len(named) > MOST_NAMED:
        named[MOST_NAMED:] = [f"{len(named) - MOST_NAMED} more"]
    words = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return (
        f"{losses} workers were lost while these were under way side by side: {words}; "
        "they are not tried again."
    )


def _entity(steps: Sequence[StepRow]) -> str | None:
    return steps[0].name if steps and steps[0].type in CALLS else None
