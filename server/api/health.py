"""Whether the parts behind the API are well, and which models can be named."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from importlib.metadata import version

import strawberry

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.context import Info
from server.llm import listing
from server.llm.catalogue import catalogue


@strawberry.type(description="Whether the parts behind the API are well.")
class Health:
    ready: bool = strawberry.field(description="Everything that is needed to run bots answers.")
    database: bool = strawberry.field(description="The database answers, and takes writes.")
    writable: bool = strawberry.field(
        description="False while the database refuses what is written, as when its disk is full: "
        "everything can be looked at, and nothing changed."
    )
    queue: bool = strawberry.field(description="The queue answers.")
    workers: int | None = strawberry.field(
        description="How many workers are there. While there is none, executions wait in the "
        "queue; null while the queue does not answer."
    )
    workers_short_of_memory: int | None = strawberry.field(
        description="How many of them take nothing new for now, or one execution at a time, "
        "because they hold more memory than they may (docs/operations.md); what they run goes on. "
        "Null while the queue does not answer."
    )
    version: str = strawberry.field(description="The version of Baleybots.")
    demo: bool = strawberry.field(
        description="The offline demo model answers where no model is named."
    )


@strawberry.type(description="A model that a program can name. Prices are US dollars per million.")
class ModelInfo:
    id: strawberry.ID = strawberry.field(description="What a program writes, `provider:model`.")
    name: str = strawberry.field(description="How it is called.")
    provider: str = strawberry.field(description="Who runs it.")
    demo: bool = strawberry.field(description="The offline demo model.")
    is_default: bool = strawberry.field(description="It answers where no model is named.")
    context_tokens: int | None = strawberry.field(description="How much it reads at once.")
    input_price: Decimal | None = strawberry.field(
        description="US dollars per million tokens sent; null when not known."
    )
    output_price: Decimal | None = strawberry.field(
        description="US dollars per million tokens written; null when not known."
    )
    tools: bool | None = strawberry.field(description="It can call tools; null when not known.")
    structured: bool | None = strawberry.field(
        description="It can be held to a JSON Schema; null when not known."
    )
    reasoning: bool | None = strawberry.field(description="It thinks first; null when not known.")
    images: bool | None = strawberry.field(
        description="It can look at images of its input; null when not known."
    )

    @classmethod
    def of(cls, found: listing.ModelInfo) -> ModelInfo:
        return cls(
            id=strawberry.ID(found.id),
            name=found.name,
            provider=found.provider,
            demo=found.demo,
            is_default=found.is_default,
            context_tokens=found.context_tokens,
            input_price=found.input_price,
            output_price=found.output_price,
            tools=found.tools,
            structured=found.structured,
            reasoning=found.reasoning,
            images=found.images,
        )


@strawberry.type
class HealthQueries:
    @query(ANYONE_SIGNED_IN, "Whether the parts behind the API are well.")
    async def health(self, info: Info) -> Health:
        rooms = info.context.rooms
        parts = await rooms.ready()
        return Health(
            ready=all(parts.values()),
            database=parts["database"],
            writable=await rooms.database.writes.taken(),
            queue=parts["queue"],
            workers=await rooms.bus.attendance.count(),
            workers_short_of_memory=await rooms.bus.attendance.count_short(),
            version=version("baleybots"),
            demo=rooms.settings.demo,
        )

    @query("bots:read", "The models that a program can name: the default first, then by provider.")
    async def models(self, info: Info) -> list[ModelInfo]:
        rooms = info.context.rooms
        found = await rooms.gateway.models()
        own = await rooms.till.models.of(info.context.asker.workspace_id)
        if own.ways:
            known = await asyncio.to_thread(catalogue)
            found = listing.with_connections(found, own, known, rooms.clock.now().date())
        return [ModelInfo.of(one) for one in found]
