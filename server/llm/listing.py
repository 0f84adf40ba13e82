"""The models that one can name: what the interface offers, and what `doctor` can show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from time import monotonic

from server.connections.providers import OPENAI, Provider
from server.llm.catalogue import Catalogue, ModelFacts, catalogue
from server.llm.messages import DEMO_MODEL
from server.llm.routing import Router
from server.llm.workspace_models import Own, Way

_FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`id` is what a bot writes. Prices are dollars per million tokens, None when not known."""

    id: str
    name: str
    provider: str
    demo: bool = False
    is_default: bool = False
    context_tokens: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    tools: bool | None = None
    structured: bool | None = None
    reasoning: bool | None = None
    images: bool | None = None


class Listing:
    """Asks an endpoint of one's own at most once a minute, and lives with no answer."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._served: tuple[float, tuple[str, ...]] | None = None

    async def models(self, today: date) -> list[ModelInfo]:
        """The default first, then the demo model, then each provider that is set up, by name."""
        default = self._default()
        found = [_demo(default == DEMO_MODEL)]
        known = await asyncio.to_thread(catalogue) if self._router.set_up else None
        for provider in self._router.set_up:
            assert known is not None
            for name in await self._names(provider, known, today):
                found.append(_info(provider, name, known.find(provider, name), default))
        return sorted(found, key=lambda model: not model.is_default)

    def _default(self) -> str:
        route = self._router.default_route()
        if route is None:
            return ""
        return f"{route.provider.name}:{route.model}" if route.provider else DEMO_MODEL

    async def _names(self, provider: Provider, known: Catalogue, today: date) -> list[str]:
        if provider is OPENAI and (base := self._router.own_endpoint()):
            return sorted(await self._ask(base, self._router.key_of(provider)))
        facts = {name: known.find(provider, name) for name in known.names(provider)}
        return [name for name, one in facts.items() if one and _offers(one, today)]

    async def _ask(self, base: str, key: str | None) -> tuple[str, ...]:
        if self._served is None or monotonic() - self._served[0] > _FRESH_SECONDS:
            ask = await asyncio.to_thread(_served_models)
            self._served = (monotonic(), await ask(base, key))
        return self._served[1]


def with_connections(
    found: list[ModelInfo], own: Own, known: Catalogue, today: date
) -> list[ModelInfo]:
    """What the connections of a workspace add to the models of the environment."""
    default = _default_of(own)
    listed = {model.id: model for model in found}
    for way in own.ways:
        for name in _offered(way, known, today):
            info = _info(way.provider, name, known.find(way.provider, name), default)
            listed.setdefault(info.id, info)
    if default:
        listed = {id: replace(model, is_default=id == default) for id, model in listed.items()}
    return sorted(listed.values(), key=lambda model: not model.is_default)


def _default_of(own: Own) -> str:
    way = own.default
    return f"{way.provider.name}:{way.model}" if way is not None and way.model else ""


def _offered(way: Way, known: Catalogue, today: date) -> list[str]:
    """An endpoint of one's own serves what it says; a provider's list holds much that cannot
    talk, so there it is what both name."""
    talking = [
        name
        for name in known.names(way.provider)
        if (facts := known.find(way.provider, name)) and _offers(facts, today)
    ]
    if way.models is not None:
        own_place = way.access.api_base is not None
        find = partial(known.find, way.provider)
        talking = [name for name in way.models if own_place or _talks(find(name))]
    chosen = [way.model] if way.model and way.model not in talking else []
    return [*chosen, *talking]


def _served_models() -> Callable[[str, str | None], Awaitable[tuple[str, ...]]]:
    """Loads the HTTP client (17 MB, 0.3 s), which a server without an endpoint does not need."""
    from server.llm.served import served_models

    return served_models


def _demo(is_default: bool) -> ModelInfo:
    return ModelInfo(
        id=DEMO_MODEL,
        name="Demo model (offline, free)",
        provider="Demo",
        demo=True,
        is_default=is_default,
        input_price=Decimal(0),
        output_price=Decimal(0),
        tools=True,
        structured=True,
        reasoning=False,
        images=False,
    )


def _info(provider: Provider, name: str, facts: ModelFacts | None, default: str) -> ModelInfo:
    model = f"{provider.name}:{name}"
    rates = facts.rates if facts else None
    free = Decimal(0) if provider.free else None
    return ModelInfo(
        id=model,
        name=name,
        provider=provider.label,
        is_default=model == default,
        context_tokens=facts.context if facts else None,
        input_price=rates.input / 1000 if rates else free,
        output_price=rates.output / 1000 if rates else free,
        tools=facts.tools if facts else None,
        structured=facts.schema if facts else None,
        reasoning=facts.reasoning if facts else None,
        images=facts.vision if facts else None,
    )


def _talks(facts: ModelFacts | None) -> bool:
    return facts is not None and not facts.only_searches


def _offers(facts: ModelFacts, today: date) -> bool:
    gone = facts.deprecated is not None and facts.deprecated < today.isoformat()
    return _talks(facts) and not gone
