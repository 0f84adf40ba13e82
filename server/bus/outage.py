"""What the log says of a Redis that is away: the loops try again twice a second, for hours."""

from __future__ import annotations

from time import monotonic

import structlog

log = structlog.get_logger("bus")

AGAIN_SECONDS = 60.0


class Outage:
    """One loop's: told at once, then once a minute, and when it is over."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told_at: float | None = None

    def tell(self, error: BaseException) -> None:
        now = monotonic()
        if self._told_at is None or now - self._told_at >= AGAIN_SECONDS:
            self._told_at = now
            log.warning("redis_away", what=self._what, error=str(error))

    def over(self) -> None:
        if self._told_at is not None:
            self._told_at = None
            log.warning("redis_back", what=self._what)
