"""The questions of a step to its models, one by one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from server.api.context import Info
from server.api.scalars import BigInt, dollars, whole
from server.engine.call_log import FAILED
from server.executions.calls import Words
from server.llm.curl import curl_of
from server.models import tables


@strawberry.type(
    description="One question to a model, as it was asked, with its answer or why there is none. "
    "Secrets are taken out of it. It is deleted together with its execution."
)
class ModelCall:
    row: strawberry.Private[tables.ModelCall]
    step_key: str = strawberry.field(description="The step that asked.")
    ok: bool = strawberry.field(description="It was answered.")
    source: str = strawberry.field(
        description="`live`; `cache` or `recorded` when no model was asked, which costs nothing; "
        "`failed`."
    )
    try_number: int = strawberry.field(description="Which try with this model it was, from 1.")
    repair: bool = strawberry.field(
        description="Asked again because the answer did not fit the output block."
    )
    requested_model: str | None = strawberry.field(
        description="The model that was to answer; null: the default one."
    )
    model: str | None = strawberry.field(description="The model that answered, or was asked.")
    provider: str | None = strawberry.field(description="Who runs it.")
    structure: str | None = strawberry.field(
        description="How structure was asked for: `native`, `tool` or `words`."
    )
    input_tokens: BigInt = strawberry.field(description="Tokens sent.")
    output_tokens: BigInt = strawberry.field(description="Tokens written.")
    cost: Decimal | None = strawberry.field(
        description="US dollars; null when no price is known for the model."
    )
    parts: JSON | None = strawberry.field(
        description="Tokens sent by what they are there for: `system`, `memory`, `tools`, "
        "`history`, `context`, `input`."
    )
    left_out: JSON | None = strawberry.field(
        description="What did not fit the model, as a list of `{place, part, how, tokens, "
        "preview}`; `how` is `dropped` or `shortened`."
    )
    context_window: int | None = strawberry.field(
        description="How many tokens the model can hold, when that is known."
    )
    error_kind: str | None = strawberry.field(description="Why it failed, in one word.")
    error_message: str | None = strawberry.field(description="Why it failed.")
    error_hint: str | None = strawberry.field(description="What to do about it.")
    retry_in: float | None = strawberry.field(
        description="Seconds that were waited before the same model was asked again."
    )
    next_model: str | None = strawberry.field(description="The model that was asked instead.")
    next_from: str | None = strawberry.field(
        description="Whose chain that model is of: `bot` or `workspace`."
    )
    ttft_ms: BigInt | None = strawberry.field(description="Milliseconds to the first text.")
    duration_ms: BigInt | None = strawberry.field(description="Milliseconds in all.")
    at: datetime = strawberry.field(description="When it was asked.")

    @classmethod
    def of(cls, row: tables.ModelCall) -> ModelCall:
        error: dict[str, Any] = row.error or {}
        return cls(
            row=row,
            step_key=row.step_key,
            ok=row.source != FAILED,
            source=row.source,
            try_number=row.try_number,
            repair=row.repair,
            requested_model=row.requested_model,
            model=row.model,
            provider=row.provider,
            structure=row.mode,
            input_tokens=BigInt(row.input_tokens),
            output_tokens=BigInt(row.output_tokens),
            cost=None if row.cost_nano is None else dollars(row.cost_nano),
            parts=row.parts,
            left_out=row.left_out,
            context_window=row.context_window,
            error_kind=row.error_kind,
            error_message=error.get("message"),
            error_hint=error.get("hint"),
            retry_in=error.get("retryIn"),
            next_model=error.get("nextModel"),
            next_from=error.get("nextFrom"),
            ttft_ms=whole(row.ttft_ms),
            duration_ms=whole(row.duration_ms),
            at=row.created_at,
        )

    @strawberry.field(
        description="The messages as they left, a list of `{role, content, …}`; null when nothing "
        "left."
    )
    async def messages(self, info: Info) -> JSON | None:
        return cast("JSON", (await self._words(info)).messages)

    @strawberry.field(description="What was sent beside the messages: limits, tools, the schema.")
    async def params(self, info: Info) -> JSON | None:
        return cast("JSON", (await self._words(info)).params)

    @strawberry.field(
        description="The answer: `{text, reasoning, toolCalls, finishReason}`; null when it failed."
    )
    async def answer(self, info: Info) -> JSON | None:
        given = (await self._words(info)).answer
        if given is None:
            return None
        calls = [
            {"name": call["name"], "arguments": call["arguments"]} for call in given["tool_calls"]
        ]
        shown = {
            "text": given["text"],
            "reasoning": given.get("reasoning") or "",
            "toolCalls": calls,
            "finishReason": given["finish_reason"],
        }
        return cast("JSON", shown)

    @strawberry.field(
        description="The same question as a line for a terminal. The key stands in it as the name "
        "of a variable; null where such a line would not work."
    )
    async def curl(self, info: Info) -> str | None:
        words, row = await self._words(info), self.row
        if words.messages is None or row.provider is None or row.model is None:
            return None
        params = {
            name: value
            for name, value in (words.params or {}).items()
            if name not in ("stream", "stream_options")
        }
        return curl_of(row.provider, row.model, words.messages, params, row.address)

    async def _words(self, info: Info) -> Words:
        found = await info.context.loaders.words.load((self.row.execution_id, self.row.step_key))
        return found.get(self.row.id) or Words(None, None, None)
