"""Whether the parts behind the API are well, and which models can be named."""

from __future__ import annotations

import strawberry


@strawberry.type(description="Whether the parts behind the API are well.")
class Health:
    ready: bool = strawberry.field(description="Everything that is needed to run bots answers.")
    database: bool = strawberry.field(description="The database can be written.")
    queue: bool = strawberry.field(description="The queue answers.")
    version: str = strawberry.field(description="The version of Baleybots.")
    demo: bool = strawberry.field(
        description="The offline demo model answers where no model is named."
    )
