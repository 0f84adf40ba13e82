"""How a workspace is answered where a program leaves it open: its chain of models, and the answers
that it keeps for equal questions."""

from __future__ import annotations

import strawberry

from server.api.access import mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.scalars import BigInt
from server.llm import fallbacks, kept_answers
from server.llm.fallbacks import Chain
from server.llm.kept_answers import Size


@strawberry.type(
    description="Models that are tried in this order where a program names no fallbacks."
)
class ModelFallbacks:
    models: list[str] = strawberry.field(description="As `provider:model`; empty: none.")
    warnings: list[str] = strawberry.field(description="What to know of some of them.")

    @classmethod
    def of(cls, chain: Chain) -> ModelFallbacks:
        return cls(models=list(chain.models), warnings=list(chain.warnings))


@strawberry.type(
    description="Answers kept for equal questions of entities with `cache`, for this workspace "
    "alone. At most 10,000, and 64 MiB; the oldest go first."
)
class AnswerCache:
    answers: int = strawberry.field(description="How many are kept now.")
    bytes: BigInt = strawberry.field(description="Their size.")
    hits: BigInt = strawberry.field(description="Questions that they answered at no cost.")

    @classmethod
    def of(cls, size: Size) -> AnswerCache:
        return cls(answers=size.answers, bytes=BigInt(size.size), hits=BigInt(size.hits))


@strawberry.type
class AnsweringQueries:
    @query("connections:read", "The workspace's own chain of models.")
    async def model_fallbacks(self, info: Info) -> ModelFallbacks:
        context = info.context
        till = context.rooms.till
        return ModelFallbacks.of(await fallbacks.chain_of(context.asker, till.models, till.gateway))

    @query("connections:read", "The answers that are kept for equal questions.")
    async def answer_cache(self, info: Info) -> AnswerCache:
        now = info.context.rooms.clock.now()
        return AnswerCache.of(await kept_answers.size_of(info.context.asker, now))


@strawberry.input(description="Input of `setModelFallbacks`.")
class SetModelFallbacksInput:
    models: list[str] = strawberry.field(
        description="At most 10, as `provider:model`, the first one first; empty: none."
    )


@strawberry.type(description="Answer of `setModelFallbacks`.")
class SetModelFallbacksPayload:
    model_fallbacks: ModelFallbacks | None = strawberry.field(
        default=None, description="The chain as it is now."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `clearAnswerCache`.")
class ClearAnswerCacheInput:
    model: str | None = strawberry.field(
        default=None, description="Only answers of this model, as `Step.model` shows it."
    )


@strawberry.type(description="Answer of `clearAnswerCache`.")
class ClearAnswerCachePayload:
    answer_cache: AnswerCache | None = strawberry.field(
        default=None, description="What is kept now; null for whoever may not see connections."
    )
    cleared: int | None = strawberry.field(default=None, description="How many there were.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class AnsweringMutations:
    @mutation(
        "connections:write",
        SetModelFallbacksPayload,
        "Sets the workspace's own chain; it counts from the next step on. Errors: INVALID_INPUT "
        "for a model that could not be asked.",
    )
    async def set_model_fallbacks(
        self, info: Info, input: SetModelFallbacksInput
    ) -> SetModelFallbacksPayload:
        context = info.context
        till = context.rooms.till
        chain = await fallbacks.set_chain(context.asker, till.models, till.gateway, input.models)
        return SetModelFallbacksPayload(model_fallbacks=ModelFallbacks.of(chain))

    @mutation(
        "connections:write",
        ClearAnswerCachePayload,
        "Forgets the answers that are kept for equal questions. Errors: UNAVAILABLE.",
    )
    async def clear_answer_cache(
        self, info: Info, input: ClearAnswerCacheInput
    ) -> ClearAnswerCachePayload:
        asker, now = info.context.asker, info.context.rooms.clock.now()
        cleared = await kept_answers.clear(asker, input.model)
        left = None
        if asker.may("connections:read"):
            left = AnswerCache.of(await kept_answers.size_of(asker, now))
        return ClearAnswerCachePayload(answer_cache=left, cleared=cleared)
