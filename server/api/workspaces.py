"""Workspaces: the viewer's own, a new one, and the way from one to another."""

from __future__ import annotations

import strawberry

from server.api.access import IN_PERSON, ONESELF, mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import Role
from server.api.relay import Connection, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.models import tables
from server.workspaces import members, places, sessions
from server.workspaces.listing import PageAsk


@strawberry.type(description="A space of its own: nothing in it can be seen from another one.")
class Workspace:
    id: strawberry.ID = strawberry.field(description="`wsp_…`")
    name: str = strawberry.field(description="How it is called.")
    row: strawberry.Private[tables.Workspace | None] = None

    @strawberry.field(description="Its time zone, such as Europe/Berlin.")
    async def timezone(self) -> str:
        row = self.row or await tables.Workspace.get(id=read_id("workspace", self.id))
        return row.timezone

    @classmethod
    def of(cls, row: tables.Workspace) -> Workspace:
        return cls(id=strawberry.ID(public_id("workspace", row.id)), name=row.name, row=row)


@strawberry.type(description="A workspace that the viewer is a member of.")
class Membership:
    workspace: Workspace = strawberry.field(description="The workspace.")
    role: Role = strawberry.field(description="The viewer's role there.")
    current: bool = strawberry.field(description="Where every answer is from now.")


def _membership(info: Info, row: tables.Member) -> Membership:
    current = row.workspace_id == info.context.asker.workspace_id
    return Membership(workspace=Workspace.of(row.workspace), role=row.role, current=current)


@strawberry.input(description="Input of `createWorkspace`.")
class CreateWorkspaceInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    timezone: str | None = strawberry.field(
        default=None, description="A time zone such as Europe/Berlin; UTC when absent."
    )


@strawberry.type(description="Answer of `createWorkspace`.")
class CreateWorkspacePayload:
    membership: Membership | None = strawberry.field(
        default=None, description="The new workspace; the viewer owns it."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `changeWorkspace`; what is absent stays as it is.")
class ChangeWorkspaceInput:
    name: str | None = strawberry.field(default=None, description="1 to 100 characters.")
    timezone: str | None = strawberry.field(
        default=None, description="A time zone such as Europe/Berlin."
    )


@strawberry.type(description="Answer of `changeWorkspace`.")
class ChangeWorkspacePayload:
    workspace: Workspace | None = strawberry.field(default=None, description="As it is now.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `switchWorkspace`.")
class SwitchWorkspaceInput:
    workspace_id: strawberry.ID = strawberry.field(description="One of `workspaces`.")


@strawberry.type(description="Answer of `switchWorkspace`.")
class SwitchWorkspacePayload:
    membership: Membership | None = strawberry.field(
        default=None, description="Where the session is now."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `leaveWorkspace`.")
class LeaveWorkspaceInput:
    workspace_id: strawberry.ID = strawberry.field(
        description="The current workspace, to be sure that it is the one that is meant."
    )


@strawberry.type(description="Answer of `leaveWorkspace`.")
class LeaveWorkspacePayload:
    workspace: Workspace | None = strawberry.field(default=None, description="What was left.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class WorkspaceQueries:
    @query(ONESELF, "The workspaces of the viewer; of a token, its own.")
    async def workspaces(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Membership]:
        page = await places.list_mine(info.context.asker, PageAsk(first, after, last, before))
        return connection_of(page, Connection[Membership], lambda row: _membership(info, row))


@strawberry.type
class WorkspaceMutations:
    @mutation(
        IN_PERSON,
        CreateWorkspacePayload,
        "Makes a workspace that the viewer owns; the session stays where it is. "
        "Errors: INVALID_INPUT, LIMIT_REACHED.",
    )
    async def create_workspace(
        self, info: Info, input: CreateWorkspaceInput
    ) -> CreateWorkspacePayload:
        row = await places.create(info.context.asker, input.name, input.timezone)
        return CreateWorkspacePayload(membership=_membership(info, row))

    @mutation(
        "members:write",
        ChangeWorkspacePayload,
        "Gives the workspace another name or time zone. Errors: INVALID_INPUT.",
    )
    async def change_workspace(
        self, info: Info, input: ChangeWorkspaceInput
    ) -> ChangeWorkspacePayload:
        row = await places.update(info.context.asker, input.name, input.timezone)
        info.context.rooms.recogniser.forget()
        return ChangeWorkspacePayload(workspace=Workspace.of(row))

    @mutation(
        IN_PERSON,
        SwitchWorkspacePayload,
        "Moves this session, with every tab of the browser, to another workspace of the viewer. "
        "Errors: NOT_FOUND.",
    )
    async def switch_workspace(
        self, info: Info, input: SwitchWorkspaceInput
    ) -> SwitchWorkspacePayload:
        asker = info.context.asker
        row = await sessions.move(asker, read_id("workspace", input.workspace_id))
        info.context.rooms.access_changed(asker.user_id)
        workspace = Workspace.of(row.workspace)
        return SwitchWorkspacePayload(
            membership=Membership(workspace=workspace, role=row.role, current=True)
        )

    @mutation(
        IN_PERSON,
        LeaveWorkspacePayload,
        "Gives up the viewer's place; the session goes on in another workspace of theirs, or "
        "ends. Errors: INVALID_STATE for the only owner, NOT_FOUND.",
    )
    async def leave_workspace(
        self, info: Info, input: LeaveWorkspaceInput
    ) -> LeaveWorkspacePayload:
        asker = info.context.asker
        row = await members.leave(asker, read_id("workspace", input.workspace_id))
        info.context.rooms.access_changed(asker.user_id)
        left = await tables.Workspace.get(id=row.workspace_id)
        return LeaveWorkspacePayload(workspace=Workspace.of(left))
