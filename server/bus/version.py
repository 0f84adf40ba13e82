"""Whether this Redis can do what is asked of it: turns are kept with ZADD LT, which is of 6.2."""

from __future__ import annotations

from typing import Any, Final

from arq.connections import ArqRedis
from redis.exceptions import ResponseError

OLDEST: Final = (6, 2)


async def too_old(redis: ArqRedis) -> str | None:
    """The sentence to show, or None. One that may not be asked for its version is believed."""
    client: Any = redis
    try:
        version = str((await client.info("server")).get("redis_version", ""))
    except ResponseError:
        return None
    parts = version.split(".")[:2]
    if len(parts) < 2 or not all(part.isdigit() for part in parts):
        return None
    if tuple(map(int, parts)) >= OLDEST:
        return None
    return f"This Redis is version {version}; Baleybots needs 6.2 or newer."
