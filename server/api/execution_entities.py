"""The entities of an execution as its next calls will find them, and the events it waits for."""

from __future__ import annotations

from datetime import datetime

import strawberry

from server.executions.modifying import EntityNow
from server.models.tables import EventWait


@strawberry.type(
    description="An entity of an execution, with what a person changed for the rest of it."
)
class ExecutionEntity:
    name: str = strawberry.field(description="Its name in the text.")
    goal: str = strawberry.field(description="What it shall do, without the notes.")
    description: str | None = strawberry.field(description="What it says of itself.")
    model: str | None = strawberry.field(description="The model it names; null for the default.")
    tools: list[str] = strawberry.field(description="The tools it may use unasked.")
    notes: str | None = strawberry.field(description="What a person added to its goal.")
    changed: list[str] = strawberry.field(
        description="What a person has set: `goal`, `description`, `tools` or `notes`."
    )

    @classmethod
    def of(cls, entity: EntityNow) -> ExecutionEntity:
        return cls(
            name=entity.name,
            goal=entity.goal,
            description=entity.description,
            model=entity.model,
            tools=list(entity.tools),
            notes=entity.notes,
            changed=list(entity.changed),
        )


@strawberry.type(description="An event that a step of an execution waits for.")
class AwaitedEvent:
    name: str = strawberry.field(description="The name that `emitEvent` has to tell.")
    step_key: str = strawberry.field(description="The step that waits.")
    since: datetime = strawberry.field(description="Only what is told after this counts.")

    @classmethod
    def of(cls, row: EventWait) -> AwaitedEvent:
        return cls(name=row.name, step_key=row.step_key, since=row.created_at)
