"""The API without HTTP: for the web app of the same process, with the same limits and checks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from server.api.context import Context
from server.api.rates import Rates
from server.api.schema import Schema
from server.assembly import Assembly
from server.workspaces.access import Viewer


class Executor:
    def __init__(self, schema: Schema, rooms: Assembly, rates: Rates | None = None) -> None:
        self.schema = schema
        self.rooms = rooms
        self.rates = rates

    async def execute(
        self, document: str, variables: dict[str, Any], viewer: Viewer | None
    ) -> Mapping[str, Any]:
        """`{data, errors}` as it would have come over HTTP."""
        context = Context(viewer, self.rooms, f"req_{secrets.token_hex(8)}", rates=self.rates)
        result = await self.schema.execute(document, variables, context_value=context)
        errors = [error.formatted for error in result.errors or ()]
        return {"data": result.data, **({"errors": errors} if errors else {})}
