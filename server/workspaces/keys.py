"""API tokens: for programs, shown once, kept as a hash, never with more rights than their maker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.core.clock import Clock, SystemClock
from server.core.errors import Denied, Invalid, NotFound
from server.models.enums import Role
from server.models.tables import ApiToken, Bot
from server.workspaces.access import SCOPES, Viewer, mine
from server.workspaces.accounts import owner_of, the_workspace
from server.workspaces.secrets import hash_of, new_secret

PREFIX = "bb_"
SHOWN = len(PREFIX) + 6

CLOCK = SystemClock()
_RANK = {role: rank for rank, role in enumerate(Role)}


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
    if viewer.via_token:
        raise Denied("A token cannot make tokens; sign in to make one.")
    wanted = role or viewer.role
    if _RANK[wanted] < _RANK[viewer.role]:
        raise Denied(f"You are {viewer.role}, so your tokens cannot be {wanted}.", path=["role"])
    _check(name, scopes, expires_at, clock)
    if bot_ids is not None:
        known = await mine(viewer, Bot).filter(id__in=list(bot_ids)).count()
        if known != len(set(bot_ids)):
            raise NotFound("There is no such bot.", path=["botIds"])
    return await _store(
        viewer.workspace_id, viewer.user_id, name, wanted, scopes, bot_ids, expires_at
    )


async def create_locally(
    workspace: str | None = None, role: Role = Role.OWNER, name: str = "command line"
) -> NewToken:
    """For whoever can read the database anyway: `baleybots token create`."""
    place = await the_workspace(workspace)
    owner = await owner_of(place.id)
    return await _store(place.id, owner.id, name, role, None, None, None)


async def list_tokens(viewer: Viewer) -> list[ApiToken]:
    rows = ApiToken.filter(workspace_id=viewer.workspace_id, revoked_at=None)
    if not viewer.may("members:write"):
        rows = rows.filter(user_id=viewer.user_id)
    return await rows.order_by("-id")


async def revoke(viewer: Viewer, token_id: UUID, clock: Clock = CLOCK) -> ApiToken:
    found = next((row for row in await list_tokens(viewer) if row.id == token_id), None)
    if found is None:
        raise NotFound("There is no such token.")
    found.revoked_at = clock.now()
    await found.save(update_fields=["revoked_at"])
    return found


def _check(
    name: str, scopes: Sequence[str] | None, expires_at: datetime | None, clock: Clock
) -> None:
    if not name.strip() or len(name) > 200:
        raise Invalid("Give the token a name of 1 to 200 characters.", path=["name"])
    if unknown := sorted(set(scopes or ()) - set(SCOPES)):
        raise Invalid(
            f"There is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}.", path=["scopes"]
        )
    if expires_at is not None and expires_at <= clock.now():
        raise Invalid("The token would have expired already.", path=["expiresAt"])


async def _store(
    workspace_id: UUID,
    user_id: UUID,
    name: str,
    role: Role,
    scopes: Sequence[str] | None,
    bot_ids: Sequence[UUID] | None,
    expires_at: datetime | None,
) -> NewToken:
    text = PREFIX + new_secret()
    row = await ApiToken.create(
        workspace_id=workspace_id,
        user_id=user_id,
        name=name.strip(),
        prefix=text[:SHOWN],
        token_hash=hash_of(text),
        role=role,
        scopes=None if scopes is None else sorted(set(scopes)),
        bot_ids=None if bot_ids is None else [str(bot_id) for bot_id in bot_ids],
        expires_at=expires_at,
    )
    return NewToken(row, text)
