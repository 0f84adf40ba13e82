"""What happens outside and is told with `emitEvent`: kept once, and everybody who waits for it goes
on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.errors import IdempotencyMismatch, Invalid, TooLarge
from server.core.ids import new_uuid
from server.core.jsontext import NotStorable, check_storable, dumps
from server.core.logs import REDACTION
from server.engine.engine import Engine
from server.executions.service import look
from server.models.tables import EmittedEvent, EventWait
from server.tools.builtin.wait import LONGEST_NAME
from server.workspaces.access import Viewer, mine, require

KEY_LIMIT = 200
DATA_LIMIT = 1024 * 1024
KEPT_DAYS = 30
BATCH = 200
MOST_WAITS = 1_000


@dataclass(frozen=True, slots=True)
class Emitting:
    name: str
    data: Any = None
    dedupe_key: str | None = None


async def emit(viewer: Viewer, engine: Engine, emitting: Emitting) -> tuple[EmittedEvent, int]:
    """The event, and how many executions it woke. With a key that was used before, the event of
    then: nobody is woken a second time."""
    require(viewer, "executions:run")
    _check(emitting)
    emitting = _without_secrets(emitting)
    earlier = await _earlier(viewer, emitting)
    if earlier is not None:
        return earlier, 0
    try:
        row, waits = await _stored(viewer, engine.clock, emitting)
    except IntegrityError:
        earlier = await _earlier(viewer, emitting)
        if earlier is None:
            raise
        return earlier, 0
    await _wake(engine, waits)
    return row, len(waits)


async def wake_unheard(engine: Engine) -> None:
    """A process may have died between an event and telling who waits for it."""
    unheard = EventWait.filter(told=False).exclude(event_id=None)
    await _wake(engine, await unheard.limit(BATCH))


async def forget_old(clock: Clock) -> None:
    before = clock.now() - timedelta(days=KEPT_DAYS)
    await EmittedEvent.filter(created_at__lt=before).delete()


async def awaited(viewer: Viewer, execution_id: UUID) -> list[EventWait]:
    """What one execution still waits for, the earliest first."""
    await look(viewer, execution_id)
    rows = mine(viewer, EventWait).filter(execution_id=execution_id, event_id=None)
    return await rows.order_by("id").limit(MOST_WAITS)


# --- inside ---------------------------------------------------------------------------------


def _check(emitting: Emitting) -> None:
    if not 1 <= len(emitting.name) <= LONGEST_NAME:
        message = f"The name of an event has 1 to {LONGEST_NAME} characters."
        raise Invalid(message, path=["name"])
    key = emitting.dedupe_key
    if key is not None and not 1 <= len(key) <= KEY_LIMIT:
        raise Invalid(f"A dedupe key has 1 to {KEY_LIMIT} characters.", path=["dedupeKey"])
    try:
        check_storable(emitting.data)
    except NotStorable as error:
        raise Invalid(str(error), path=["data"]) from error
    if len(dumps(emitting.data)) > DATA_LIMIT:
        raise TooLarge("The data of an event has at most 1 MiB.", path=["data"])


def _without_secrets(emitting: Emitting) -> Emitting:
    """As with everything that is kept; what waits for it is told the same."""
    key = emitting.dedupe_key
    return Emitting(
        REDACTION.kept(emitting.name),
        REDACTION.kept_value(emitting.data),
        None if key is None else REDACTION.kept(key),
    )


async def _earlier(viewer: Viewer, emitting: Emitting) -> EmittedEvent | None:
    if emitting.dedupe_key is None:
        return None
    rows = EmittedEvent.filter(workspace_id=viewer.workspace_id)
    row = await rows.get_or_none(dedupe_key=emitting.dedupe_key)
    if row is not None and (row.name, row.data) != (emitting.name, emitting.data):
        message = "This dedupe key was used for another event."
        raise IdempotencyMismatch(message, path=["dedupeKey"])
    return row


async def _stored(
    viewer: Viewer, clock: Clock, emitting: Emitting
) -> tuple[EmittedEvent, list[EventWait]]:
    """The event and who heard it in one piece: nobody hears half of it."""
    row = EmittedEvent(
        id=new_uuid(),
        workspace_id=viewer.workspace_id,
        name=emitting.name,
        dedupe_key=emitting.dedupe_key,
        created_by_id=viewer.user_id,
        created_at=clock.now(),
    )
    row.data = emitting.data
    async with in_transaction():
        await row.save(force_create=True)
        waiting = mine(viewer, EventWait).filter(name=emitting.name, event_id=None)
        ids = [one.id for one in await waiting.only("id")]
        if ids:
            await EventWait.filter(id__in=ids, event_id=None).update(event_id=row.id)
    heard = await EventWait.filter(id__in=ids, event_id=row.id) if ids else []
    return row, heard


async def _wake(engine: Engine, waits: list[EventWait]) -> None:
    for wait in waits:
        await engine.kin.wake(wait.execution_id)
    if waits:
        await EventWait.filter(id__in=[wait.id for wait in waits]).update(told=True)


async def heard(
    clock: Clock, workspace_id: UUID, bot_id: UUID, execution_id: UUID, step_key: str, name: str
) -> EmittedEvent | None:
    """Begins to wait with the first look; an event counts from then on."""
    known = {"execution_id": execution_id, "step_key": step_key}
    row = await EventWait.get_or_none(**known)
    if row is None:
        given = {"workspace_id": workspace_id, "bot_id": bot_id, "name": name}
        row = EventWait(id=new_uuid(), created_at=clock.now(), **known, **given)
        try:
            await row.save(force_create=True)
        except IntegrityError:
            row = await EventWait.get(**known)
    if row.event_id is None:
        return None
    return await EmittedEvent.get_or_none(id=row.event_id)
