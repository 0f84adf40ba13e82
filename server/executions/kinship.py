"""Executions that started others, as a person sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.engine.kin import OPEN
from server.engine.pool import MOST_DEPTH
from server.executions.service import look
from server.models.enums import TriggerKind
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine
from server.workspaces.listing import Page, PageAsk, read_page

MOST = 1_000
_NOT_ENDED = ", ".join(f"'{status.value}'" for status in sorted(OPEN))
OPEN_BELOW = f"""WITH RECURSIVE below (id, depth) AS (
SELECT id, 0 FROM executions WHERE id = '{{id}}'
UNION ALL SELECT e.id, b.depth + 1 FROM below b JOIN executions e ON e.parent_id = b.id
WHERE b.depth < {MOST_DEPTH} AND e.status IN ({_NOT_ENDED}))
SELECT id FROM below LIMIT {MOST}"""


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


async def with_open_below(execution_id: UUID) -> list[UUID]:
    """Itself and, however deep, what it has started and has not ended; of very many a thousand.
    Whoever uses them looks to it what the viewer may see."""
    db: Any = Execution._meta.db  # pyright: ignore[reportPrivateUsage]
    rows: list[dict[str, Any]] = await db.execute_query_dict(OPEN_BELOW.format(id=execution_id))
    return [UUID(str(row["id"])) for row in rows]
