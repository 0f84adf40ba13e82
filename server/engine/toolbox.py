"""The tools in the hands of one entity during one of its calls: what it may use, what is refused
and told to the model, what has been asked too often."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from server.bal.keys import LONGEST_LABEL, child_key
from server.bal.values import is_list, is_object, text_of
from server.core.jsontext import dumps
from server.core.step_time import part
from server.engine.host import EntityCall, Failure, StepFailed
from server.engine.side_by_side import side_by_side
from server.engine.tool_loop import ToolResult
from server.engine.tool_steps import LetFail
from server.engine.turns import turn_key
from server.engine.vanished import missed_by_call, missed_by_entity
from server.llm.messages import ToolCall as Asked
from server.llm.messages import ToolSpec
from server.tools.base import Tool
from server.tools.catalogue import Catalogue
from server.tools.wrappers import ArgumentsRefused

AT_ONCE = 20
REFUSED_TURNS = 3
SAME_CALLS = 3
LONGEST_TOLD = 200_000


class Hands(Protocol):
    """What carries out a call that is allowed."""

    async def tool_step(
        self, key: str, call: EntityCall, tool: Tool, arguments: dict[str, Any], permit: bool
    ) -> Any:
        """The result, of an earlier taking or a new one; StepFailed when there is none. `permit`:
        a person has to agree first."""
        ...

    def refused(self, key: str, tool: str, reason: str) -> None: ...

    def refusal(self, key: str) -> str | None:
        """Why an earlier taking has refused this call."""
        ...

    def is_done(self, key: str) -> bool:
        """An earlier taking has made this call, or has asked a person for it."""
        ...


class Toolbox:
    def __init__(self, call: EntityCall, catalogue: Catalogue, hands: Hands) -> None:
        entity = call.entity
        self._call = call
        self._hands = hands
        self._catalogue = catalogue
        self._free = {name: _known(catalogue, name, entity.name) for name in entity.tools}
        asked_for = (name for name in entity.can_request if name not in self._free)
        self._on_request = {name: _known(catalogue, name, entity.name) for name in asked_for}
        self._same: Counter[str] = Counter()
        self._refused_turns = 0

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        free = [_spec(tool) for tool in self._free.values()]
        on_request = [_spec(tool, asks=True) for tool in self._on_request.values()]
        return (*free, *on_request)

    async def answer(self, turn: int, calls: tuple[Asked, ...]) -> list[ToolResult]:
        keys = keys_of_calls(turn_key(self._call, turn), calls)
        refusals: list[str] = []

        async def one(place: int) -> ToolResult:
            asked, key = calls[place], keys[place]
            reason = reasons[place]
            if reason is None:
                with part():
                    return await self._done(key, asked)
            refusals.append(reason)
            self._hands.refused(key, asked.name, reason)
            return ToolResult(asked, f"Refused: {reason}", done=False)

        reasons = [
            self._hands.refusal(keys[place]) or self._refusal(place, asked, keys[place])
            for place, asked in enumerate(calls)
        ]
        results = await side_by_side(len(calls), one, at_once=AT_ONCE, stop=True)
        self._count(refusals)
        return results

    # --- inside

    def _refusal(self, place: int, asked: Asked, key: str) -> str | None:
        """What was done in an earlier taking stays done, whatever a person has changed since."""
        if self._is_strange(asked.name) and not self._hands.is_done(key):
            listed = ", ".join(f"`{name}`" for name in (*self._free, *self._on_request))
            can = f"You can call {listed}." if listed else "You have no tools."
            return f"There is no tool `{asked.name}` for you. {can}"
        if place >= AT_ONCE:
            return f"At most {AT_ONCE} calls at once; make this one again later if it is needed."
        arguments = asked.read_arguments()
        if arguments is None:
            return f"The arguments of `{asked.name}` are not a JSON object."
        if issues := self._tool(asked.name).issues(arguments):
            return ArgumentsRefused(asked.name, issues).message
        same = f"{asked.name} {_canonical(arguments)}"
        self._same[same] += 1
        if self._same[same] >= SAME_CALLS:
            return (
                f"`{asked.name}` was called {SAME_CALLS - 1} times with just these arguments. "
                "Use the answers you have."
            )
        return None

    def _is_strange(self, name: str) -> bool:
        return name not in self._free and name not in self._on_request

    def _tool(self, name: str) -> Tool:
        if self._is_strange(name):
            tool = self._catalogue.get(name)
            if tool is None:
                raise missed_by_call(name, self._call.entity.name)
            return tool
        return self._on_request[name] if name in self._on_request else self._free[name]

    async def _done(self, key: str, asked: Asked) -> ToolResult:
        tool, permit = self._tool(asked.name), asked.name in self._on_request
        arguments = asked.read_arguments() or {}
        try:
            value = await self._hands.tool_step(key, self._call, tool, arguments, permit)
        except StepFailed as failed:
            if not failed.catchable or isinstance(failed, LetFail):
                raise
            return ToolResult(asked, _told_failure(failed.failure), done=False)
        return ToolResult(asked, _shortened(text_of(value)), True, value)

    def _count(self, refusals: list[str]) -> None:
        """A model that goes on asking for what it was refused does not come to an answer."""
        self._refused_turns += bool(refusals)
        if self._refused_turns > REFUSED_TURNS:
            name = self._call.entity.name
            message = f"`{name}` was refused {self._refused_turns} times. Lastly: {refusals[-1]}"
            raise StepFailed("entity_failed", message, entity=name)


def _known(catalogue: Catalogue, name: str, entity: str) -> Tool:
    tool = catalogue.get(name)
    if tool is None:
        raise missed_by_entity(name, entity)
    return tool


def _spec(tool: Tool, *, asks: bool = False) -> ToolSpec:
    note = " A person has to agree to each call." if asks else ""
    return ToolSpec(tool.name, tool.description + note, tool.schema)


def keys_of_calls(turn: str, calls: tuple[Asked, ...]) -> list[str]:
    """`writer/turn[2]/wait`, the second call of the same tool `writer/turn[2]/wait~2`."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for asked in calls:
        name = asked.name[:LONGEST_LABEL]
        seen[name] += 1
        keys.append(child_key(turn, name if seen[name] == 1 else f"{name}~{seen[name]}"))
    return keys


def _canonical(value: Any) -> str:
    """Equal for equal arguments, in whatever order a model writes them."""
    if is_object(value):
        parts = sorted(f"{dumps(name)}:{_canonical(one)}" for name, one in value.items())
        return "{" + ",".join(parts) + "}"
    if is_list(value):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return dumps(value)


def _told_failure(failure: Failure) -> str:
    return f"Failed ({failure.kind}): {failure.message}"


def _shortened(text: str) -> str:
    """The whole result is kept with the step; a model is not drowned in it."""
    if len(text) <= LONGEST_TOLD:
        return text
    return f"{text[:LONGEST_TOLD]}\n(cut: {len(text) - LONGEST_TOLD} more characters)"
