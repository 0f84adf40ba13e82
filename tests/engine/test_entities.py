"""An entity's call as a question, and the answer as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.bal.plan import EntityPlan
from server.engine.entities import (
    NO_INPUT,
    Chat,
    SchemaMismatch,
    issues_of,
    read_answer,
    request_for,
    settled_answer,
)
from server.engine.host import EntityCall
from server.engine.turns import ModelFailure
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest, Message, ModelAnswer, Usage

PLAIN = EntityPlan("writer", "Write a title")
TYPED = replace(PLAIN, output="object { title: string, words: ?integer }")


def call_of(entity: EntityPlan, value: Any = "tea", *, strict: bool = False, context: Any = None):
    return EntityCall("writer", entity, value, context, strict)


async def answer_of(call: EntityCall, chat: Chat) -> object:
    request = request_for(call)
    return await settled_answer(call, request, await chat(request), chat)


def answered(text: str) -> ModelAnswer:
    return ModelAnswer(text, (), Usage(), "m", "m", "demo", 0, False, "stop", None, 1.0)


def test_the_goal_is_the_system_message_and_the_input_the_question() -> None:
    request = request_for(call_of(PLAIN, {"topic": "thé"}))
    assert request.messages == (
        Message("system", "Write a title"),
        Message("user", '{"topic":"thé"}'),
    )
    assert request.output_schema is None


def test_context_stands_before_the_input() -> None:
    request = request_for(call_of(PLAIN, context={"tone": "short"}))
    assert [message.content for message in request.messages[1:]] == [
        'Context:\n{"tone":"short"}',
        "tea",
    ]


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_no_input_is_said(value: Any) -> None:
    assert request_for(call_of(PLAIN, value)).messages[-1].content == NO_INPUT


def test_the_settings_of_the_entity_travel() -> None:
    entity = replace(
        PLAIN, model="openai:x", temperature=0.5, max_tokens=9, reasoning="low", timeout=5
    )
    request = request_for(call_of(entity))
    assert (request.model, request.temperature, request.max_tokens) == ("openai:x", 0.5, 9)
    assert (request.reasoning, request.timeout) == ("low", 5)


def test_history_is_passed_unless_the_entity_wants_none() -> None:
    history = (Message("user", "before"), Message("assistant", "yes"))
    assert history[0] in request_for(call_of(PLAIN), history).messages
    alone = request_for(call_of(replace(PLAIN, history="none")), history)
    assert len(alone.messages) == 2


def test_the_output_block_becomes_a_schema() -> None:
    schema = request_for(call_of(TYPED)).output_schema
    assert schema is not None
    assert set(schema["properties"]) == {"title", "words"}
    assert request_for(call_of(replace(PLAIN, output="object { }"))).output_schema is None


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "T"}',
        ' \n{"title": "T"}\n',
        '```json\n{"title": "T"}\n```',
        'Here you are:\n```\n{"title": "T"}\n```\nEnjoy!',
        'The answer is {"title": "T"}.',
    ],
)
def test_json_in_the_answer_becomes_the_object(text: str) -> None:
    assert read_answer(call_of(TYPED), answered(text)) == {"title": "T"}


@pytest.mark.parametrize("text", ["Just a title", "42", "null", '"quoted"', "{broken"])
def test_what_is_no_object_stays_text(text: str) -> None:
    assert read_answer(call_of(TYPED), answered(text)) == text


def test_without_an_output_block_json_stays_text() -> None:
    assert read_answer(call_of(PLAIN), answered('{"title": 1}')) == '{"title": 1}'


def test_a_mismatch_is_noted_but_not_fatal() -> None:
    call = call_of(TYPED)
    value = read_answer(call, answered('{"title": [], "extra": 1}'))
    assert value == {"title": [], "extra": 1}
    assert [issue.code for issue in issues_of(call, value)] == ["invalid_type"]


class Model:
    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.requests: list[ChatRequest] = []

    async def chat(self, request: ChatRequest) -> ModelAnswer:
        self.requests.append(request)
        return answered(self.texts.pop(0))


FITS = {"title": "T"}
WRONG = '{"title": []}'


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('```json\n{"title": "T"}\n```', 1),
        ('Here it is:\n\n{"title": "T"}\n\nAnything else?', 1),
        ('```\n{"title": "T"}', 1),
        ('{"result": {"title": "T"}}', 1),
        ('{"answer": "{\\"title\\": \\"T\\"}"}', 1),
        ('[{"title": "T"}]', 1),
        ('{"title": "T", "words": "7"}', 1),
        ('{"title": "T", "words": "seven"}', 2),
        ('{"title": ["T"]}', 2),
        ('{"words": 7}', 2),
        ('{"title": "T and then it is c', 2),
        ("I would call it T.", 2),
        ("42", 2),
        ("", 2),
    ],
    ids=[
        *("fenced", "prose around", "fence left open", "nested key", "text in a key", "in a list"),
        *("number as text", "wrong type", "list for text", "field missing", "truncated", "prose"),
        *("a number", "nothing"),
    ],
)
async def test_what_becomes_of_an_answer(text: str, asked: int, strict: bool) -> None:
    """Bent where that is certain, else asked for once more; the run goes on."""
    model = Model(text, '{"title": "T"}')
    value = await answer_of(call_of(TYPED, strict=strict), model.chat)
    assert value == (FITS | {"words": 7} if '"7"' in text else FITS)
    assert len(model.requests) == asked


async def test_the_repair_says_what_did_not_fit() -> None:
    model = Model(WRONG, '{"title": "T"}')
    assert await answer_of(call_of(TYPED), model.chat) == FITS
    first, second = model.requests
    told = second.messages[-2:]
    assert told[0] == Message("assistant", WRONG)
    assert "title" in told[1].content
    assert (first.repair, second.repair) == (False, True)


async def test_strict_fails_when_the_second_answer_does_not_fit_either() -> None:
    model = Model(WRONG, '{"title": "T", "extra": 1}')
    with pytest.raises(SchemaMismatch) as failed:
        await answer_of(call_of(TYPED, strict=True), model.chat)
    assert failed.value.failure.kind == "schema_mismatch"
    assert failed.value.failure.entity == "writer"
    assert failed.value.raw == '{"title": "T", "extra": 1}'
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("No.", "Never.", "Never."),
        (WRONG, "No idea.", {"title": []}),
        (WRONG, '{"title": {}, "words": "x"}', {"title": []}),
    ],
)
async def test_not_strict_keeps_what_there_is_and_goes_on(
    first: str, second: str, kept: object
) -> None:
    model = Model(first, second)
    assert await answer_of(call_of(TYPED), model.chat) == kept


async def test_a_repair_that_fails_leaves_the_first_answer() -> None:
    async def chat(request: ChatRequest) -> ModelAnswer:
        if request.repair:
            error = ModelError(ModelErrorKind.RATE_LIMITED, "Slow down.")
            raise ModelFailure(error, "writer")
        return answered(WRONG)

    assert await answer_of(call_of(TYPED), chat) == {"title": []}
    with pytest.raises(SchemaMismatch):
        await answer_of(call_of(TYPED, strict=True), chat)


async def test_without_an_output_block_nothing_is_asked_twice() -> None:
    model = Model("")
    assert await answer_of(call_of(PLAIN), model.chat) == ""
