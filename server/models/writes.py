"""Whether the database takes what is written to it. It may well answer questions and have no space
for anything new: then everything can be looked at and nothing changed, and people are told so."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from server.core.ids import new_uuid
from server.core.logs import get_logger
from server.models.away import is_away
from server.models.fact import Fact

AGAIN_SECONDS = 1.0
_NAME = "write check"

log = get_logger("models")


async def write_something() -> None:
    """Another value each time, so that no database takes it for nothing."""
    await Fact.update_or_create({"value": {"last": str(new_uuid())}}, name=_NAME)


class Writes:
    """Whoever is refused says so. From then on a small write is tried when somebody asks, at most
    once a second, until one is taken: while all is well this costs nothing."""

    def __init__(self, attempt: Callable[[], Awaitable[None]] = write_something) -> None:
        self._attempt = attempt
        self._refused = False
        self._tried = 0.0

    def refused(self) -> None:
        if not self._refused:
            log.warning("database_takes_no_writes")
        self._refused = True

    async def taken(self) -> bool:
        now = time.monotonic()
        if self._refused and now - self._tried >= AGAIN_SECONDS:
            self._tried = now
            await self._try()
        return not self._refused

    async def _try(self) -> None:
        try:
            await self._attempt()
        except Exception as error:
            if not is_away(error):
                raise
        else:
            self._refused = False
            log.warning("database_takes_writes_again")
