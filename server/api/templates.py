"""Shipped examples to start from."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON


@strawberry.type(description="A shipped example of a bot.")
class Template:
    id: strawberry.ID = strawberry.field(description="Its short name.")
    name: str = strawberry.field(description="How it is called.")
    description: str = strawberry.field(description="What it does.")
    icon: str = strawberry.field(description="A sign for its card.")
    source: str = strawberry.field(description="The program.")
    sample_input: JSON | None = strawberry.field(description="An input to try it with.")
