"""Frozen texts. The same text of a bot is the same version, however often it is frozen."""

from __future__ import annotations

import hashlib
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.functions import Max

from server.bal.plan import Plan
from server.bots.programs import read_program
from server.core.errors import NotFound
from server.models.tables import Bot, BotVersion

TRIES = 5


async def freeze(bot: Bot, author_id: UUID | None = None, plan: Plan | None = None) -> BotVersion:
    """The version of the draft as it is now, without its text and plan when it was there already.
    `plan`: where the text was read already. Raises ProgramRefused when it has mistakes."""
    same = BotVersion.filter(bot_id=bot.id, source_hash=hash_of_source(bot.source))
    found = await same.only("id", "bot_id", "number").first()
    if found is not None:
        return found
    return await _store(bot, plan or read_program(bot.source), author_id)


async def version_of(bot: Bot, version_id: UUID) -> BotVersion:
    found = await BotVersion.get_or_none(id=version_id, bot_id=bot.id)
    if found is None:
        raise NotFound("This bot has no such version.", path=["versionId"])
    return found


def hash_of_source(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()


async def _store(bot: Bot, plan: Plan, author_id: UUID | None) -> BotVersion:
    """Numbers and texts are unique: whoever loses a race takes the winner's row or a new number."""
    digest = hash_of_source(bot.source)
    for _ in range(TRIES):
        rows: list[int | None] = (
            await BotVersion.filter(bot_id=bot.id)
            .annotate(highest=Max("number"))
            .values_list("highest", flat=True)
        )  # type: ignore[assignment]
        try:
            return await BotVersion.create(
                bot_id=bot.id,
                number=1 + max((row or 0 for row in rows), default=0),
                source=bot.source,
                source_hash=digest,
                plan=plan.to_json(),
                author_id=author_id,
            )
        except IntegrityError:
            found = await BotVersion.get_or_none(bot_id=bot.id, source_hash=digest)
            if found is not None:
                return found
    raise NotFound("The version could not be stored; try again.")
