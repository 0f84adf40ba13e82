"""Executions that started others, as a person sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.executions.service import look
from server.models.enums import TriggerKind
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine
from server.workspaces.listing import Page, PageAsk, read_page

MOST = 1_000


async def children(viewer: Viewer, execution_id: UUID, ask: PageAsk) -> Page[Execution]:
    """The earliest first."""
    await look(viewer, execution_id)
    rows = mine(viewer, Execution).filter(parent_id=execution_id)
    return await read_page(rows, ask, descending=False)


async def children_by_step(viewer: Viewer, execution_id: UUID) -> dict[str, Execution]:
    """Of several tries of one step the last; of very many the first thousand."""
    rows = mine(viewer, Execution).filter(parent_id=execution_id).order_by("id").limit(MOST)
    found: dict[str, Execution] = {}
    for row in await rows:
        trigger: dict[str, Any] = row.trigger or {}
        data: dict[str, Any] = trigger.get("data") or {}
        if trigger.get("kind") == TriggerKind.PARENT.value and data.get("stepKey"):
            found[data["stepKey"]] = row
    return found
