"""The conversation that a run takes up. It is kept with the trigger and is no part of `$trigger`;
each entity with `history: inherit`, which is the default, is told it before its input."""

from __future__ import annotations

from typing import Any

from server.llm.messages import Message

CONVERSATION = "conversation"


def conversation_of(trigger: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(
        Message("assistant" if one["role"] == "assistant" else "user", one["content"])
        for one in trigger.get(CONVERSATION) or ()
    )
