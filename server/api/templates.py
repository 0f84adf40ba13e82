"""Shipped examples to start from."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.scalars import BalSource
from server.templates import service


@strawberry.type(description="A shipped example of a bot.")
class Template:
    id: strawberry.ID = strawberry.field(description="Its short name.")
    name: str = strawberry.field(description="How it is called.")
    description: str = strawberry.field(description="What it does.")
    icon: str = strawberry.field(description="A sign for its card.")
    source: BalSource = strawberry.field(description="The program.")
    sample_input: JSON | None = strawberry.field(description="An input to try it with.")

    @classmethod
    def of(cls, found: service.Template) -> Template:
        return cls(
            id=strawberry.ID(found.id),
            name=found.name,
            description=found.description,
            icon=found.icon,
            source=BalSource(found.source),
            sample_input=JSON(found.sample_input),
        )


@strawberry.type
class TemplateQueries:
    @query("bots:read", "The shipped examples; make a bot of one with `createBot`.")
    def templates(self) -> list[Template]:
        return [Template.of(found) for found in service.list_templates()]
