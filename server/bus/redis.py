"""The one client every other file of this room speaks through: a real Redis, or one that lives
inside this process and forgets everything when it ends.

Nothing in Redis needs to survive: the tables are the truth, Redis only wakes.
"""

from __future__ import annotations

from typing import Any

import orjson
from arq.connections import ArqRedis
from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
)

# What a Redis that is away, restarting, cut off, full or a mere copy looks like from here.
AWAY = (ConnectionError, TimeoutError, OutOfMemoryError, ReadOnlyError, OSError)

JOBS_KEY = "baleybots:jobs"


def open_redis(url: str | None) -> ArqRedis:
    """Connects on first use, so a Redis that is down does not stop a start."""
    client = _real(url) if url else _embedded()
    client.job_serializer = orjson.dumps
    client.job_deserializer = orjson.loads
    client.default_queue_name = JOBS_KEY
    return client


def _real(url: str) -> ArqRedis:
    # Without these the process ends when Redis restarts (measured with arq 0.28).
    settings: dict[str, Any] = {
        "retry": Retry(ExponentialBackoff(cap=1, base=0.1), 20),
        "retry_on_error": [ConnectionError, TimeoutError, BusyLoadingError],
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    return ArqRedis(ConnectionPool.from_url(url, **settings))


def _embedded() -> ArqRedis:
    fake: Any = FakeAsyncRedisConnection
    return ArqRedis(ConnectionPool(connection_class=fake, server=FakeServer()))
