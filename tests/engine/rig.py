"""A host for the walker that records like a database and answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.planner import plan
from server.engine.host import (
    EntityCall,
    Failure,
    Limits,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    ToolCall,
)

Answer = Callable[[EntityCall], Awaitable[Any]]
ENTITIES = "".join(f'{name} {{ goal: "g" }}\n' for name in "abcd")


def planned(source: str) -> Plan:
    report = check(ENTITIES + source)
    assert report.ok, report.diagnostics
    return plan(report.program)


class Rig:
    """A host that records like a database and answers as the test says."""

    def __init__(self, answer: Answer, recorded: dict[str, Recorded] | None = None) -> None:
        self.limits = Limits()
        self.answer = answer
        self.recorded = dict(recorded or {})
        self.called: list[str] = []
        self.statuses: dict[str, str] = {}
        self.started: list[StepStart] = []
        self.checkpoint: Callable[[], None] = lambda: None
        self.remedies: list[Remedy] = []
        self.waited: list[tuple[str, float]] = []
        self.cost = 0

    async def call_entity(self, call: EntityCall) -> Any:
        self.called.append(call.key)
        try:
            output = await self.answer(call)
        except StepFailed as failed:
            self.recorded[call.key] = Recorded(error=failed.failure)
            raise
        self.recorded[call.key] = Recorded(output)
        return output

    async def call_tool(self, call: ToolCall) -> Any:
        self.called.append(call.key)
        self.recorded[call.key] = Recorded({"done": call.arguments})
        return {"done": call.arguments}

    async def wait(self, key: str, seconds: float) -> None:
        self.waited.append((key, seconds))

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        return self.remedies.pop(0)

    def recall(self, key: str) -> Recorded | None:
        return self.recorded.get(key)

    def remember(self, key: str, value: Any) -> None:
        self.recorded[key] = Recorded(value)

    def reserved(self, name: str) -> Any:
        return {"cost": self.cost} if name == "run" else None

    async def breathe(self) -> None:
        await asyncio.sleep(0)

    def step_started(self, step: StepStart) -> None:
        self.started.append(step)
        self.statuses[step.key] = "running"

    def step_ended(self, step: StepEnd) -> None:
        self.statuses[step.key] = step.status

    def step_skipped(self, step: StepSkipped) -> None:
        self.statuses[step.key] = "skipped"


async def echo(call: EntityCall) -> Any:
    return call.input
