"""An entity with tools: the model asks, the tools answer, until the model has said what it has to
say or a limit stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from server.engine.entities import Chat, fitting, read_answer, request_for, settled_answer
from server.engine.host import EntityCall, StepFailed
from server.llm.messages import ChatRequest, Message, ModelAnswer, ToolSpec
from server.llm.messages import ToolCall as Asked

MOST_TURNS = 25
MOST_TURNS_EVER = 100


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one call came to: `text` is told to the model, `value` is null unless it was done."""

    asked: Asked
    text: str
    done: bool
    value: Any = None


class Tools(Protocol):
    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told of them."""
        ...

    async def answer(self, turn: int, calls: tuple[Asked, ...]) -> list[ToolResult]:
        """The results in the order of the calls. StepFailed when the entity has to end."""
        ...


@dataclass(frozen=True, slots=True)
class StopWhen:
    """`stopWhen` of an entity. Whoever names a number of steps wants to end there; without one the
    number only keeps a loop from going on for ever."""

    turns: int = MOST_TURNS
    wanted: bool = False
    tool: str | None = None

    @classmethod
    def read(cls, text: str | None) -> StopWhen:
        kind, _, rest = (text or "").partition(":")
        if kind == "stepCount":
            return cls(min(int(rest), MOST_TURNS_EVER), wanted=True)
        return cls(tool=rest) if kind == "hasToolResult" else cls()


async def answer_with_tools(
    call: EntityCall,
    chat: Chat,
    tools: Tools,
    keep: Callable[[ModelAnswer], None],
    history: tuple[Message, ...] = (),
) -> object:
    """The value of the entity's answer. `keep` hears of every answer that is not the last one,
    before anything is done about it."""
    stop = StopWhen.read(call.entity.stop_when)
    request = request_for(call, history, tools.specs)
    turn = 0
    while True:
        turn += 1
        answer = await chat(request)
        if not answer.tool_calls:
            return await _settled(call, request, answer, chat, keep)
        if turn >= stop.turns and not stop.wanted:
            raise _endless(call, stop.turns)
        keep(answer)
        results = await tools.answer(turn, answer.tool_calls)
        if turn >= stop.turns or _has_result(results, stop.tool):
            return _value_at_stop(call, answer, results, stop.tool)
        request = _continued(request, answer, results)


async def _settled(
    call: EntityCall,
    request: ChatRequest,
    answer: ModelAnswer,
    chat: Chat,
    keep: Callable[[ModelAnswer], None],
) -> object:
    async def once_more(repair: ChatRequest) -> ModelAnswer:
        keep(answer)
        return await chat(replace(repair, tools=()))

    return await settled_answer(call, request, answer, once_more)


def _continued(request: ChatRequest, answer: ModelAnswer, results: list[ToolResult]) -> ChatRequest:
    said = Message("assistant", answer.text, tool_calls=answer.tool_calls)
    told = [
        Message("tool", one.text, tool_call_id=one.asked.id, name=one.asked.name) for one in results
    ]
    return replace(request, messages=(*request.messages, said, *told))


def _has_result(results: list[ToolResult], tool: str | None) -> bool:
    return any(one.done and one.asked.name == tool for one in results)


def _value_at_stop(
    call: EntityCall, answer: ModelAnswer, results: list[ToolResult], tool: str | None
) -> object:
    """What the model said beside its calls, else what the last tool gave."""
    if answer.text.strip():
        return read_answer(call, answer)
    given = [one.value for one in results if one.done and tool in (None, one.asked.name)]
    return fitting(call, given[-1] if given else None)


def _endless(call: EntityCall, turns: int) -> StepFailed:
    name = call.entity.name
    message = (
        f"`{name}` asked for tools {turns} times and came to no answer. Say in its goal when it "
        f"is done, or set `stopWhen`."
    )
    return StepFailed("budget_exceeded", message, entity=name)
