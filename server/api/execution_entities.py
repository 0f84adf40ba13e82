"""The entities of an execution, as its next calls will find them."""

from __future__ import annotations

import strawberry

from server.executions.modifying import EntityNow


@strawberry.type(
    description="An entity of an execution, with what a person changed for the rest of it."
)
class ExecutionEntity:
    name: str = strawberry.field(description="Its name in the text.")
    goal: str = strawberry.field(description="What it shall do, without the notes.")
    description: str | None = strawberry.field(description="What it says of itself.")
    model: str | None = strawberry.field(description="The model it names; null for the default.")
    tools: list[str] = strawberry.field(description="The tools that it may use.")
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
