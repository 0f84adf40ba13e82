"""`bal run`: a program with no server and no database, by the same walker as in production."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from server.bal.checker import check
from server.bal.plan import EntityPlan, Plan
from server.bal.planner import plan
from server.engine.canned import Replies
from server.engine.entities import SchemaMismatch, issues_of
from server.engine.host import (
    EntityCall,
    Failure,
    Limits,
    Outcome,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    ToolCall,
)
from server.engine.offline_tools import BUILT_INS, OfflineTools
from server.engine.tool_loop import answer_with_tools
from server.engine.toolbox import Toolbox
from server.engine.walker import NO_INPUT, walk
from server.llm.demo import DemoModel
from server.llm.messages import ModelAnswer
from server.tools.base import Tool

SECONDS = 60.0
SPAWN = "spawn_baleybot"

Ask = Callable[[EntityCall], Awaitable[Any]]


class OfflineHost:
    """`ask` answers the entities when there are no replies; else the demo model does, with those
    tools that work here."""

    def __init__(self, program: Plan, replies: Replies | None, ask: Ask | None = None) -> None:
        self.limits = Limits(items_at_once=1)
        self.calls: list[list[Any]] = []
        self.statuses: dict[str, str] = {}
        self._plan = program
        self._replies = replies
        self._ask = ask or self._ask_demo
        self._tools = OfflineTools()

    async def call_entity(self, call: EntityCall) -> Any:
        self.calls.append([call.entity.name, call.input, call.context])
        if self._replies is None:
            return await self._ask(call)
        answer = self._replies.answer(call.entity.name, call.input)
        issues = issues_of(call, answer) if call.strict else []
        if issues:
            raise SchemaMismatch(call.entity.name, issues)
        return answer

    async def call_tool(self, call: ToolCall) -> Any:
        if call.tool == SPAWN and self._knows_bot(call.arguments.get("baleybot")):
            return await self._spawn(call, str(call.arguments["baleybot"]))
        if self._replies is None:
            self.calls.append([call.tool, call.arguments, None])
            return await self._tools.use(call.tool, call.arguments)
        if call.tool not in self._replies:
            message = f"There is no tool `{call.tool}` among the replies."
            raise StepFailed("tool_not_found", message, entity=call.tool)
        self.calls.append([call.tool, call.arguments, None])
        return self._replies.answer(call.tool, call.arguments)

    # --- the demo model and its tools (Hands)

    async def _ask_demo(self, call: EntityCall) -> Any:
        """Of its tools it gets those that there are here."""
        entity = call.entity
        known = {
            "tools": tuple(name for name in entity.tools if BUILT_INS.get(name)),
            "can_request": tuple(name for name in entity.can_request if BUILT_INS.get(name)),
        }
        call = replace(call, entity=replace(entity, **known))
        box = Toolbox(call, BUILT_INS, self)
        return await answer_with_tools(call, DemoModel(pace=0).chat, box, _keep_nothing)

    async def tool_step(
        self, key: str, call: EntityCall, tool: Tool, arguments: dict[str, Any], permit: bool
    ) -> Any:
        if permit:
            message = f"The run would wait for a person here: may `{tool.name}` be used?"
            raise StepFailed("approval_required", message, entity=tool.name, catchable=False)
        return await self.call_tool(ToolCall(key, tool.name, arguments))

    def refused(self, key: str, tool: str, reason: str) -> None:
        """The model is told; nobody else listens here."""

    def refusal(self, key: str) -> str | None:
        """A run is in one piece here."""
        return None

    def is_done(self, key: str) -> bool:
        return False

    def _knows_bot(self, name: Any) -> bool:
        """In the same file, else under its own name in the replies."""
        if name in self._plan.entities:
            return True
        replies = self._replies
        return replies is not None and SPAWN not in replies and name in replies

    async def _spawn(self, call: ToolCall, name: str) -> Any:
        entity = self._plan.entities.get(name, EntityPlan(name, ""))
        given = call.arguments.get("input")
        output = await self.call_entity(
            EntityCall(call.key, entity, given, None, self._plan.strict)
        )
        return {"output": output, "executionId": None, "durationMs": 0}

    async def wait(self, key: str, seconds: float) -> None:
        """Nobody waits here between attempts."""

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        message = f"The run would wait for a person here: {failure.message}"
        raise StepFailed("approval_required", message, entity=failure.entity, catchable=False)

    def recall(self, key: str) -> Recorded | None:
        return None

    def remember(self, key: str, value: Any) -> None:
        """Nothing is ever replayed here."""

    def reserved(self, name: str) -> Any:
        return RESERVED.get(name)

    def step_started(self, step: StepStart) -> None:
        self.statuses[step.key] = "running"

    def step_ended(self, step: StepEnd) -> None:
        self.statuses[step.key] = step.status

    def step_skipped(self, step: StepSkipped) -> None:
        self.statuses[step.key] = "skipped"

    def checkpoint(self) -> None:
        """Nobody can stop this run but the clock around it."""

    async def breathe(self) -> None:
        await asyncio.sleep(0)


def _keep_nothing(answer: ModelAnswer) -> None:
    """Nothing is ever gone on with here."""


RESERVED: dict[str, Any] = {
    "user": {"id": None, "name": None, "email": None},
    "trigger": {"kind": "manual", "name": None, "at": None, "data": None},
    "run": {"id": None, "cost": 0, "tokens": 0, "duration_ms": 0},
}


@dataclass(frozen=True, slots=True)
class OfflineRun:
    outcome: Outcome
    calls: list[list[Any]]

    def to_json(self) -> dict[str, Any]:
        """What `bal run --json` prints."""
        error = self.outcome.error
        return {
            "status": self.outcome.status,
            "output": self.outcome.output,
            "error": None if error is None else error.to_json(),
            "calls": self.calls,
        }


async def run_source(
    source: str,
    value: Any = NO_INPUT,
    replies: Any = None,
    *,
    ask: Ask | None = None,
    seconds: float = SECONDS,
) -> OfflineRun:
    """Without `replies` entities are answered by the demo model. RepliesUnreadable when these are
    not of the documented form."""
    canned = None if replies is None else Replies(replies)
    report = check(source)
    mistake = next((one for one in report.diagnostics if one.severity == "error"), None)
    if mistake is not None:
        return OfflineRun(Outcome("failed", None, Failure(mistake.kind, mistake.message)), [])
    program = plan(report.program)
    host = OfflineHost(program, canned, ask)
    return OfflineRun(await _walk(program, value, host, seconds), host.calls)


async def _walk(program: Plan, value: Any, host: OfflineHost, seconds: float) -> Outcome:
    try:
        async with asyncio.timeout(seconds):
            return await walk(program, value, host)
    except TimeoutError:
        message = f"The run took longer than {seconds:g} seconds."
        return Outcome("failed", None, Failure("timeout", message))
