"""Tortoise's PostgreSQL engine, in which questions do not use up every connection."""

from __future__ import annotations

from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient

from server.models.places import Places


class PlacesClient(AsyncpgDBClient):
    async def create_pool(self, **kwargs: Any) -> Any:
        pool = await super().create_pool(**kwargs, reset=_leave_as_it_is)
        return Places(pool, kwargs["max_size"], leaving=end_what_was_broken_off)


async def _leave_as_it_is(connection: Any) -> None:
    """Nothing of ours changes a session: no statement need be sent to put it right."""


def end_what_was_broken_off(connection: Any) -> None:
    """Whoever was stopped in a transaction, or while it was to begin, must not leave it to the next
    one. Of one that was to begin only the driver knows, and it has no word for that."""
    if connection.is_closed():
        return
    begun = getattr(getattr(connection, "_con", connection), "_top_xact", None)
    if begun is not None or connection.is_in_transaction():
        connection.terminate()


client_class = PlacesClient
