"""Walking a recorded execution again without calling anybody: the same program with the same
results must ask for the same things and come to the same answer. Where it does not, an execution
that is under way would be broken by today's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.bal.plan import Plan
from server.engine.decisions import Decision, remedy_of
from server.engine.durable import reserved_of
from server.engine.facts import failure_of
from server.engine.host import (
    EntityCall,
    Failure,
    Limits,
    Outcome,
    Recorded,
    Remedy,
    StepEnd,
    StepSkipped,
    StepStart,
    Suspended,
    ToolCall,
)
from server.engine.modified import EDITED
from server.engine.walker import walk

CALLS = frozenset({"entity", "use"})


class HistoryChanged(Exception):
    """Today's engine does not do what was recorded."""


@dataclass(frozen=True, slots=True)
class Command:
    """A call that the program made: what, and with which input."""

    type: str
    name: str
    input: Any


@dataclass(frozen=True, slots=True)
class History:
    """`recorded`: what each finished call and each remembered value was, by its key."""

    plan: dict[str, Any]
    input: Any
    trigger: dict[str, Any]
    recorded: Mapping[str, Recorded]
    commands: Mapping[str, Command]
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan,
            "input": self.input,
            "trigger": self.trigger,
            "recorded": {key: _recorded_json(one) for key, one in self.recorded.items()},
            "commands": {
                key: [one.type, one.name, one.input] for key, one in self.commands.items()
            },
            "status": self.outcome.status,
            "output": self.outcome.output,
            "error": None if self.outcome.error is None else self.outcome.error.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> History:
        return cls(
            plan=data["plan"],
            input=data["input"],
            trigger=data["trigger"],
            recorded={
                key: Recorded(one.get("output"), failure_of(one.get("error")))
                for key, one in data["recorded"].items()
            },
            commands={key: Command(*one) for key, one in data["commands"].items()},
            outcome=Outcome(data["status"], data["output"], failure_of(data["error"])),
        )


def _recorded_json(one: Recorded) -> dict[str, Any]:
    if one.error is None:
        return {"output": one.output}
    return {"output": one.output, "error": one.error.to_json()}


async def replay(history: History) -> None:
    """Raises HistoryChanged with the first difference."""
    host = ReplayHost(history.recorded, history.trigger)
    try:
        outcome = await walk(Plan.from_json(history.plan), history.input, host, edits=host.edits)
    except Suspended:
        raise HistoryChanged(f"It now calls `{host.asked[0]}`, which was not called.") from None
    _compare(history.commands, host.commands)
    if outcome != history.outcome:
        raise HistoryChanged(f"It now ends {outcome}, and ended {history.outcome}.")


async def next_calls(history: History, without: set[str]) -> list[str]:
    """What is asked for when these results are not there yet: as after a lost worker."""
    rest = {key: one for key, one in history.recorded.items() if key not in without}
    host = ReplayHost(rest, history.trigger)
    try:
        await walk(Plan.from_json(history.plan), history.input, host, edits=host.edits)
    except Suspended:
        return host.asked
    return []


def _compare(then: Mapping[str, Command], now: Mapping[str, Command]) -> None:
    for key, command in then.items():
        if key not in now:
            raise HistoryChanged(f"It does not call `{key}` any more.")
        if now[key] != command:
            raise HistoryChanged(f"It now calls `{key}` with {now[key]}, and did with {command}.")
    for key in now:
        if key not in then:
            raise HistoryChanged(f"It now calls `{key}`, which was not called.")


@dataclass
class ReplayHost:
    """Answers from what was recorded and nothing else."""

    recorded: Mapping[str, Recorded]
    trigger: dict[str, Any]
    limits: Limits = field(default_factory=Limits)
    commands: dict[str, Command] = field(default_factory=dict[str, Command])
    asked: list[str] = field(default_factory=list[str])

    @property
    def edits(self) -> dict[str, Any]:
        return {
            key.removesuffix(EDITED): one.output
            for key, one in self.recorded.items()
            if key.endswith(EDITED)
        }

    def recall(self, key: str) -> Recorded | None:
        return self.recorded.get(key)

    def remember(self, key: str, value: Any) -> None:
        self.recorded = {**self.recorded, key: Recorded(value)}

    def reserved(self, name: str) -> Any:
        return None if name == "run" else reserved_of(self.trigger, name)

    def step_started(self, step: StepStart) -> None:
        if step.type in CALLS:
            self.commands[step.key] = Command(step.type, step.name, step.input)

    def step_ended(self, step: StepEnd) -> None:
        """The walk itself is what counts."""

    def step_skipped(self, step: StepSkipped) -> None:
        """The walk itself is what counts."""

    async def call_entity(self, call: EntityCall) -> Any:
        self.asked.append(call.key)
        raise Suspended

    async def call_tool(self, call: ToolCall) -> Any:
        self.asked.append(call.key)
        raise Suspended

    async def wait(self, key: str, seconds: float) -> None:
        """It was waited for then."""

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        earlier = self.recorded.get(f"{key}#remedies")
        number = 1 if earlier is None else earlier.output + 1
        decided = self.recorded.get(f"{key}#remedy[{number}]")
        if decided is None:
            self.asked.append(key)
            raise Suspended
        return remedy_of(Decision.from_json(decided.output))

    def checkpoint(self) -> None:
        """Nobody stops it."""

    async def breathe(self) -> None:
        await asyncio.sleep(0)
