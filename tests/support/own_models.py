"""A provider of one's own for a workspace: the scripted model server behind a connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from server.connections import service
from server.connections.service import Given
from server.models.tables import Connection
from tests.support.model_server import ModelServer
from tests.support.rooms import Home, open_home

GOOD = "sk-canary-good-0123456789abcd"
BETTER = "sk-canary-better-0123456789wxyz"
BAD = "sk-canary-wrong-0123456789efgh"


@asynccontextmanager
async def home_beside(
    folder: Path, models: ModelServer, database_url: str | None = None
) -> AsyncIterator[Home]:
    """A home that may reach the model server and has no key in its environment."""
    environ = {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}"}
    async with open_home(folder, environ=environ, database_url=database_url) as home:
        yield home


async def connect(
    home: Home, models: ModelServer, key: str = GOOD, name: str | None = None, **settings: object
) -> Connection:
    given = Given(name, {"baseUrl": models.url, **settings}, {"apiKey": key})
    row, _ = await service.create(home.owner, home.rooms.connections, "openai", given)
    return row
