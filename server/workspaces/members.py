"""The people of a workspace: their roles, and leaving. There is always an owner."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tortoise.expressions import F
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Denied, Invalid, InvalidState, NotFound
from server.models.enums import Role
from server.models.tables import ApiToken, Invitation, Member, Session, Workspace
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page, PageAsk, read_page
from server.workspaces.permissions import RANKED, ROLE_SCOPES

CLOCK = SystemClock()


async def list_members(viewer: Viewer, ask: PageAsk | None = None) -> Page[Member]:
    """The longest here first. A token sees them only where it may manage them."""
    _may_see(viewer)
    rows = mine(viewer, Member).select_related("user")
    return await read_page(rows, ask or PageAsk(), "created_at", descending=False)


async def get(viewer: Viewer, member_id: UUID) -> Member:
    _may_see(viewer)
    return await _one(viewer, member_id)


async def change_role(viewer: Viewer, member_id: UUID, role: Role, clock: Clock = CLOCK) -> Member:
    require(viewer, "members:write")
    async with in_transaction():
        member = await _held(viewer, member_id)
        check_rank(viewer, member.role)
        check_rank(viewer, role)
        if role is member.role:
            return member
        if member.role is Role.OWNER:
            await _keep_an_owner(member, "given another role")
        before, member.role = member.role, role
        await member.save(update_fields=["role"])
        await _weaken(member, clock)
        change = audit.Change({"role": before.value}, {"role": role.value})
        await audit.record(viewer, "member.role_changed", subject_of(member), change, clock)
    return member


async def remove(viewer: Viewer, member_id: UUID, clock: Clock = CLOCK) -> Member:
    require(viewer, "members:write")
    async with in_transaction():
        member = await _held(viewer, member_id)
        check_rank(viewer, member.role)
        await _take_out(member, clock)
        change = audit.Change(before=_facts(member))
        await audit.record(viewer, "member.removed", subject_of(member), change, clock)
    return member


async def leave(viewer: Viewer, workspace_id: UUID | None = None, clock: Clock = CLOCK) -> Member:
    """`workspace_id`: the one that is meant, when somebody may have gone elsewhere meanwhile."""
    if viewer.via_token:
        raise Denied("A token cannot leave; sign in to do that.")
    if workspace_id not in (None, viewer.workspace_id):
        raise NotFound("You are not in this workspace now.", path=["workspaceId"])
    async with in_transaction():
        member = await _held(viewer, await _own_id(viewer))
        await _take_out(member, clock)
        change = audit.Change(before=_facts(member))
        await audit.record(viewer, "member.left", subject_of(member), change, clock)
    return member


async def transfer(viewer: Viewer, member_id: UUID, clock: Clock = CLOCK) -> Member:
    """The other one becomes an owner, the one who asks an admin."""
    if viewer.via_token or viewer.role is not Role.OWNER:
        raise Denied("Only an owner who is signed in can hand a workspace over.")
    async with in_transaction():
        target = await _held(viewer, member_id)
        own = await _one(viewer, await _own_id(viewer))
        if target.id == own.id:
            raise Invalid("You own this workspace already.", path=["memberId"])
        if own.role is not Role.OWNER:
            raise Denied("Only an owner can hand a workspace over.")
        before = target.role
        target.role, own.role = Role.OWNER, Role.ADMIN
        await target.save(update_fields=["role"])
        await own.save(update_fields=["role"])
        await _weaken(own, clock)
        change = audit.Change({"role": before.value, "owner": viewer.email}, {"role": "owner"})
        await audit.record(viewer, "workspace.transferred", subject_of(target), change, clock)
    return target


def check_rank(viewer: Viewer, role: Role) -> None:
    """Nobody gives, takes or holds sway over a role above their own."""
    if RANKED.index(role) < RANKED.index(viewer.role):
        raise Denied(f"You are {viewer.role.value} here, so this is for an {role.value} to do.")


def subject_of(member: Member) -> audit.Subject:
    return audit.Subject("member", member.user_id, member.user.email)


def _facts(member: Member) -> dict[str, str]:
    return {"email": member.user.email, "name": member.user.name, "role": member.role.value}


def _may_see(viewer: Viewer) -> None:
    if viewer.via_token:
        require(viewer, "members:write")


async def _own_id(viewer: Viewer) -> UUID:
    return (await mine(viewer, Member).get(user_id=viewer.user_id)).id


async def _one(viewer: Viewer, member_id: UUID) -> Member:
    member = await mine(viewer, Member).get_or_none(id=member_id).select_related("user")
    if member is None:
        raise NotFound("There is no such member.", path=["memberId"])
    return member


async def _held(viewer: Viewer, member_id: UUID) -> Member:
    """Read behind a lock on the workspace: two owners cannot both step back at once."""
    await Workspace.filter(id=viewer.workspace_id).update(updated_at=F("updated_at"))
    return await _one(viewer, member_id)


async def _keep_an_owner(member: Member, done: str) -> None:
    others = Member.filter(
        workspace_id=member.workspace_id, role=Role.OWNER, user__disabled_at=None
    ).exclude(id=member.id)
    if not await others.exists():
        raise InvalidState(
            f"{member.user.email} is the only owner and cannot be {done}.",
            hint="Make somebody else an owner first.",
        )


async def _take_out(member: Member, clock: Clock) -> None:
    """Their sessions go to another workspace of theirs or end; their tokens here end."""
    if member.role is Role.OWNER:
        await _keep_an_owner(member, "taken out")
    now = clock.now()
    here = {"user_id": member.user_id, "workspace_id": member.workspace_id, "revoked_at": None}
    await Member.filter(id=member.id).delete()
    await ApiToken.filter(**here).update(revoked_at=now)
    await _end_invitations(member, RANKED, clock)
    other = await Member.filter(user_id=member.user_id).order_by("created_at").first()
    if other is not None:
        await Session.filter(**here).update(workspace_id=other.workspace_id)
    else:
        await Session.filter(**here).update(revoked_at=now)


async def _weaken(member: Member, clock: Clock) -> None:
    """Neither a token nor an open invitation gives more than whoever made it could give now."""
    stronger = [role for role in RANKED if RANKED.index(role) < RANKED.index(member.role)]
    manages = "members:write" in ROLE_SCOPES[member.role]
    await _end_invitations(member, stronger if manages else RANKED, clock)
    await ApiToken.filter(
        user_id=member.user_id, workspace_id=member.workspace_id, role__in=stronger
    ).update(role=member.role)


async def _end_invitations(member: Member, roles: Sequence[Role], clock: Clock) -> None:
    """A link that somebody kept must not lead back in."""
    await Invitation.filter(
        workspace_id=member.workspace_id,
        invited_by_id=member.user_id,
        role__in=list(roles),
        accepted_at=None,
        revoked_at=None,
    ).update(revoked_at=clock.now())
