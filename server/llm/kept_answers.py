"""The answers that a workspace keeps for equal questions: bounded, and gone when their time is up.
A database that is away only means that everything is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.functions import Count, Sum
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.logs import REDACTION
from server.llm.messages import ModelAnswer
from server.llm.replays import answer_data, answer_of
from server.models.away import is_away
from server.models.tables import KeptAnswer
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, require

LARGEST_BYTES = 256 * 1024
MOST_ANSWERS = 10_000
MOST_BYTES = 64 * 1024 * 1024
# Of so many new answers one is the occasion to look whether there are too many.
LOOK_EVERY = 32
_DELETED_AT_ONCE = 500

log = structlog.get_logger("answers")


class WorkspaceAnswers:
    """`Answers` of one workspace; none of another is ever found."""

    def __init__(self, workspace_id: UUID, clock: Clock) -> None:
        self._workspace_id = workspace_id
        self._clock = clock

    async def find(self, key: str) -> ModelAnswer | None:
        with _asked_when_away():
            rows = KeptAnswer.filter(workspace_id=self._workspace_id, key=key)
            row = await rows.filter(expires_at__gt=self._clock.now()).first()
            if row is not None:
                await KeptAnswer.filter(id=row.id).update(hits=F("hits") + 1)
                return answer_of(row.answer)
        return None

    async def keep(self, key: str, answer: ModelAnswer, seconds: float) -> None:
        plain: dict[str, object] = REDACTION.kept_value(answer_data(answer))
        size = len(orjson.dumps(plain))
        if size > LARGEST_BYTES:
            return
        with _asked_when_away():
            await self._replace(key, answer.model, plain, size, seconds)
            if int(key[:4], 16) % LOOK_EVERY == 0:
                await trim(self._workspace_id)

    async def _replace(
        self, key: str, model: str, answer: dict[str, object], size: int, seconds: float
    ) -> None:
        now = self._clock.now()
        await KeptAnswer.filter(workspace_id=self._workspace_id, key=key).delete()
        try:
            await KeptAnswer.create(
                workspace_id=self._workspace_id,
                key=key,
                model=model,
                answer=answer,
                size=size,
                created_at=now,
                expires_at=now + timedelta(seconds=seconds),
            )
        except IntegrityError:
            return  # the same question was answered twice at the same moment


async def trim(workspace_id: UUID) -> None:
    """The oldest go until both bounds hold."""
    rows = KeptAnswer.filter(workspace_id=workspace_id)
    while True:
        count = await rows.count()
        sizes: list[Any] = await rows.annotate(all=Sum("size")).values_list("all", flat=True)
        bytes_ = int(sizes[0] or 0) if sizes else 0
        over = max(count - MOST_ANSWERS, _DELETED_AT_ONCE if bytes_ > MOST_BYTES else 0)
        if over <= 0 or count == 0:
            return
        await _delete(rows.order_by("id"), over)


async def forget_expired(now: datetime) -> None:
    with _asked_when_away():
        old = KeptAnswer.filter(expires_at__lt=now).order_by("expires_at")
        await _delete(old, _DELETED_AT_ONCE)


async def _delete(rows: QuerySet[KeptAnswer], count: int) -> None:
    ids = await rows.limit(count).values_list("id", flat=True)
    if ids:
        await KeptAnswer.filter(id__in=list(ids)).delete()


@contextmanager
def _asked_when_away() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("answers_not_reached", error=str(error))


@dataclass(frozen=True, slots=True)
class Size:
    """What a workspace keeps now; `hits` are the questions that these answered."""

    answers: int
    size: int
    hits: int


async def size_of(viewer: Viewer, now: datetime) -> Size:
    require(viewer, "connections:read")
    rows = mine(viewer, KeptAnswer).filter(expires_at__gt=now)
    found: list[Any] = await rows.annotate(
        count=Count("id"), bytes=Sum("size"), asked=Sum("hits")
    ).values_list("count", "bytes", "asked")
    count, size, hits = found[0] if found else (0, 0, 0)
    return Size(int(count or 0), int(size or 0), int(hits or 0))


async def clear(viewer: Viewer, model: str | None = None) -> int:
    """All of them, or those of one model; how many there were."""
    require(viewer, "connections:write")
    rows = mine(viewer, KeptAnswer)
    async with in_transaction():
        gone = await (rows if model is None else rows.filter(model=model)).delete()
        subject = audit.Subject("workspace", viewer.workspace_id, viewer.workspace_name)
        change = audit.Change({"answers": gone, "model": model})
        await audit.record(viewer, "workspace.answers_cleared", subject, change)
    return gone
