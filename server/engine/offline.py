"""`bal run`: a program with no server and no database, by the same walker as in production."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.planner import plan
from server.bal.types import TypeMistake, parse_type, validate
from server.bal.values import look_into
from server.engine.canned import Replies
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
from server.engine.walker import NO_INPUT, walk

SECONDS = 60.0
SPAWN = "spawn_baleybot"

Ask = Callable[[EntityCall], Awaitable[Any]]


class OfflineHost:
    """`ask` answers entities when there are no replies: the demo model, or a test."""

    def __init__(self, program: Plan, replies: Replies | None, ask: Ask | None = None) -> None:
        self.limits = Limits(items_at_once=1)
        self.calls: list[list[Any]] = []
        self.statuses: dict[str, str] = {}
        self._plan = program
        self._replies = replies
        self._ask = ask

    async def call_entity(self, call: EntityCall) -> Any:
        self.calls.append([call.entity.name, call.input, call.context])
        if self._replies is None and self._ask is not None:
            return await self._ask(call)
        replies = self._replies or Replies({})
        answer = replies.answer(call.entity.name, call.input)
        if call.strict:
            check_answer(call, answer)
        return answer

    async def call_tool(self, call: ToolCall) -> Any:
        if call.tool == SPAWN:
            spawned = self._plan.entities.get(str(call.arguments.get("baleybot")))
            if spawned is not None:
                inner = EntityCall(
                    call.key, spawned, call.arguments.get("input"), None, self._plan.strict
                )
                output = await self.call_entity(inner)
                return {"output": output, "executionId": None, "durationMs": 0}
        if self._replies is None or call.tool not in self._replies:
            message = f"There is no tool `{call.tool}` here."
            raise StepFailed("tool_not_found", message, entity=call.tool)
        self.calls.append([call.tool, call.arguments, None])
        return self._replies.answer(call.tool, call.arguments)

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


RESERVED: dict[str, Any] = {
    "user": {"id": None, "name": None, "email": None},
    "trigger": {"kind": "manual", "name": None, "at": None, "data": None},
    "run": {"id": None, "cost": 0, "tokens": 0, "duration_ms": 0},
}


def check_answer(call: EntityCall, answer: Any) -> None:
    """Strict: the first thing in the answer that does not fit its output block fails the step."""
    name = call.entity.name
    wanted = None if call.entity.output is None else parse_type(call.entity.output)
    if wanted is None or isinstance(wanted, TypeMistake):
        return
    issues = validate(wanted, look_into(answer), strict=True)
    if issues:
        where = ".".join(str(part) for part in issues[0].path)
        message = f"The answer does not fit its output block: {where} {issues[0].message}".strip()
        raise StepFailed("schema_mismatch", message, entity=name)


def run_source(
    source: str, value: Any = NO_INPUT, replies: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The result as `bal run --json` prints it. RepliesUnreadable for replies of a wrong form."""
    return asyncio.run(run_program(source, value, replies))


async def run_program(
    source: str,
    value: Any = NO_INPUT,
    replies: dict[str, Any] | None = None,
    *,
    ask: Ask | None = None,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    canned = None if replies is None else Replies(replies)
    report = check(source)
    mistake = next((one for one in report.diagnostics if one.severity == "error"), None)
    if mistake is not None:
        return _result(Outcome("failed", None, Failure(mistake.kind, mistake.message)), [])
    program = plan(report.program)
    host = OfflineHost(program, canned, ask)
    return _result(await _walk(program, value, host, seconds), host.calls)


async def _walk(program: Plan, value: Any, host: OfflineHost, seconds: float) -> Outcome:
    try:
        async with asyncio.timeout(seconds):
            return await walk(program, value, host)
    except TimeoutError:
        return Outcome("failed", None, Failure("timeout", f"The run took longer than {seconds} s."))


def _result(outcome: Outcome, calls: list[list[Any]]) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "output": outcome.output,
        "error": None if outcome.error is None else outcome.error.to_json(),
        "calls": calls,
    }
