"""Whom a bot means: a role, the address or the name of a member, or everybody who decides."""

from __future__ import annotations

from uuid import UUID

from server.models.enums import Role
from server.models.tables import Member
from server.workspaces.access import Viewer
from server.workspaces.permissions import RANKED, ROLE_SCOPES

DECIDES = "approvals:decide"


async def addressees(workspace_id: UUID, to: str | None) -> list[UUID]:
    """The people meant, as users; nobody: empty. A role means those who have it or a higher one."""
    rows = Member.filter(workspace_id=workspace_id, user__disabled_at=None)
    members = await rows.prefetch_related("user")
    if to is None:
        return [one.user_id for one in members if DECIDES in ROLE_SCOPES[one.role]]
    role = role_of(to)
    if role is not None:
        return [one.user_id for one in members if _at_least(one.role, role)]
    wanted = to.strip().lower()
    return [
        one.user_id
        for one in members
        if wanted in (one.user.email.lower(), one.user.name.strip().lower())
    ]


def is_meant(viewer: Viewer, to: str | None) -> bool:
    """Owners and administrators may always answer for others."""
    if to is None or viewer.role in (Role.OWNER, Role.ADMIN):
        return True
    role = role_of(to)
    if role is not None:
        return _at_least(viewer.role, role)
    return to.strip().lower() in (viewer.email.lower(), viewer.name.strip().lower())


def role_of(to: str) -> Role | None:
    word = to.strip().lower()
    return Role(word) if word in set(Role) else None


def _at_least(has: Role, wanted: Role) -> bool:
    return RANKED.index(has) <= RANKED.index(wanted)
