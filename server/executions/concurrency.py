"""How many executions of a bot run at once: all of them, and those with one key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise.transactions import in_transaction

from server.bots import service as bots
from server.core.errors import Invalid
from server.engine.engine import Engine
from server.executions.retention import RuleMoved
from server.models.tables import Bot
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, require

MOST = 10_000


async def set_concurrency(
    viewer: Viewer,
    engine: Engine,
    bot_id: UUID,
    limit: int | None,
    per_key: int | None,
    expected_version: int | None = None,
) -> Bot:
    """None sets no limit. What runs goes on; what waited for a place has one at once where there
    are more of them now."""
    require(viewer, "bots:write")
    _check("limit", limit)
    _check("perKey", per_key)
    bot = await bots.one(viewer, bot_id)
    looked_at = bot.concurrency_version if expected_version is None else expected_version
    before = _told(bot)
    bot.max_running, bot.max_running_per_key = limit, per_key
    bot.concurrency_version = looked_at + 1
    async with in_transaction():
        rows = mine(viewer, Bot).filter(id=bot_id, concurrency_version=looked_at)
        if not await rows.update(
            max_running=limit,
            max_running_per_key=per_key,
            concurrency_version=bot.concurrency_version,
        ):
            raise RuleMoved((await bots.one(viewer, bot_id)).concurrency_version)
        subject = audit.Subject("bot", bot.id, bot.name)
        change = audit.Change({"at once": before}, {"at once": _told(bot)})
        await audit.record(viewer, "bot.concurrency_changed", subject, change)
    await engine.places.freed(bot_id)
    return bot


def _check(name: str, given: int | None) -> None:
    if given is not None and not 1 <= given <= MOST:
        message = f"Give 1 to {MOST:,} executions at once, or none for no limit."
        raise Invalid(message, path=[name])


def _told(bot: Bot) -> dict[str, Any]:
    return {"limit": bot.max_running, "perKey": bot.max_running_per_key}
