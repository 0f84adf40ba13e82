"""The people of a workspace, and those who are asked in."""

from __future__ import annotations

from datetime import datetime

import strawberry

from server.api.access import IN_PERSON, MANAGER_OR_IN_PERSON, mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import Role
from server.api.people import User
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.address import own_address
from server.core.errors import Upstream
from server.core.ids import public_id, read_id
from server.core.logs import get_logger
from server.core.net.mail import Letter
from server.models import tables
from server.workspaces import invitations, members
from server.workspaces.listing import PageAsk
from server.workspaces.permissions import RANKED

log = get_logger(__name__)

INVITED = """\
{by} asks you into the workspace {workspace} on Baleybots, as {role}.

Join here within seven days:

{link}
"""


@strawberry.type(description="What the viewer may do with a member.")
class MemberPermissions:
    change_role: bool = strawberry.field(description="Give them another role.")
    remove: bool = strawberry.field(description="Take them out of the workspace.")
    transfer: bool = strawberry.field(description="Hand the workspace over to them.")


@strawberry.type(description="A person in the workspace.")
class Member(Node):
    row: strawberry.Private[tables.Member]
    user: User = strawberry.field(description="The person.")
    role: Role = strawberry.field(description="What they may do here.")
    created_at: datetime = strawberry.field(description="Since when they are here.")

    @classmethod
    def of(cls, row: tables.Member) -> Member:
        return cls(
            row=row,
            id=strawberry.ID(public_id("member", row.id)),
            user=User.of(row.user),
            role=row.role,
            created_at=row.created_at,
        )

    @strawberry.field(description="Whether this is the viewer.")
    def is_viewer(self, info: Info) -> bool:
        return self.row.user_id == info.context.asker.user_id

    @strawberry.field(description="When they were last seen, to within five minutes.")
    async def last_seen_at(self, info: Info) -> datetime | None:
        return await info.context.loaders.last_seen.load(self.row.user_id)

    @strawberry.field(description="What the viewer may do with them.")
    def viewer_can(self, info: Info) -> MemberPermissions:
        asker = info.context.asker
        manages = asker.may("members:write")
        below = RANKED.index(self.role) >= RANKED.index(asker.role)
        other = self.row.user_id != asker.user_id
        owner = asker.role is Role.OWNER and not asker.via_token
        return MemberPermissions(
            change_role=manages and below, remove=manages and below, transfer=owner and other
        )


@strawberry.type(description="What the viewer may do with an invitation.")
class InvitationPermissions:
    revoke: bool = strawberry.field(description="Withdraw it.")


@strawberry.type(description="A place that is held for an address until somebody takes it.")
class Invitation(Node):
    email: str = strawberry.field(description="Whom it is for.")
    role: Role = strawberry.field(description="What they will be.")
    invited_by: User = strawberry.field(description="Who asked them in.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime = strawberry.field(description="Until when the link works.")

    @classmethod
    def of(cls, row: tables.Invitation) -> Invitation:
        return cls(
            id=strawberry.ID(public_id("invitation", row.id)),
            email=row.email,
            role=row.role,
            invited_by=User.of(row.invited_by),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> InvitationPermissions:
        return InvitationPermissions(revoke=info.context.asker.may("members:write"))


@strawberry.input(description="Input of `inviteMember`.")
class InviteMemberInput:
    email: str = strawberry.field(description="Whom to ask in.")
    role: Role = strawberry.field(description="What they will be; never above your own role.")


@strawberry.type(description="Answer of `inviteMember`.")
class InviteMemberPayload:
    invitation: Invitation | None = strawberry.field(default=None, description="What is kept.")
    link: str | None = strawberry.field(
        default=None, description="The link to hand on. It is shown this once and never again."
    )
    mailed: bool | None = strawberry.field(
        default=None, description="Whether the link was mailed; without a mail server it is not."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `revokeInvitation`.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation, `inv_…`.")


@strawberry.type(description="Answer of `revokeInvitation`.")
class RevokeInvitationPayload:
    invitation: Invitation | None = strawberry.field(
        default=None, description="What was withdrawn."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `changeMemberRole`.")
class ChangeMemberRoleInput:
    member_id: strawberry.ID = strawberry.field(description="The member, `mem_…`.")
    role: Role = strawberry.field(description="Their new role; never above your own.")


@strawberry.type(description="Answer of `changeMemberRole`.")
class ChangeMemberRolePayload:
    member: Member | None = strawberry.field(default=None, description="As they are now.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `removeMember`.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The member, `mem_…`.")


@strawberry.type(description="Answer of `removeMember`.")
class RemoveMemberPayload:
    member: Member | None = strawberry.field(default=None, description="Who was taken out.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `transferWorkspace`.")
class TransferWorkspaceInput:
    member_id: strawberry.ID = strawberry.field(description="Who is to own it, `mem_…`.")


@strawberry.type(description="Answer of `transferWorkspace`.")
class TransferWorkspacePayload:
    member: Member | None = strawberry.field(default=None, description="The new owner.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class MemberQueries:
    @query(
        MANAGER_OR_IN_PERSON,
        "The people of the workspace, the longest here first.",
    )
    async def members(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Member]:
        page = await members.list_members(info.context.asker, PageAsk(first, after, last, before))
        return connection_of(page, Connection[Member], Member.of)

    @query("members:write", "Invitations that nobody has taken yet, the newest first.")
    async def invitations(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Invitation]:
        ask = PageAsk(first, after, last, before)
        page = await invitations.list_invitations(info.context.asker, ask)
        return connection_of(page, Connection[Invitation], Invitation.of)


@strawberry.type
class MemberMutations:
    @mutation(
        "members:write",
        InviteMemberPayload,
        "Holds a place for an address and makes the link to it, good for seven days; an earlier "
        "one for the same address ends. Errors: INVALID_INPUT, CONFLICT for who is a member, "
        "LIMIT_REACHED at 300 in a day.",
    )
    async def invite_member(self, info: Info, input: InviteMemberInput) -> InviteMemberPayload:
        made = await invitations.invite(info.context.asker, input.email, input.role)
        link = f"{own_address(info.context.rooms.settings)}/join?token={made.token}"
        return InviteMemberPayload(
            invitation=Invitation.of(made.row),
            link=link,
            mailed=await _mailed(info, made.row, link),
        )

    @mutation(
        "members:write",
        RevokeInvitationPayload,
        "Withdraws an invitation; its link works no more. Errors: NOT_FOUND.",
    )
    async def revoke_invitation(
        self, info: Info, input: RevokeInvitationInput
    ) -> RevokeInvitationPayload:
        wanted = read_id("invitation", input.invitation_id)
        row = await invitations.revoke(info.context.asker, wanted)
        return RevokeInvitationPayload(invitation=Invitation.of(row))

    @mutation(
        "members:write",
        ChangeMemberRolePayload,
        "Gives a member another role, at once; their tokens keep no more rights than that. "
        "Errors: NOT_FOUND, INVALID_STATE for the only owner.",
    )
    async def change_member_role(
        self, info: Info, input: ChangeMemberRoleInput
    ) -> ChangeMemberRolePayload:
        wanted = read_id("member", input.member_id)
        row = await members.change_role(info.context.asker, wanted, input.role)
        info.context.rooms.access_changed(row.user_id)
        return ChangeMemberRolePayload(member=Member.of(row))

    @mutation(
        "members:write",
        RemoveMemberPayload,
        "Takes a member out at once: their sessions leave, their tokens end. Errors: NOT_FOUND, "
        "INVALID_STATE for the only owner.",
    )
    async def remove_member(self, info: Info, input: RemoveMemberInput) -> RemoveMemberPayload:
        row = await members.remove(info.context.asker, read_id("member", input.member_id))
        info.context.rooms.access_changed(row.user_id)
        return RemoveMemberPayload(member=Member.of(row))

    @mutation(
        IN_PERSON,
        TransferWorkspacePayload,
        "Makes a member an owner and the asking owner an admin. Only for owners who are signed in. "
        "Errors: NOT_FOUND, INVALID_INPUT.",
    )
    async def transfer_workspace(
        self, info: Info, input: TransferWorkspaceInput
    ) -> TransferWorkspacePayload:
        asker = info.context.asker
        row = await members.transfer(asker, read_id("member", input.member_id))
        info.context.rooms.access_changed(row.user_id)
        info.context.rooms.access_changed(asker.user_id)
        return TransferWorkspacePayload(member=Member.of(row))


async def _mailed(info: Info, row: tables.Invitation, link: str) -> bool:
    """A mail server that refuses does not undo the invitation: its link can be handed on."""
    asker, mailer = info.context.asker, info.context.rooms.reception.mailer
    if mailer is None:
        return False
    by, place = asker.name or asker.email, asker.workspace_name
    text = INVITED.format(by=by, workspace=place, role=row.role.value, link=link)
    try:
        await mailer.send(Letter(row.email, f"{by} asks you into {place}", text))
    except Upstream as error:
        log.error("invitation_not_mailed", error=error.message)
        return False
    return True
