"""What every test may ask for: fresh databases and Redis, with the environment wiped of ours."""

from __future__ import annotations

import gc
import os
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio

from tests.support import services, tables
from tests.support.examples import QUICK, SHARE
from tests.support.logs import plain_logs
from tests.support.spreading import FilesTogether

# The same examples each time: a red run must mean that the change broke something. For a hunt:
# `HYPOTHESIS_PROFILE=hunt`, best with more `max_examples`.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("quick", derandomize=True, deadline=None, max_examples=SHARE)
hypothesis.settings.register_profile("hunt", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

_OTHER_RING = re.compile(r"^pytestmark = .*mark\.(services|browser|journey|faults|slow)\b", re.M)

# What is there once all tests are found stays to the end: no use in looking through it for waste
# again and again, which would be a tenth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    if QUICK:
        gc.set_threshold(50_000, 20, 20)  # nothing there measures memory
    else:
        gc.collect()
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The quick ring does not even read a file of which it would take no test."""
    if not QUICK or not collection_path.name.startswith("test_"):
        return None
    return True if _OTHER_RING.search(collection_path.read_text(encoding="utf-8")) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether | None:
    return FilesTogether(config, log) if config.getoption("dist") == "loadfile" else None


tables.build_once()
plain_logs()

# A developer's own settings and keys must not decide what the tests see.
for _name in list(os.environ):
    if _name.startswith("BALEYBOTS_") or _name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL")):
        del os.environ[_name]

_SERVED = [] if QUICK else [pytest.mark.services]
BACKENDS = [
    "sqlite",
    *(pytest.param(name, marks=mark) for mark in _SERVED for name in ("postgres", "mysql")),
]
BUSES = ["embedded", *(pytest.param("redis", marks=mark) for mark in _SERVED)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with services.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    with services.mariadb() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with services.redis() as url:
        yield url


@pytest_asyncio.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    async with _postgres_database(postgres_server) as url:
        yield url


@pytest_asyncio.fixture
async def second_postgres_url(postgres_server: str) -> AsyncIterator[str]:
    async with _postgres_database(postgres_server) as url:
        yield url


@pytest_asyncio.fixture
async def mysql_url(mysql_server: str) -> AsyncIterator[str]:
    """The URL of a new, empty MariaDB database."""
    async with _mysql_database(mysql_server) as url:
        yield url


@pytest_asyncio.fixture
async def second_mysql_url(mysql_server: str) -> AsyncIterator[str]:
    async with _mysql_database(mysql_server) as url:
        yield url


@asynccontextmanager
async def _postgres_database(server: str) -> AsyncIterator[str]:
    import asyncpg

    name = f"t_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server.replace("postgres://", "postgresql://"))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield _with_database(server, name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@asynccontextmanager
async def _mysql_database(server: str) -> AsyncIterator[str]:
    import aiomysql

    name = f"t_{uuid.uuid4().hex[:12]}"
    host, port = server.split("@")[1].split("/")[0].split(":")
    user = server.split("//")[1].split("@")[0].split(":")
    admin = await aiomysql.connect(
        host=host, port=int(port), user=user[0], password=user[1] if len(user) > 1 else ""
    )
    try:
        async with admin.cursor() as cursor:
            await cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield _with_database(server, name)
        async with admin.cursor() as cursor:
            await cursor.execute(f"DROP DATABASE {name}")
    finally:
        admin.close()


@pytest_asyncio.fixture
async def redis_url(redis_server: str) -> AsyncIterator[str]:
    """The URL of an emptied Redis database, one per test process."""
    import redis.asyncio

    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    url = f"{redis_server.rsplit('/', 1)[0]}/{worker + 1}"
    client = redis.asyncio.from_url(url)
    try:
        await client.flushdb()
        yield url
    finally:
        await client.aclose()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database: the test runs over SQLite, PostgreSQL and MariaDB."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'test.sqlite3'}"
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=BUSES)
def bus_url(request: pytest.FixtureRequest) -> str | None:
    """None for the embedded queue, else the URL of a real Redis: the test runs over both."""
    return None if request.param == "embedded" else request.getfixturevalue("redis_url")


def _with_database(url: str, name: str) -> str:
    return f"{url.rsplit('/', 1)[0]}/{name}"
