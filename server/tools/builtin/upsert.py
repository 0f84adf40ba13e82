"""A row that is there once, whoever writes it first."""

from __future__ import annotations

from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.models import Model


async def upsert(table: type[Model], place: dict[str, Any], filled: dict[str, Any]) -> None:
    """`place` are the columns that are unique together. Doing it twice is doing it once."""
    for last in (False, False, True):
        if await table.filter(**place).update(**filled):
            return
        try:
            await table.create(**place, **filled)
            return
        except IntegrityError:
            if last:
                raise
