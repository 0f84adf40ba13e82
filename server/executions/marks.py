"""Named places of an execution, to look at and to begin again from: those that come by themselves
(its start, each finished call, each failure, its end) and those that a person has marked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tortoise.exceptions import IntegrityError

from server.core.clock import Clock
from server.core.errors import Conflict, Invalid
from server.core.ids import new_uuid
from server.executions import service
from server.models.tables import Bookmark, Event, Step
from server.workspaces.access import Viewer, mine, one_of_mine, require

Kind = Literal["start", "checkpoint", "milestone", "error", "completion", "manual"]

MOST = 1_000
LABEL_LIMIT = 200
CALLS = ("entity", "use")
KINDS: dict[str, tuple[Kind, str]] = {
    "execution.queued": ("start", "Start"),
    "step.completed": ("checkpoint", "{name} completed"),
    "step.failed": ("error", "{name} failed"),
    "execution.waiting": ("milestone", "Waits"),
    "execution.paused": ("milestone", "Paused"),
    "execution.completed": ("completion", "Completed"),
    "execution.failed": ("error", "Failed"),
    "execution.timed_out": ("error", "Timed out"),
    "execution.cancelled": ("error", "Cancelled"),
}
ENDS = frozenset({"completed", "failed", "timed_out", "cancelled"})


@dataclass(frozen=True, slots=True)
class Mark:
    """The state after event `seq`. `bookmark_id` of one that a person has made."""

    seq: int
    kind: Kind
    label: str
    at: datetime
    bookmarked: bool
    step_key: str | None = None
    bookmark_id: UUID | None = None


async def snapshots(viewer: Viewer, execution_id: UUID) -> list[Mark]:
    """In order; of very many the first thousand, and all that people have marked."""
    await service.look(viewer, execution_id)
    calls = Step.filter(execution_id=execution_id, type__in=CALLS).limit(MOST)
    names = {row.key: row.name for row in await calls.only("key", "name")}
    events = Event.filter(execution_id=execution_id, type__in=list(KINDS)).order_by("seq")
    rows: list[Any] = await events.limit(MOST).values_list("seq", "type", "at", "step_key")
    found = [_mark(row, names) for row in rows if row[3] is None or row[3] in names]
    own = await Bookmark.filter(execution_id=execution_id)
    found += [Mark(row.seq, "manual", row.label, row.created_at, True, None, row.id) for row in own]
    return sorted(found, key=lambda one: (one.seq, one.kind))


async def add(viewer: Viewer, clock: Clock, execution_id: UUID, seq: int, label: str) -> Mark:
    require(viewer, "executions:control")
    row = await service.one(viewer, execution_id)
    if not 1 <= seq <= row.last_seq:
        raise Invalid(f"This execution has the events 1 to {row.last_seq}.", path=["seq"])
    label = label.strip()
    if not 1 <= len(label) <= LABEL_LIMIT:
        raise Invalid(f"A label has 1 to {LABEL_LIMIT} characters.", path=["label"])
    made = Bookmark(
        id=new_uuid(),
        workspace_id=row.workspace_id,
        execution_id=row.id,
        bot_id=row.bot_id,
        seq=seq,
        label=label,
        created_by=viewer.name or viewer.email,
        created_at=clock.now(),
    )
    try:
        await made.save(force_create=True)
    except IntegrityError:
        message = "This place has a bookmark already; remove it to give it another label."
        raise Conflict(message, path=["seq"]) from None
    return Mark(seq, "manual", label, made.created_at, True, None, made.id)


async def remove(viewer: Viewer, bookmark_id: UUID) -> None:
    require(viewer, "executions:control")
    row = await one_of_mine(viewer, Bookmark, bookmark_id, "bookmark")
    await mine(viewer, Bookmark).filter(id=row.id).delete()


def _mark(row: Any, names: dict[str, str]) -> Mark:
    seq, type_, at, step_key = row
    kind, label = KINDS[type_]
    named = label.format(name=names.get(step_key or "", ""))
    is_end = type_.partition(".")[0] == "execution" and type_.partition(".")[2] in ENDS
    return Mark(seq, kind, named, at, is_end, step_key)
