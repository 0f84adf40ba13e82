"""Tortoise's PostgreSQL engine, in which questions do not use up every connection."""

from __future__ import annotations

from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient

from server.models.places import Places


class PlacesClient(AsyncpgDBClient):
    async def create_pool(self, **kwargs: Any) -> Any:
        return Places(await super().create_pool(**kwargs), kwargs["max_size"])


client_class = PlacesClient
