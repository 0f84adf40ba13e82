"""The counting tools of the rig. A call goes to the same server as questions to models, by the same
way, so the oracle counts it, holds it back and answers it like one of those."""

from __future__ import annotations

import os
from typing import Any

import aiohttp

from server.bal.types import AnyType, NumberType, ObjectType, TypeField
from server.tools.base import Tool, ToolContext

SAFE, UNSAFE = "count", "count_once"
_INPUT = ObjectType((TypeField("text", AnyType()), TypeField("step", NumberType())))
_SECONDS = 120.0


def tools() -> list[Tool]:
    """One that may be called again with the same key, and one that must not."""
    return [_tool(SAFE, True), _tool(UNSAFE, False)]


def program(tool: str, steps: int) -> str:
    """A chain like that of `oracle.program`, without models."""
    uses = "\n".join(f"use {tool} with {{ text: result, step: {n} }}" for n in range(1, steps + 1))
    return f"chain {{\n{uses}\n}}\n"


def _tool(name: str, idempotent: bool) -> Tool:
    return Tool(
        name=name,
        description="Does a step of the work, and is counted.",
        run=_run,
        input=_INPUT,
        idempotent=idempotent,
        timeout=_SECONDS,
    )


async def _run(arguments: dict[str, Any], context: ToolContext) -> Any:
    said = f"{arguments['text']}: Step {int(arguments['step'])} of the work"
    question = {"model": "tool", "messages": [{"role": "user", "content": said}]}
    headers = {
        "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
        "Idempotency-Key": context.idempotency_key,
    }
    address = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json=question, headers=headers) as answer,
    ):
        given = await answer.json()
    return given["choices"][0]["message"]["content"]
