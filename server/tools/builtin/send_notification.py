"""`send_notification`: tells the people of the workspace something, in the product itself."""

from __future__ import annotations

from typing import Any

from server.bal.types import (
    BooleanType,
    EnumType,
    ObjectType,
    OptionalType,
    StringType,
    TypeField,
)
from server.core.ids import public_id
from server.models.enums import Priority
from server.tools.base import Tool, ToolContext, ToolFailed


async def send_notification(arguments: dict[str, Any], context: ToolContext) -> Any:
    title = arguments["title"].strip()
    if not title:
        raise ToolFailed("`title` is blank.", "invalid_arguments")
    priority = Priority(arguments.get("priority") or Priority.NORMAL)
    told = await context.world.notify(title, arguments["message"], priority)
    first = public_id("notification", told[0]) if told else None
    return {"sent": bool(told), "notification_id": first}


SEND_NOTIFICATION = Tool(
    name="send_notification",
    description="Tells the people of this workspace something; they see it in the product.",
    run=send_notification,
    input=ObjectType(
        (
            TypeField("title", StringType()),
            TypeField("message", StringType()),
            TypeField("priority", OptionalType(EnumType(tuple(Priority)))),
        )
    ),
    output=ObjectType(
        (
            TypeField("sent", BooleanType()),
            TypeField("notification_id", OptionalType(StringType())),
        )
    ),
)
