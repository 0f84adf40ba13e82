"""Asking for JSON, and finding it in what came back.

A model that knows JSON Schema is asked natively; one that knows tools is made to call one whose
arguments are the answer; any other is told the schema in words.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Literal

from server.llm.catalogue import ModelFacts
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest, Message
from server.llm.routing import Route

Mode = Literal["native", "tool", "words"]

ANSWER_TOOL = "give_answer"

_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_INSTRUCTION = (
    "Answer with one JSON value and nothing else: no introduction, no explanation, no code fence. "
    "It must fit this JSON Schema:\n"
)
_NOT_KNOWN_HERE = re.compile(
    r"response_format|json_schema|structured output|tool_choice|tools?\b.{0,40}not support",
    re.IGNORECASE,
)


class NoJson(ValueError):
    """No JSON value could be found in the text."""


class Modes:
    """How each model is asked for structure. What an endpoint refuses once is not tried again: the
    price list says what a model can do, not what stands in front of it."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str | None], set[Mode]] = {}

    def mode(self, route: Route, request: ChatRequest, facts: ModelFacts | None) -> Mode:
        refused = self._refused.get((route.litellm_model, route.api_base), set[Mode]())
        schema = request.output_schema
        if schema is None or facts is None:
            return "words"
        if facts.schema and "native" not in refused:
            return "native"
        # Where it has tools to work with, a forced one would be the only one it uses.
        free = facts.tools and not request.tools and schema.get("type") == "object"
        return "tool" if free and "tool" not in refused else "words"

    def refused(self, route: Route, mode: Mode, error: ModelError) -> ModelError:
        """The error to raise: worth another attempt at once where a simpler mode is left."""
        words = mode == "words" or error.kind is not ModelErrorKind.BAD_REQUEST
        if words or not _NOT_KNOWN_HERE.search(error.message):
            return error
        self._refused.setdefault((route.litellm_model, route.api_base), set()).add(mode)
        error.retryable, error.retry_after = True, 0.0
        error.hint = "It is asked again in a simpler way."
        return error


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The native way. `strict` makes providers refuse schemas that leave anything optional."""
    form = {"name": "output", "schema": schema, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": form}


def answer_tool(schema: dict[str, Any]) -> dict[str, Any]:
    """The tool way: its arguments are the answer."""
    function = {
        "name": ANSWER_TOOL,
        "description": "Gives the answer. Call it once, with all of the answer.",
        "parameters": schema,
    }
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": ANSWER_TOOL}},
    }


def told_in_words(request: ChatRequest) -> ChatRequest:
    """The same request with its schema in the system message."""
    if request.output_schema is None:
        return request
    words = _INSTRUCTION + json.dumps(request.output_schema, ensure_ascii=False)
    first, *rest = request.messages or (Message("system"),)
    if first.role == "system":
        told = replace(first, content=f"{first.content}\n\n{words}".strip())
        messages = (told, *rest)
    else:
        messages = (Message("system", words), first, *rest)
    return replace(request, messages=messages)


def is_strict(schema: Any) -> bool:
    """Whether every object in it is closed and needs all of its fields."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        named = schema.get("properties") or {}
        if schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required") or ()) != set(named):
            return False
    return all(is_strict(part) for part in schema.values())


def read_json(text: str) -> Any:
    """The JSON value in a model's answer: the whole text, else a fence, else the first object or
    list in the prose. Raises NoJson."""
    stripped = text.strip()
    for candidate in (stripped, *(found.strip() for found in _FENCE.findall(text))):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    decoder = json.JSONDecoder()
    for opening in _OPENING.finditer(stripped):
        try:
            return decoder.raw_decode(stripped, opening.start())[0]
        except ValueError:
            continue
    raise NoJson("The answer holds no JSON value.")
