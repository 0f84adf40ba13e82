"""Asking for JSON, and finding it in what came back.

A model that knows JSON Schema is asked natively; any other is told the schema in words.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from server.llm.messages import ChatRequest, Message

_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_INSTRUCTION = (
    "Answer with one JSON value and nothing else: no introduction, no explanation, no code fence. "
    "It must fit this JSON Schema:\n"
)


class NoJson(ValueError):
    """No JSON value could be found in the text."""


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The native way. `strict` makes providers refuse schemas that leave anything optional."""
    form = {"name": "output", "schema": schema, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": form}


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
