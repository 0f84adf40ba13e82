"""How often a run will ask its entities, known before it starts, as an estimate of the cost needs.
`fewest` is the cheapest way through when nothing fails, `most` the dearest one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from server.bal.plan_steps import (
    AnyStep,
    CallStep,
    ChainStep,
    FilterStep,
    GateStep,
    IfStep,
    LoopStep,
    MapStep,
    ParallelStep,
    RouteStep,
    Steps,
    TryStep,
    WhenStep,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """`most` is null when it depends on the length of a list."""

    fewest: int = 0
    most: int | None = 0

    def __add__(self, other: Calls) -> Calls:
        unknown = self.most is None or other.most is None
        most = None if unknown else (self.most or 0) + (other.most or 0)
        return Calls(self.fewest + other.fewest, most)

    def times(self, fewest: int, most: int | None) -> Calls:
        if self.most == 0:
            return Calls()
        unknown = self.most is None or most is None
        return Calls(self.fewest * fewest, None if unknown else (self.most or 0) * (most or 0))


ONE = Calls(1, 1)


def calls_of(steps: Steps) -> Calls:
    return sum((_calls(step) for step in steps), Calls())


def _calls(step: AnyStep) -> Calls:
    match step:
        case CallStep():
            return ONE
        case ChainStep(body=body):
            return calls_of(body)
        case ParallelStep(branches=branches):
            return sum((calls_of(branch.body) for branch in branches), Calls())
        case IfStep(cases=cases, otherwise=otherwise):
            return _one_of([*(calls_of(case.body) for case in cases), calls_of(otherwise or ())])
        case GateStep(body=body):
            return calls_of(body).times(0, 1)
        case LoopStep(body=body, until=until, max=rounds):
            return calls_of(body).times(rounds if until is None else 1, rounds)
        case MapStep(body=body) | FilterStep(body=body):
            return calls_of(body).times(0, None)
        case TryStep():
            return _attempted(step)
        case RouteStep(arms=arms, classifier=classifier):
            asked = Calls() if classifier is None else ONE
            return asked + _one_of(calls_of(arm.body) for arm in arms)
        case WhenStep(arms=arms):
            missing = [Calls()] if len(arms) < 2 else []
            return ONE + _one_of([*(calls_of(arm.body) for arm in arms), *missing])
        case _:
            return Calls()


def _attempted(step: TryStep) -> Calls:
    body = calls_of(step.body).times(1, step.retries + 1)
    return body + calls_of(step.catch or ()).times(0, 1) + calls_of(step.final or ())


def _one_of(ways: Iterable[Calls]) -> Calls:
    found = list(ways)
    most = [way.most for way in found if way.most is not None]
    fewest = min(way.fewest for way in found)
    return Calls(fewest, max(most) if len(most) == len(found) else None)
