"""The table of tools, and what stands around every call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from server.core.errors import Unavailable
from server.core.ids import new_uuid
from server.tools.base import Tool, ToolContext, ToolFailed, idempotency_key
from server.tools.catalogue import BUILT_IN, Catalogue, catalogue
from server.tools.wrappers import ArgumentsRefused, wrapped
from tests.support.tools import INPUT


class Now:
    def now(self) -> datetime:
        return datetime(2027, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


CONTEXT = ToolContext(
    workspace_id=new_uuid(),
    bot_id=new_uuid(),
    execution_id=new_uuid(),
    step_key="s",
    idempotency_key="k",
    clock=Now(),
    family=None,  # type: ignore[arg-type]
)


def tool(run: Any, **more: Any) -> Tool:
    return Tool("t", "A tool.", run, input=INPUT, **more)


async def called(one: Tool, arguments: Any = None) -> Any:
    return await wrapped()(one, {"text": "x"} if arguments is None else arguments, CONTEXT)


async def test_every_tool_has_a_name_a_description_and_a_schema_for_models() -> None:
    known = await catalogue(new_uuid())
    assert known.names == {one.name for one in BUILT_IN}
    for one in known.tools:
        assert one.name.isidentifier()
        assert one.description.endswith(".")
        assert one.schema["type"] == "object"
        assert one.schema["additionalProperties"] is False


def test_of_two_tools_with_one_name_the_later_counts() -> None:
    first, second = tool(None), tool(None, idempotent=False)
    assert Catalogue([first, second]).get("t") is second


async def test_arguments_are_looked_at_before_the_tool_is() -> None:
    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        raise AssertionError

    for arguments in ({}, {"text": 1}, {"text": "x", "other": 1}):
        with pytest.raises(ArgumentsRefused):
            await called(tool(run), arguments)


async def test_a_tool_has_its_time_and_no_more() -> None:
    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(ToolFailed, match=r"`t` gave no answer within 0.01 s\.") as late:
        await called(tool(run, timeout=0.01))
    assert (late.value.kind, late.value.retryable) == ("timeout", True)


async def test_a_tool_that_breaks_fails_its_step_and_hides_its_inside() -> None:
    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        raise KeyError("secret")

    with pytest.raises(ToolFailed, match=r"^`t` broke: KeyError\.$"):
        await called(tool(run))


async def test_a_database_that_is_away_may_be_tried_again() -> None:
    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        raise Unavailable

    with pytest.raises(ToolFailed) as away:
        await called(tool(run))
    assert (away.value.kind, away.value.retryable) == ("unavailable", True)


async def test_a_tool_is_called_only_so_often_at_once() -> None:
    now, most = 0, 0

    async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    call, one = wrapped(), tool(run, at_once=3)
    await asyncio.gather(*[call(one, {"text": "x"}, CONTEXT) for _ in range(10)])
    assert most == 3


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("use:send", "e:use:send:1"),
        ("map[3]/use:send", "e:map[]/use:send:3"),
        ("writer/turn[2]/send~2", "e:writer/turn[]/send~2:2"),
        ("try[2]/loop[7]/use:send", "e:try[]/loop[]/use:send:2.7"),
    ],
)
def test_the_idempotency_key_is_execution_step_and_iteration(key: str, expected: str) -> None:
    assert idempotency_key("e", key) == expected


def test_two_steps_never_share_an_idempotency_key() -> None:
    keys = ["try[2]/try/use", "try/try[2]/use", "try/try/use", "a[1]/b[2]", "a[1.2]/b"]
    assert len({idempotency_key("e", key) for key in keys}) == len(keys)
