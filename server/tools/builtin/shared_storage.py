"""`shared_storage`: values that the bots of a workspace hand to each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from server.bal.types import (
    AnyType,
    EnumType,
    NumberType,
    ObjectType,
    OptionalType,
    StringType,
    TypeField,
)
from server.models.tables import SharedValue
from server.tools.base import Tool, ToolContext
from server.tools.builtin.keyed import ANSWER, MOST_LISTED, checked_key, checked_value
from server.tools.builtin.upsert import upsert

LONGEST_TTL = 10 * 366 * 24 * 3600


async def shared_storage(arguments: dict[str, Any], context: ToolContext) -> Any:
    now = context.clock.now()
    match arguments["action"]:
        case "write":
            await _write(arguments, context, now)
            return {"success": True}
        case "read":
            row = await _living(context, now).get_or_none(key=checked_key(arguments))
            return {"success": row is not None, "value": row.value["value"] if row else None}
        case "delete":
            rows = _living(context, now).filter(key=checked_key(arguments))
            return {"success": bool(await rows.delete())}
        case _:
            rows = _living(context, now).filter(key__startswith=arguments.get("prefix") or "")
            keys = await rows.order_by("key").limit(MOST_LISTED).values_list("key", flat=True)
            return {"success": True, "keys": list(keys)}


async def _write(arguments: dict[str, Any], context: ToolContext, now: datetime) -> None:
    """Whoever writes also sweeps out what has expired."""
    place = {"workspace_id": context.workspace_id, "key": checked_key(arguments)}
    seconds = arguments.get("ttl_seconds")
    filled = {
        "value": {"value": checked_value(arguments)},
        "bot_id": context.bot_id,
        "execution_id": context.execution_id,
        "expires_at": None if seconds is None else now + timedelta(seconds=seconds),
        "updated_at": now,
    }
    await SharedValue.filter(workspace_id=context.workspace_id, expires_at__lte=now).delete()
    await upsert(SharedValue, place, filled)


def _living(context: ToolContext, now: datetime) -> QuerySet[SharedValue]:
    rows = SharedValue.filter(workspace_id=context.workspace_id)
    return rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


SHARED_STORAGE = Tool(
    name="shared_storage",
    description=(
        "Keeps values that all bots of this workspace can read: write (with ttl_seconds if it "
        "should vanish), read, delete, or list the keys that begin with a prefix."
    ),
    run=shared_storage,
    input=ObjectType(
        (
            TypeField("action", EnumType(("write", "read", "delete", "list"))),
            TypeField("key", OptionalType(StringType())),
            TypeField("value", OptionalType(AnyType())),
            TypeField("ttl_seconds", OptionalType(NumberType(minimum=1, maximum=LONGEST_TTL))),
            TypeField("prefix", OptionalType(StringType())),
        )
    ),
    output=ANSWER,
)
