"""The three ways of asking for structure, with real litellm, and what an endpoint refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import Delta, ToolSpec
from server.llm.structured import ANSWER_TOOL
from tests.llm.conftest import MakeGateway, ask, both_ways
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
KNOWS_TOOLS_ONLY = "openai:gpt-4-turbo"
NATIVE = "openai:gpt-4o-mini"


@both_ways
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_model_that_knows_tools_gives_its_answer_as_arguments(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    models.default = Reply("", tool_calls=[(ANSWER_TOOL, {"a": "b c d"})], pieces=3)
    deltas: list[Delta] = []
    asked = ask(model=KNOWS_TOOLS_ONLY, output_schema=SCHEMA, stream=stream)
    answer = await make_gateway(fast).chat(asked, deltas.append)
    assert json.loads(answer.text) == {"a": "b c d"}
    assert (answer.tool_calls, answer.finish_reason) == ((), "stop")
    assert "".join(delta.text for delta in deltas) == answer.text
    assert {delta.kind for delta in deltas} == {"text"}
    sent = models.requests[0].body
    assert sent["tools"][0]["function"]["parameters"] == SCHEMA
    assert sent["tool_choice"]["function"]["name"] == ANSWER_TOOL


async def test_one_that_writes_text_all_the_same_is_read_all_the_same(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    models.default = Reply('{"a": "b"}')
    answer = await make_gateway().chat(ask(model=KNOWS_TOOLS_ONLY, output_schema=SCHEMA))
    assert answer.text == '{"a": "b"}'


async def test_an_entity_with_tools_is_told_in_words(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    search = ToolSpec("search", "Searches.")
    asked = ask(model=KNOWS_TOOLS_ONLY, output_schema=SCHEMA, tools=(search,))
    await make_gateway().chat(asked)
    sent = models.requests[0].body
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["search"]
    assert "tool_choice" not in sent
    assert json.dumps(SCHEMA) in sent["messages"][0]["content"]


@both_ways
async def test_what_an_endpoint_refuses_is_asked_more_simply_from_then_on(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    """A small server of one's own may call itself by a great name."""

    def script(body: dict[str, Any]) -> Reply:
        if "response_format" in body:
            return Reply(status=400, error="response_format json_schema is not supported")
        if "tool_choice" in body:
            return Reply(status=400, error="tool_choice is not supported by this model")
        return Reply('{"a": "b"}')

    models.default = script
    gateway = make_gateway(fast)
    for _ in range(2):
        with pytest.raises(ModelError) as caught:
            await gateway.chat(ask(model=NATIVE, output_schema=SCHEMA))
        assert (caught.value.retryable, caught.value.retry_after) == (True, 0)
    for _ in range(2):
        assert (await gateway.chat(ask(model=NATIVE, output_schema=SCHEMA))).text == '{"a": "b"}'
    assert models.total == 4


async def test_another_mistake_in_the_request_is_no_reason_to_ask_more_simply(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    models.default = Reply(status=400, error="temperature is too high")
    with pytest.raises(ModelError) as caught:
        await make_gateway().chat(ask(model=NATIVE, output_schema=SCHEMA))
    assert caught.value.kind is ModelErrorKind.BAD_REQUEST
    assert not caught.value.retryable
