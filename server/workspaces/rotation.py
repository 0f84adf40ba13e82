"""Changing the secret key while everything runs: every sealed value is sealed again under the new
one, in small transactions. It may be killed at any point and started again; in between, both keys
open."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tortoise.models import Model
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.crypto import SecretBox, SecretKey, SecretUnreadable
from server.core.errors import StartError
from server.core.keyring import add_key, is_ours, load_keys
from server.core.settings import Settings
from server.models.key_check import check_key, read_mark, write_mark
from server.models.tables import Connection
from server.workspaces import audit

BATCH = 100
CLOCK = SystemClock()

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values in base64, each bound to `word`, its workspace and its id."""

    table: type[Model]
    column: str
    word: str


# Every column that holds sealed values: a test compares this with the tables.
SEALED: tuple[SealedColumn, ...] = (SealedColumn(Connection, "sealed", "connection"),)


@dataclass(slots=True)
class Rotated:
    """`unreadable` are records whose secret no key of ours opens: it must be entered again."""

    sealed: int = 0
    unreadable: list[str] = field(default_factory=list[str])
    by_workspace: Counter[UUID] = field(default_factory=Counter[UUID])


class NoNewKey(StartError):
    """There is no new key to change to."""


async def rotate(
    settings: Settings, progress: Progress = lambda stage: None, clock: Clock = CLOCK
) -> Rotated:
    """The database must be open. `progress` hears of each step as it is done."""
    keys = load_keys(settings)
    await check_key(*keys)
    if is_ours(settings):
        keys = await _with_new_key(settings, keys, progress)
    elif len(keys) == 1:
        raise NoNewKey(
            "The secret key comes from a setting, so the new one does too.",
            hint="Set the new key there, the present one in BALEYBOTS_OLD_SECRET_KEYS, start every "
            "process again with both, and repeat this command.",
        )
    await write_mark(keys[0], keys[1:])
    progress("begun")
    done = await _sealed_again(keys, progress)
    async with in_transaction():
        await write_mark(keys[0])
        await _note(done, clock)
    progress("done")
    return done


async def _with_new_key(
    settings: Settings, keys: Sequence[SecretKey], progress: Progress
) -> Sequence[SecretKey]:
    """A change that was cut off goes on with the key it began with. Before the oldest key is
    dropped, nothing may be left under it."""
    mark = await read_mark(keys[0])
    if mark.older or mark.value != keys[0].check:
        return keys
    if len(keys) > 1:
        await _sealed_again(keys, lambda stage: None)
    keys = add_key(settings)
    progress("key written")
    return keys


async def _sealed_again(keys: Sequence[SecretKey], progress: Progress) -> Rotated:
    """Until a look through everything finds nothing: others may seal meanwhile."""
    box, done = SecretBox(*keys), Rotated()
    while True:
        before = done.sealed
        done.unreadable.clear()
        for place in SEALED:
            await _through(place, box, done, progress)
        if done.sealed == before:
            return done


async def _through(place: SealedColumn, box: SecretBox, done: Rotated, progress: Progress) -> None:
    rows: Any = place.table.filter(**{f"{place.column}__isnull": False}).order_by("id")
    last: UUID | None = None
    while True:
        chosen = rows if last is None else rows.filter(id__gt=last)
        batch = await chosen.limit(BATCH).values("id", "workspace_id", place.column)
        if not batch:
            return
        async with in_transaction():
            for row in batch:
                await _one(place, box, row, done)
        last = batch[-1]["id"]
        progress(f"{place.word} {done.sealed}")


async def _one(place: SealedColumn, box: SecretBox, row: dict[str, Any], done: Rotated) -> None:
    """Written only where the value is still the one that was read."""
    sealed = base64.b64decode(row[place.column])
    if box.is_current(sealed):
        return
    bound = f"{place.word} {row['workspace_id']} {row['id']}"
    try:
        again = box.seal(box.open(sealed, bound=bound), bound=bound)
    except SecretUnreadable:
        done.unreadable.append(f"{place.word} {row['id']}")
        return
    rows = place.table.filter(**{"id": row["id"], place.column: row[place.column]})
    if await rows.update(**{place.column: base64.b64encode(again).decode()}):
        done.sealed += 1
        done.by_workspace[row["workspace_id"]] += 1


async def _note(done: Rotated, clock: Clock) -> None:
    for workspace_id, count in done.by_workspace.items():
        subject = audit.Subject("secrets", None, "the secret key")
        change = audit.Change(after={"sealed again": count})
        await audit.record_by(
            audit.COMMAND_LINE, workspace_id, "secrets.rotated", subject, change, clock=clock
        )
