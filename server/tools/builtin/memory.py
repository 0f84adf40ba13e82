"""`store_memory`: what a bot remembers from one execution to the next."""

from __future__ import annotations

from typing import Any

from server.bal.types import AnyType, EnumType, ObjectType, OptionalType, StringType, TypeField
from server.models.tables import Memory
from server.tools.base import Tool, ToolContext
from server.tools.builtin.keyed import ANSWER, MOST_LISTED, checked_key, checked_value
from server.tools.builtin.upsert import upsert


async def store_memory(arguments: dict[str, Any], context: ToolContext) -> Any:
    mine = Memory.filter(workspace_id=context.workspace_id, bot_id=context.bot_id)
    match arguments["action"]:
        case "set":
            place = {"bot_id": context.bot_id, "key": checked_key(arguments)}
            filled = {
                "workspace_id": context.workspace_id,
                "value": {"value": checked_value(arguments)},
                "updated_at": context.clock.now(),
            }
            await upsert(Memory, place, filled)
            return {"success": True}
        case "get":
            row = await mine.get_or_none(key=checked_key(arguments))
            return {"success": row is not None, "value": row.value["value"] if row else None}
        case "delete":
            return {"success": bool(await mine.filter(key=checked_key(arguments)).delete())}
        case _:
            keys = await mine.order_by("key").limit(MOST_LISTED).values_list("key", flat=True)
            return {"success": True, "keys": list(keys)}


STORE_MEMORY = Tool(
    name="store_memory",
    description=(
        "Remembers values for this bot from one run to the next: set, get or delete the value of "
        "a key, or list all keys."
    ),
    run=store_memory,
    input=ObjectType(
        (
            TypeField("action", EnumType(("get", "set", "delete", "list"))),
            TypeField("key", OptionalType(StringType())),
            TypeField("value", OptionalType(AnyType())),
        )
    ),
    output=ANSWER,
)
