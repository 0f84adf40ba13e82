"""Connections: made, changed, tried and taken away. Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.connections.base import Kind, Opened, Tested, Tester, Values
from server.connections.forms import checked_secrets, checked_settings, refuse_moved_key, shown
from server.connections.registry import KINDS, kind_of
from server.connections.sealing import opened, seal, unseal
from server.connections.uses import Use, Ways, fallbacks_through, uses_of
from server.core.clock import Clock
from server.core.crypto import SecretBox, SecretUnreadable
from server.core.errors import Conflict, Invalid, InvalidState, Upstream
from server.core.ids import new_uuid
from server.core.net.policy import NetPolicy
from server.models.enums import ConnectionStatus
from server.models.tables import Connection
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

NAME_LIMIT = 200
MOST_MODELS = 2000


class StaleConnection(Conflict):
    """Somebody else changed this connection in the meantime; load it again."""

    def __init__(self, current_version: int) -> None:
        super().__init__(path=["expectedVersion"])
        self.current_version = current_version


class TrialFailed(Upstream):
    """The test of the connection failed; nothing was stored."""

    def __init__(self, test: Tested) -> None:
        super().__init__(test.message, hint="Mend it, or save it untested with `force`.")
        self.test = test


class InUse(InvalidState):
    """This connection is in use."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the work with connections needs. `changed` hears of every change of a workspace; `ways`
    tells how its calls find a connection."""

    box: SecretBox
    policy: NetPolicy
    test: Tester
    clock: Clock
    ways: Callable[[UUID], Awaitable[Ways]]
    changed: Callable[[UUID], None] = field(default=lambda workspace_id: None)


@dataclass(frozen=True, slots=True)
class Given:
    """None leaves a part as it is; of secrets and settings only the named fields change."""

    name: str | None = None
    settings: Values | None = None
    secrets: Values | None = field(default=None, repr=False)
    is_default: bool | None = None
    force: bool = False


async def create(
    viewer: Viewer, desk: Desk, kind_name: str, given: Given
) -> tuple[Connection, Tested]:
    """Tried first; what fails is stored only when that is wanted."""
    require(viewer, "connections:write")
    kind = kind_of(kind_name)
    settings = checked_settings(kind, given.settings or {}, desk.policy)
    secrets = checked_secrets(kind, given.secrets or {}, {})
    row = Connection(
        id=new_uuid(),
        workspace_id=viewer.workspace_id,
        kind=kind.name,
        name=_checked_name(given.name or kind.label),
        settings=settings,
        status=ConnectionStatus.UNCONFIGURED,
    )
    test = await _tried(viewer, desk, row, kind, secrets, given)
    _note(row, test, desk)
    row.name_key = _key_of(row.name)
    row.sealed, row.shown = seal(desk.box, row, secrets), shown(secrets)
    async with in_transaction():
        first = not await _living(viewer).filter(default_for=kind.family).exists()
        if given.is_default or (first and given.is_default is None):
            await _take_default(viewer, row, kind)
        await _stored(row, new=True)
        await _audit(viewer, "connection.created", row, None)
    desk.changed(viewer.workspace_id)
    return row, test


async def update(
    viewer: Viewer, desk: Desk, connection_id: UUID, given: Given, expected_version: int | None
) -> tuple[Connection, Tested]:
    require(viewer, "connections:write")
    row = await _one(viewer, connection_id)
    if expected_version is not None and expected_version != row.version:
        raise StaleConnection(row.version)
    kind, before, version = KINDS[row.kind], _facts(row), row.version
    stored = _stored_secrets(desk, row, given)
    settings = checked_settings(kind, {**row.settings, **(given.settings or {})}, desk.policy)
    refuse_moved_key(row.settings, settings, given.secrets or {}, stored)
    secrets = checked_secrets(kind, given.secrets or {}, stored)
    row.settings = settings
    if given.name is not None:
        row.name = _checked_name(given.name)
        row.name_key = _key_of(row.name)
    test = await _tried(viewer, desk, row, kind, secrets, given)
    _note(row, test, desk)
    if given.secrets is not None:
        row.sealed, row.shown = seal(desk.box, row, secrets), shown(secrets)
    async with in_transaction():
        await _take_turn(viewer, row, version)
        await _set_default(viewer, row, kind, given.is_default)
        await _stored(row)
        await _audit(viewer, "connection.changed", row, before, rotated=sorted(given.secrets or ()))
    desk.changed(viewer.workspace_id)
    return row, test


async def test(viewer: Viewer, desk: Desk, connection_id: UUID) -> tuple[Connection, Tested]:
    """Another try of what is stored; its outcome is kept."""
    require(viewer, "connections:write")
    row = await _one(viewer, connection_id)
    try:
        tested = await desk.test(_paid_by(viewer, opened(desk.box, row)))
    except SecretUnreadable as unreadable:
        tested = Tested(False, unreadable.message)
    _note(row, tested, desk)
    async with in_transaction():
        await row.save(
            update_fields=["status", "status_message", "models", "last_checked_at", "updated_at"]
        )
        await _audit_trial(viewer, row, tested)
    desk.changed(viewer.workspace_id)
    return row, tested


async def try_out(viewer: Viewer, desk: Desk, kind_name: str, given: Given) -> Tested:
    """A test of what is not stored."""
    require(viewer, "connections:write")
    kind = kind_of(kind_name)
    settings = checked_settings(kind, given.settings or {}, desk.policy)
    secrets = checked_secrets(kind, given.secrets or {}, {})
    row = Connection(id=new_uuid(), kind=kind.name, name=given.name or kind.label)
    row.settings = settings
    way = Opened(row.id, kind, row.name, settings, secrets)
    tested = await desk.test(_paid_by(viewer, way))
    await _audit_trial(viewer, row, tested, secrets)
    return tested


async def delete(
    viewer: Viewer, desk: Desk, connection_id: UUID, *, force: bool = False, reason: str = ""
) -> Connection:
    """Refused while it is in use, unless somebody says why it must go. Its secrets go at once."""
    require(viewer, "connections:write")
    row = await _one(viewer, connection_id)
    # What another process changed a moment ago counts, too.
    desk.changed(viewer.workspace_id)
    users = await _users(viewer, desk, row)
    if users and not force:
        raise InUse(
            f"“{row.name}” is used by {_some(users)}.",
            hint="Change them first, or delete it by force with a reason.",
        )
    if users and not reason.strip():
        raise Invalid("Say why it is deleted although it is in use.", path=["reason"])
    before = _facts(row)
    row.deleted_at = desk.clock.now()
    row.name_key, row.default_for, row.sealed, row.shown = None, None, None, {}
    row.status = ConnectionStatus.UNCONFIGURED
    async with in_transaction():
        await _stored(row)
        await _audit(viewer, "connection.deleted", row, before, reason=reason.strip() or None)
    desk.changed(viewer.workspace_id)
    return row


async def get(viewer: Viewer, connection_id: UUID) -> Connection:
    require(viewer, "connections:read")
    return await _one(viewer, connection_id)


async def list_connections(
    viewer: Viewer, ask: PageAsk | None = None, kinds: tuple[str, ...] = ()
) -> Page[Connection]:
    require(viewer, "connections:read")
    rows = _living(viewer)
    return await read_page(rows.filter(kind__in=list(kinds)) if kinds else rows, ask or PageAsk())


async def where_used(viewer: Viewer, desk: Desk, row: Connection) -> list[Use]:
    require(viewer, "connections:read")
    return await uses_of(viewer, row, await desk.ways(viewer.workspace_id))


async def in_fallbacks(viewer: Viewer, desk: Desk, row: Connection) -> list[str]:
    """The models of the workspace's own chain that go through it."""
    require(viewer, "connections:read")
    return fallbacks_through(row, await desk.ways(viewer.workspace_id))


async def _users(viewer: Viewer, desk: Desk, row: Connection) -> list[str]:
    """Who they are, as a sentence names them."""
    bots = [f"“{use.bot_name}”" for use in await where_used(viewer, desk, row)]
    chain = await in_fallbacks(viewer, desk, row)
    return [f"the fallbacks of this workspace ({', '.join(chain)})", *bots] if chain else bots


def _living(viewer: Viewer) -> QuerySet[Connection]:
    return mine(viewer, Connection).filter(deleted_at=None)


async def _one(viewer: Viewer, connection_id: UUID) -> Connection:
    """Found before anything is decrypted; one of another workspace never was."""
    row = await one_of_mine(viewer, Connection, connection_id, "connection")
    if row.deleted_at is not None:
        return await one_of_mine(viewer, Connection, new_uuid(), "connection")
    return row


async def _tried(
    viewer: Viewer,
    desk: Desk,
    row: Connection,
    kind: Kind,
    secrets: dict[str, str],
    given: Given,
) -> Tested:
    """What is stored has an entry of its own; a refused trial left the house all the same."""
    way = Opened(row.id, kind, row.name, row.settings, secrets)
    tested = await desk.test(_paid_by(viewer, way))
    if not tested.ok and not given.force:
        await _audit_trial(viewer, row, tested, given.secrets)
        raise TrialFailed(tested)
    return tested


def _paid_by(viewer: Viewer, way: Opened) -> Opened:
    return replace(way, workspace_id=viewer.workspace_id, user_id=viewer.user_id)


def _note(row: Connection, tested: Tested, desk: Desk) -> None:
    row.status = ConnectionStatus.CONNECTED if tested.ok else ConnectionStatus.ERROR
    row.status_message = "" if tested.ok else tested.message
    row.last_checked_at = desk.clock.now()
    if tested.models is not None:
        row.models = list(tested.models[:MOST_MODELS])


def _stored_secrets(desk: Desk, row: Connection, given: Given) -> dict[str, str]:
    """What cannot be read any more may still be replaced as a whole."""
    try:
        return unseal(desk.box, row)
    except SecretUnreadable:
        if given.secrets:
            return {}
        raise


async def _take_turn(viewer: Viewer, row: Connection, version: int) -> None:
    """One of two writers wins, whatever happened during the test."""
    rows = _living(viewer).filter(id=row.id, version=version)
    if not await rows.update(version=F("version") + 1):
        raise StaleConnection((await _one(viewer, row.id)).version)
    row.version = version + 1


async def _set_default(viewer: Viewer, row: Connection, kind: Kind, wanted: bool | None) -> None:
    if wanted:
        await _take_default(viewer, row, kind)
    elif wanted is False:
        row.default_for = None


async def _take_default(viewer: Viewer, row: Connection, kind: Kind) -> None:
    await mine(viewer, Connection).filter(default_for=kind.family).update(default_for=None)
    row.default_for = kind.family


async def _stored(row: Connection, *, new: bool = False) -> None:
    try:
        await row.save(force_create=new)
    except IntegrityError:
        raise Conflict(f"There is a connection “{row.name}” already.", path=["name"]) from None


async def _audit(
    viewer: Viewer,
    action: str,
    row: Connection,
    before: dict[str, Any] | None,
    *,
    reason: str | None = None,
    rotated: list[str] | None = None,
) -> None:
    after = None if row.deleted_at else _facts(row)
    if after is not None and rotated:
        after["entered"] = rotated
    subject = audit.Subject("connection", row.id, row.name)
    await audit.record(viewer, action, subject, audit.Change(before, after, reason))


async def _audit_trial(
    viewer: Viewer, row: Connection, tested: Tested, entered: Values | None = None
) -> None:
    """Somebody sent a key out: which kind, where to and how it went, without the key."""
    after: dict[str, Any] = {"kind": row.kind, "settings": dict(row.settings), "works": tested.ok}
    if entered:
        after["entered"] = sorted(entered)
    subject = audit.Subject("connection", row.id, row.name)
    await audit.record(viewer, "connection.tested", subject, audit.Change(after=after))


def _facts(row: Connection) -> dict[str, Any]:
    """For the record: without secrets, but with what shows which one it was."""
    return {
        "kind": row.kind,
        "name": row.name,
        "settings": dict(row.settings),
        "keys": dict(row.shown),
        "default": row.is_default,
        "status": row.status.value,
    }


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise Invalid(f"Give it a name of 1 to {NAME_LIMIT} characters.", path=["name"])
    return name


def _key_of(name: str) -> str:
    return name.strip().casefold()[:NAME_LIMIT]


def _some(users: list[str]) -> str:
    names = ", ".join(users[:3])
    return names if len(users) <= 3 else f"{names} and {len(users) - 3} more bots"
