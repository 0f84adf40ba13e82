"""`spawn_baleybot`: runs another bot of the workspace and gives back what it answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.bal.types import AnyType, NumberType, ObjectType, OptionalType, StringType, TypeField
from server.tools.base import Later, Tool, ToolContext, ToolFailed


async def spawn_baleybot(arguments: dict[str, Any], context: ToolContext) -> Any:
    if context.state is None:
        child = await context.family.spawn(arguments["baleybot"], arguments.get("input"))
    else:
        child = await context.family.child(UUID(context.state["child"]))
    if not child.ended:
        return Later("child", state={"child": str(child.id)})
    if child.status != "completed":
        error = child.error or {}
        said = error.get("message") or f"The execution of the other bot is {child.status}."
        raise ToolFailed(said, error.get("kind") or child.status, limit=error.get("limit"))
    return {
        "output": child.output,
        "executionId": child.shown_id,
        "durationMs": child.duration_ms or 0,
    }


SPAWN_BALEYBOT = Tool(
    name="spawn_baleybot",
    description=(
        "Runs another bot of this workspace with an input, waits for it and gives back its "
        "output. `baleybot` is its name or id."
    ),
    run=spawn_baleybot,
    input=ObjectType(
        (TypeField("baleybot", StringType()), TypeField("input", OptionalType(AnyType())))
    ),
    output=ObjectType(
        (
            TypeField("output", AnyType()),
            TypeField("executionId", StringType()),
            TypeField("durationMs", NumberType()),
        )
    ),
)
