"""Job names and what they call: a job is short and safe to run twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.assembly import Assembly
from server.bus.jobs import ADVANCE
from server.bus.worker import JobFunction


def job_functions(rooms: Assembly) -> dict[str, JobFunction]:
    async def advance(ctx: dict[str, Any], execution_id: str) -> None:
        await rooms.engine.runner.advance(UUID(execution_id))

    return {ADVANCE: advance}
