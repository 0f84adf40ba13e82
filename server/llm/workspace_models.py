"""What a workspace has of its own: connections to providers, and prices. A model's name finds the
workspace's connection first, then the keys of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from server.connections.base import Opened
from server.connections.providers import BY_NAME, PROVIDERS, Provider
from server.connections.registry import (
    AI,
    API_KEY,
    BASE_URL,
    CONCURRENCY,
    KINDS,
    MODEL,
    PER_MINUTE,
)
from server.connections.sealing import opened
from server.core.clock import Clock
from server.core.crypto import SecretBox, SecretUnreadable
from server.core.single_flight import SingleFlight
from server.llm.access import Access
from server.llm.catalogue import Rates, catalogue
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest
from server.llm.routing import DEMO_PREFIX, Router
from server.models.away import is_away
from server.models.tables import Connection, ModelPrice, Workspace

FRESH_SECONDS = 2.0
_PER_MILLION = 1_000_000
# Where the settings of a workspace hold its chain.
FALLBACKS = "fallbacks"


@dataclass(frozen=True, slots=True)
class Way:
    """A connection as calls use it. `models`: what it said it offers, None where it lists nothing;
    `problem` when its key cannot be read."""

    provider: Provider
    access: Access
    model: str | None
    is_default: bool
    models: tuple[str, ...] | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """All that one workspace has, as it was at a moment."""

    at: datetime
    ways: tuple[Way, ...] = ()
    prices: Mapping[str, Rates] = field(default_factory=dict[str, Rates])
    fallbacks: tuple[str, ...] = ()

    @property
    def default(self) -> Way | None:
        return next((way for way in self.ways if way.is_default), None)

    def way_to(self, provider: Provider) -> Way | None:
        """The default, else the oldest."""
        ways = [way for way in self.ways if way.provider is provider]
        return next((way for way in ways if way.is_default), ways[0] if ways else None)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which connection each model goes through, for those who ask where one is used."""

    models: WorkspaceModels
    own: Own

    @property
    def fallbacks(self) -> tuple[str, ...]:
        return self.own.fallbacks

    def connection_of(self, model: str | None) -> UUID | None:
        way = None if is_demo(model) else self.models.way_in(self.own, model)
        return None if way is None else UUID(way.access.connection)


class WorkspaceModels:
    """Reads a workspace's rows at most once in two seconds; changes made in this process count at
    once."""

    def __init__(self, router: Router, box: SecretBox, clock: Clock) -> None:
        self._router = router
        self._box = box
        self._clock = clock
        self._known: dict[UUID, Own] = {}
        self._reading = SingleFlight[UUID, Own](self._known.__setitem__)

    def forget(self, workspace_id: UUID) -> None:
        self._known.pop(workspace_id, None)
        self._reading.forget(workspace_id)

    async def of(self, workspace_id: UUID) -> Own:
        now = self._clock.now()
        own = self._known.get(workspace_id)
        if own is not None and 0 <= (now - own.at).total_seconds() < FRESH_SECONDS:
            return own
        try:
            return await self._reading.get(workspace_id, lambda: self._read(workspace_id, now))
        except Exception as error:
            if not is_away(error):
                raise
            if own is not None:
                return own
            message = "The connections of this workspace could not be read."
            raise ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, message) from error

    def addressed(self, own: Own, request: ChatRequest) -> ChatRequest:
        """The request with the model and the connection that it goes through."""
        if request.access is not None:
            return request
        model, access = self.choose(own, request.model)
        if access is None and model == request.model:
            return request
        return replace(request, model=model, access=access)

    async def way(self, workspace_id: UUID, model: str | None) -> tuple[str | None, Access | None]:
        """The model and the connection that a call would use."""
        if is_demo(model):
            return model, None
        return self.choose(await self.of(workspace_id), model)

    def choose(self, own: Own, model: str | None) -> tuple[str | None, Access | None]:
        name = (model or "").strip()
        way = self.way_in(own, name)
        if way is None:
            return model, None
        return (name, _usable(way)) if name else _default(way)

    async def chosen(self, workspace_id: UUID) -> Chosen:
        return Chosen(self, await self.of(workspace_id))

    def way_in(self, own: Own, model: str | None) -> Way | None:
        """None where the keys of the environment are used."""
        name = (model or "").strip()
        if not own.ways:
            return None
        return self._way(own, name) if name else own.default

    def _way(self, own: Own, name: str) -> Way | None:
        prefix, colon, rest = name.partition(":")
        if colon and rest and (provider := BY_NAME.get(prefix.lower())):
            return own.way_to(provider)
        for provider in PROVIDERS:
            way = own.way_to(provider)
            if way is not None and _has(provider, name):
                return way
        try:
            self._router.route(name)
        except ModelError:
            return own.default or own.ways[0]
        return None

    async def _read(self, workspace_id: UUID, now: datetime) -> Own:
        kinds = [kind.name for kind in KINDS.values() if kind.family == AI]
        living = Connection.filter(workspace_id=workspace_id, deleted_at=None, kind__in=kinds)
        prices = await ModelPrice.filter(workspace_id=workspace_id)
        workspace = await Workspace.get_or_none(id=workspace_id).only("id", "settings")
        return Own(
            at=now,
            ways=tuple(self._opened(row) for row in await living.order_by("id")),
            prices={row.model.lower(): rates_of(row) for row in prices},
            fallbacks=fallbacks_of(workspace),
        )

    def _opened(self, row: Connection) -> Way:
        provider = BY_NAME[row.kind]
        problem = None
        try:
            access = access_of(opened(self._box, row))
        except SecretUnreadable as unreadable:
            access = Access(str(row.id), row.name, provider.name)
            problem = unreadable.message
        model = row.settings.get(MODEL) or provider.model or _first(row)
        offered = None if row.models is None else tuple(row.models)
        return Way(provider, access, model, row.is_default, offered, problem)


def fallbacks_of(workspace: Workspace | None) -> tuple[str, ...]:
    return () if workspace is None else tuple((workspace.settings or {}).get(FALLBACKS) or ())


def access_of(way: Opened) -> Access:
    """What the gateway needs of a connection."""
    provider = BY_NAME[way.kind.name]
    settings, secrets = way.settings, way.secrets
    extra: dict[str, str] = {}
    for spec in way.kind.fields:
        value: Any = secrets.get(spec.name) or settings.get(spec.name)
        if spec.param and value:
            extra[spec.param] = str(value)
    return Access(
        connection=str(way.id),
        label=way.name,
        provider=provider.name,
        api_key=secrets.get(API_KEY),
        api_base=settings.get(BASE_URL),
        extra=extra,
        concurrency=settings.get(CONCURRENCY),
        per_minute=settings.get(PER_MINUTE),
    )


def rates_of(row: ModelPrice) -> Rates:
    def per_token(nano: int | None) -> Decimal | None:
        return None if nano is None else Decimal(nano) / _PER_MILLION

    return Rates(
        input=Decimal(row.input_nano) / _PER_MILLION,
        output=Decimal(row.output_nano) / _PER_MILLION,
        cached=per_token(row.cached_nano),
        reasoning=per_token(row.reasoning_nano),
        cache_write=per_token(row.cache_write_nano),
    )


def is_demo(model: str | None) -> bool:
    return (model or "").strip().lower().startswith(f"{DEMO_PREFIX}:")


def _default(way: Way) -> tuple[str, Access]:
    access = _usable(way)
    if not way.model:
        raise ModelError(
            ModelErrorKind.MODEL_UNKNOWN,
            f"No model is named, and the connection “{access.label}” has no model of its own.",
            'Give the connection a model, or the entity a "model".',
        )
    return f"{way.provider.name}:{way.model}", access


def _usable(way: Way) -> Access:
    if way.problem is not None:
        label = way.access.label
        raise ModelError(
            ModelErrorKind.PROVIDER_AUTH,
            f"The key of the connection “{label}” cannot be read with the secret key of this "
            "installation.",
            "Enter it again under Connections.",
        )
    return way.access


def _has(provider: Provider, name: str) -> bool:
    return name.startswith(provider.families) or catalogue().find(provider, name) is not None


def _first(row: Connection) -> str | None:
    """What an endpoint of one's own said it serves."""
    return row.models[0] if row.models and row.settings.get(BASE_URL) else None
