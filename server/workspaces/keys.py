"""API tokens: for programs, shown once, kept as a hash, never with more rights than their maker.

Scripts set up other scripts, so a token makes tokens too, unless it was made for certain things
itself. What it made ends when it ends: revoking a token that leaked leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Denied, Invalid, LimitReached, NotFound
from server.core.ids import public_id
from server.models.enums import Role
from server.models.tables import ApiToken, Bot
from server.workspaces import audit
from server.workspaces.access import SCOPES, Viewer, mine
from server.workspaces.accounts import owner_of, the_workspace
from server.workspaces.listing import Page, PageAsk, read_page
from server.workspaces.permissions import BOT_SCOPES, RANKED, ROLE_SCOPES
from server.workspaces.secrets import hash_of, new_secret

PREFIX = "bb_"
SHOWN = len(PREFIX) + 6
MOST_ALIVE = 500
MOST_BOTS = 100

CLOCK = SystemClock()
_RANK = {role: rank for rank, role in enumerate(RANKED)}


@dataclass(frozen=True, slots=True)
class NewToken:
    """`text` is shown now and never again."""

    row: ApiToken
    text: str


async def create(
    viewer: Viewer,
    name: str,
    role: Role | None = None,
    scopes: Sequence[str] | None = None,
    bot_ids: Sequence[UUID] | None = None,
    expires_at: datetime | None = None,
    clock: Clock = CLOCK,
) -> NewToken:
    if viewer.narrowed:
        raise Denied("A token that was made for certain things makes no others.")
    wanted = role or viewer.role
    if _RANK[wanted] < _RANK[viewer.role]:
        raise Denied(f"You are {viewer.role}, so your tokens cannot be {wanted}.", path=["role"])
    _check(name, wanted, scopes, expires_at, clock)
    if bot_ids is not None:
        await _check_bots(viewer, bot_ids, scopes)
    await _check_end(viewer, expires_at)
    if await _alive(viewer, clock).count() >= MOST_ALIVE:
        message = f"A workspace has at most {MOST_ALIVE} tokens; revoke some first."
        raise LimitReached(message)
    narrowed = _Narrowed(wanted, scopes, bot_ids, expires_at, viewer.token_id)
    return await _store(
        audit.Actor.of(viewer), viewer.workspace_id, viewer.user_id, name, narrowed, clock
    )


async def create_locally(
    workspace: str | None = None,
    role: Role = Role.OWNER,
    name: str = "command line",
    scopes: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    clock: Clock = CLOCK,
) -> NewToken:
    """For whoever can read the database anyway: `baleybots token create`."""
    place = await the_workspace(workspace)
    owner = await owner_of(place.id)
    _check(name, role, scopes, expires_at, clock)
    narrowed = _Narrowed(role, scopes, None, expires_at)
    return await _store(audit.COMMAND_LINE, place.id, owner.id, name, narrowed, clock)


async def list_tokens(
    viewer: Viewer, ask: PageAsk | None = None, clock: Clock = CLOCK
) -> Page[ApiToken]:
    """One's own that are not revoked, and everybody's for whoever manages members; the newest
    first. What has expired is still shown, since somebody may wonder why it stopped."""
    return await read_page(_visible(viewer), ask or PageAsk())


async def get(viewer: Viewer, token_id: UUID) -> ApiToken:
    found = await _visible(viewer).get_or_none(id=token_id)
    if found is None:
        raise NotFound.of("token")
    return found


async def revoke(viewer: Viewer, token_id: UUID, clock: Clock = CLOCK) -> ApiToken:
    """A token may end itself, and others where it may manage members. What it made ends with it."""
    found = await get(viewer, token_id)
    if viewer.via_token and found.id != viewer.token_id and not viewer.may("members:write"):
        raise Denied("This token may end no token but itself.")
    found.revoked_at = clock.now()
    async with in_transaction():
        for row in [found, *await _made_with(found)]:
            await ApiToken.filter(id=row.id).update(revoked_at=found.revoked_at)
            change = audit.Change(before=_facts(row))
            await audit.record(viewer, "token.revoked", _subject(row), change, clock)
    return found


async def _made_with(first: ApiToken) -> list[ApiToken]:
    """Alive ones, and what those made in turn."""
    found: list[ApiToken] = []
    makers = [first.id]
    while makers:
        rows = await ApiToken.filter(made_by_id__in=makers, revoked_at=None)
        found += rows
        makers = [row.id for row in rows]
    return found


def _visible(viewer: Viewer) -> QuerySet[ApiToken]:
    rows = ApiToken.filter(workspace_id=viewer.workspace_id, revoked_at=None)
    if not viewer.may("members:write"):
        own = {"id": viewer.token_id} if viewer.via_token else {"user_id": viewer.user_id}
        rows = rows.filter(**own)
    return rows.select_related("user")


def _alive(viewer: Viewer, clock: Clock) -> QuerySet[ApiToken]:
    rows = ApiToken.filter(workspace_id=viewer.workspace_id, revoked_at=None)
    return rows.exclude(expires_at__lt=clock.now())


async def _check_bots(
    viewer: Viewer, bot_ids: Sequence[UUID], scopes: Sequence[str] | None
) -> None:
    if wider := sorted(set(scopes or ()) - BOT_SCOPES):
        message = f"{wider[0]} concerns the whole workspace; a token for some bots cannot have it."
        raise Invalid(message, path=["scopes"])
    if not 1 <= len(bot_ids) <= MOST_BOTS:
        raise Invalid(f"Name 1 to {MOST_BOTS} bots, or leave them out.", path=["botIds"])
    known = await mine(viewer, Bot).filter(id__in=list(bot_ids), deleted_at=None).count()
    if known != len(set(bot_ids)):
        raise NotFound("There is no such bot.", path=["botIds"])


@dataclass(frozen=True, slots=True)
class _Narrowed:
    role: Role
    scopes: Sequence[str] | None
    bot_ids: Sequence[UUID] | None
    expires_at: datetime | None
    made_by_id: UUID | None = None


async def _check_end(viewer: Viewer, expires_at: datetime | None) -> None:
    maker = await ApiToken.get_or_none(id=viewer.token_id) if viewer.token_id else None
    if maker is None or maker.expires_at is None:
        return
    if expires_at is None or expires_at > maker.expires_at:
        latest = maker.expires_at.strftime("%Y-%m-%d %H:%M UTC")
        message = f"A token made with this one ends with it, on {latest} at the latest."
        raise Invalid(message, path=["expiresAt"])


def _check(
    name: str,
    role: Role,
    scopes: Sequence[str] | None,
    expires_at: datetime | None,
    clock: Clock,
) -> None:
    if not name.strip() or len(name) > 200:
        raise Invalid("Give the token a name of 1 to 200 characters.", path=["name"])
    if scopes is not None and not scopes:
        raise Invalid("Choose what the token may do, or leave the scopes out.", path=["scopes"])
    if unknown := sorted(set(scopes or ()) - set(SCOPES)):
        raise Invalid(
            f"There is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}.", path=["scopes"]
        )
    if missing := sorted(set(scopes or ()) - ROLE_SCOPES[role]):
        raise Invalid(f"The role {role.value} does not have {missing[0]}.", path=["scopes"])
    if expires_at is not None and expires_at <= clock.now():
        raise Invalid("The token would have expired already.", path=["expiresAt"])


async def _store(
    actor: audit.Actor,
    workspace_id: UUID,
    user_id: UUID,
    name: str,
    narrowed: _Narrowed,
    clock: Clock,
) -> NewToken:
    text = PREFIX + new_secret()
    bots = narrowed.bot_ids
    async with in_transaction():
        row = await ApiToken.create(
            workspace_id=workspace_id,
            user_id=user_id,
            name=name.strip(),
            prefix=text[:SHOWN],
            token_hash=hash_of(text),
            role=narrowed.role,
            scopes=None if narrowed.scopes is None else sorted(set(narrowed.scopes)),
            bot_ids=None if bots is None else [str(bot_id) for bot_id in bots],
            expires_at=narrowed.expires_at,
            made_by_id=narrowed.made_by_id,
        )
        change = audit.Change(after=_facts(row))
        await audit.record_by(
            actor, workspace_id, "token.created", _subject(row), change, clock=clock
        )
    await row.fetch_related("user")
    return NewToken(row, text)


def _facts(row: ApiToken) -> dict[str, Any]:
    bots = row.bot_ids
    return {
        "name": row.name,
        "begins": row.prefix,
        "role": row.role.value,
        "scopes": row.scopes,
        "bots": None if bots is None else [public_id("bot", UUID(bot_id)) for bot_id in bots],
        "expires": None if row.expires_at is None else row.expires_at.isoformat(),
    }


def _subject(row: ApiToken) -> audit.Subject:
    return audit.Subject("token", row.id, row.name)
