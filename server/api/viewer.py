"""Who the API thinks is asking."""

from __future__ import annotations

import strawberry

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.context import Info
from server.api.kinds import Role
from server.api.people import RoleInfo, User, all_roles
from server.api.pricing import RateLimit, rate_limit_of
from server.api.workspaces import Workspace
from server.core.ids import public_id
from server.models import tables


@strawberry.type(description="What the viewer may do in the workspace.")
class WorkspacePermissions:
    create_bots: bool = strawberry.field(description="Make bots.")
    create_connections: bool = strawberry.field(description="Make connections.")
    create_triggers: bool = strawberry.field(description="Make triggers.")
    create_budgets: bool = strawberry.field(description="Set budgets and prices.")
    see_costs: bool = strawberry.field(description="See costs, prices and budgets.")
    manage_members: bool = strawberry.field(description="Invite and remove people, change roles.")
    read_audit: bool = strawberry.field(description="Read the audit log.")


@strawberry.type(description="Who is asking, and where.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The user's id.")
    role: Role = strawberry.field(description="What they may do here.")
    scopes: list[str] = strawberry.field(description="Every scope that they hold now.")
    via_token: bool = strawberry.field(description="True for an API token, false for a browser.")
    workspace: Workspace = strawberry.field(description="Where every answer is from.")

    @strawberry.field(description="The person, also behind a token.")
    async def user(self, info: Info) -> User:
        """Read anew: an open page was let in under the name that they had then."""
        return User.of(await tables.User.get(id=info.context.asker.user_id))

    @strawberry.field(description="What they may do in the workspace.")
    def viewer_can(self, info: Info) -> WorkspacePermissions:
        return WorkspacePermissions(**info.context.asker.can("workspace"))

    @strawberry.field(description="Whether the person can sign in with a password.")
    async def has_password(self, info: Info) -> bool:
        rows = tables.User.filter(id=info.context.asker.user_id)
        return await rows.filter(password__isnull=False).exists()

    @strawberry.field(
        description="How many points of requests are left to them, this one paid; null without a "
        "limit."
    )
    def rate_limit(self, info: Info) -> RateLimit | None:
        return rate_limit_of(info)


@strawberry.type
class ViewerQueries:
    @query(ANYONE_SIGNED_IN, "Who is asking, and where.")
    def viewer(self, info: Info) -> Viewer:
        asker = info.context.asker
        user_id = strawberry.ID(public_id("user", asker.user_id))
        return Viewer(
            id=user_id,
            role=asker.role,
            scopes=sorted(asker.scopes),
            via_token=asker.via_token,
            workspace=Workspace(
                id=strawberry.ID(public_id("workspace", asker.workspace_id)),
                name=asker.workspace_name,
            ),
        )

    @query(ANYONE_SIGNED_IN, "The roles of a workspace, from the one that may most downwards.")
    def roles(self, info: Info) -> list[RoleInfo]:
        return all_roles()
