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
STARTED_EARLIER = f"""WITH RECURSIVE line (id, source, far) AS (
SELECT id, forked_from_id, 0 FROM executions WHERE id = '{{id}}'
UNION ALL SELECT e.id, e.forked_from_id, l.far + 1 FROM line l
JOIN executions e ON e.id = l.source WHERE l.far < 50)
SELECT e.* FROM line l JOIN executions e ON e.parent_id = l.source
ORDER BY l.far, e.id DESC LIMIT {MOST}"""
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
    found = {_step_of(row): row for row in await rows}
    return {key: row for key, row in found.items() if key is not None}


async def children_taken_over(viewer: Viewer, execution_id: UUID) -> dict[str, Execution]:
    """Of steps whose results came from earlier executions: what those had started, the latest."""
    rows: Any = await Execution.raw(STARTED_EARLIER.format(id=execution_id))
    found: dict[str, Execution] = {}
    for row in rows:
        key = _step_of(row)
        if key is not None and _may_see(viewer, row):
            found.setdefault(key, row)
    return found


def _may_see(viewer: Viewer, row: Execution) -> bool:
    of_bots = viewer.bot_ids is None or row.bot_id in viewer.bot_ids
    return of_bots and row.workspace_id == viewer.workspace_id


def _step_of(row: Execution) -> str | None:
    trigger: dict[str, Any] = row.trigger or {}
    data: dict[str, Any] = trigger.get("data") or {}
    return data.get("stepKey") if trigger.get("kind") == TriggerKind.PARENT.value else None


async def with_open_below(execution_id: UUID) -> list[UUID]:
    """Itself and, however deep, what it has started and has not ended; of very many a thousand.
    Whoever uses them looks to it what the viewer may see."""
    db: Any = Execution._meta.db  # pyright: ignore[reportPrivateUsage]
    rows: list[dict[str, Any]] = await db.execute_query_dict(OPEN_BELOW.format(id=execution_id))
    return [UUID(str(row["id"])) for row in rows]
