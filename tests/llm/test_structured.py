"""Finding the JSON in what a model wrote."""

from __future__ import annotations

from typing import Any

import pytest

from server.llm.messages import ChatRequest, Message
from server.llm.structured import NoJson, is_strict, read_json, told_in_words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("  \n[1, 2]\n", [1, 2]),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('Here it is:\n```\n{"a": {"b": "```"}}\n```\nBye', {"a": {"b": "```"}}),
        ('Sure! {"a": "{x}"} Anything else?', {"a": "{x}"}),
        ('A set {of words} and then {"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('"just text"', "just text"),
        ("42", 42),
    ],
)
def test_json_is_found(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize("text", ["", "No JSON here.", '{"a": "cut of', "{of words}"])
def test_what_holds_no_json_says_so(text: str) -> None:
    with pytest.raises(NoJson):
        read_json(text)


def test_a_schema_in_words_joins_the_system_message() -> None:
    schema = {"type": "object"}
    request = ChatRequest((Message("system", "Goal."), Message("user", "x")), output_schema=schema)
    told = told_in_words(request)
    assert told.messages[0].content.startswith("Goal.")
    assert '{"type": "object"}' in told.messages[0].content
    assert told.messages[1:] == request.messages[1:]
    without = ChatRequest((Message("user", "x"),), output_schema=schema)
    assert [message.role for message in told_in_words(without).messages] == ["system", "user"]


def test_strict_is_only_asked_where_the_provider_would_take_it() -> None:
    open_object = {"type": "object", "properties": {"a": {"type": "string"}}}
    closed = open_object | {"required": ["a"], "additionalProperties": False}
    assert not is_strict(open_object)
    assert is_strict(closed)
    assert not is_strict(closed | {"properties": {"a": open_object}})
