"""Who the API thinks is asking."""

from __future__ import annotations

import strawberry

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.context import Info
from server.api.kinds import Role
from server.api.people import RoleInfo, User, all_roles
from server.api.workspaces import Workspace
from server.core.ids import public_id
from server.models import tables


@strawberry.type(description="Who is asking, and where.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The user's id.")
    user: User = strawberry.field(description="The person, also behind a token.")
    role: Role = strawberry.field(description="What they may do here.")
    scopes: list[str] = strawberry.field(description="Every scope that they hold now.")
    via_token: bool = strawberry.field(description="True for an API token, false for a browser.")
    workspace: Workspace = strawberry.field(description="Where every answer is from.")

    @strawberry.field(description="Whether the person can sign in with a password.")
    async def has_password(self, info: Info) -> bool:
        rows = tables.User.filter(id=info.context.asker.user_id)
        return await rows.filter(password__isnull=False).exists()


@strawberry.type
class ViewerQueries:
    @query(ANYONE_SIGNED_IN, "Who is asking, and where.")
    def viewer(self, info: Info) -> Viewer:
        asker = info.context.asker
        user_id = strawberry.ID(public_id("user", asker.user_id))
        return Viewer(
            id=user_id,
            user=User(id=user_id, name=asker.name, email=asker.email),
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
