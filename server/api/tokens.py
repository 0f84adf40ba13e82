"""API tokens: made in the web app, shown once, revoked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from server.api.access import ONESELF, mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import Role
from server.api.people import User
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.models import tables
from server.workspaces import keys
from server.workspaces.listing import PageAsk


@strawberry.type(description="What the viewer may do with a token.")
class ApiTokenPermissions:
    revoke: bool = strawberry.field(description="End it.")


@strawberry.type(description="A token for a program. Only its hash is stored.")
class ApiToken(Node):
    name: str = strawberry.field(description="To tell tokens apart.")
    prefix: str = strawberry.field(description="How the token begins.")
    role: Role = strawberry.field(description="What it may do at most.")
    scopes: list[str] | None = strawberry.field(
        description="Narrows the role to these scopes; null for all of them."
    )
    bot_ids: list[strawberry.ID] | None = strawberry.field(
        description="Narrows it to these bots; null for all."
    )
    created_by: User = strawberry.field(description="Who made it; it never may more than they.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it ends; null for never.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to within five minutes."
    )

    @classmethod
    def of(cls, row: tables.ApiToken) -> ApiToken:
        bots = None
        if row.bot_ids is not None:
            bots = [strawberry.ID(public_id("bot", UUID(bot_id))) for bot_id in row.bot_ids]
        return cls(
            id=strawberry.ID(public_id("token", row.id)),
            name=row.name,
            prefix=row.prefix,
            role=row.role,
            scopes=row.scopes,
            bot_ids=bots,
            created_by=User.of(row.user),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> ApiTokenPermissions:
        asker = info.context.asker
        own = asker.token_id is None or public_id("token", asker.token_id) == self.id
        return ApiTokenPermissions(revoke=own or asker.may("members:write"))


@strawberry.input(description="Input of `createApiToken`.")
class CreateApiTokenInput:
    name: str = strawberry.field(description="1 to 200 characters, to tell tokens apart.")
    role: Role | None = strawberry.field(
        default=None, description="Your own role when not given; never above it."
    )
    scopes: list[str] | None = strawberry.field(
        default=None, description="Narrow the role to these scopes."
    )
    bot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Narrow the token to these bots."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends.")


@strawberry.type(description="Answer of `createApiToken`.")
class CreateApiTokenPayload:
    token: str | None = strawberry.field(
        default=None, description="The token itself. It is shown this once and never again."
    )
    api_token: ApiToken | None = strawberry.field(default=None, description="What is kept of it.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `revokeApiToken`.")
class RevokeApiTokenInput:
    token_id: strawberry.ID = strawberry.field(description="The token's id, `tok_…`.")


@strawberry.type(description="Answer of `revokeApiToken`.")
class RevokeApiTokenPayload:
    api_token: ApiToken | None = strawberry.field(default=None, description="The ended token.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class TokenQueries:
    @query(
        ONESELF,
        "Your API tokens that are not revoked, the newest first; owners and admins see all, a "
        "token sees itself.",
    )
    async def api_tokens(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[ApiToken]:
        page = await keys.list_tokens(info.context.asker, PageAsk(first, after, last, before))
        return connection_of(page, Connection[ApiToken], ApiToken.of)


@strawberry.type
class TokenMutations:
    @mutation(
        ONESELF,
        CreateApiTokenPayload,
        "Makes a token for a program. What a token makes ends with it. Errors: INVALID_INPUT, "
        "NOT_FOUND for a bot, LIMIT_REACHED.",
    )
    async def create_api_token(
        self, info: Info, input: CreateApiTokenInput
    ) -> CreateApiTokenPayload:
        bots = None if input.bot_ids is None else [read_id("bot", text) for text in input.bot_ids]
        made = await keys.create(
            info.context.asker,
            input.name,
            input.role,
            input.scopes,
            bots,
            input.expires_at,
        )
        return CreateApiTokenPayload(token=made.text, api_token=ApiToken.of(made.row))

    @mutation(
        ONESELF,
        RevokeApiTokenPayload,
        "Ends a token and those that it made, at once, also on open sockets. Errors: NOT_FOUND.",
    )
    async def revoke_api_token(
        self, info: Info, input: RevokeApiTokenInput
    ) -> RevokeApiTokenPayload:
        row = await keys.revoke(info.context.asker, read_id("token", input.token_id))
        info.context.rooms.access_changed(row.user_id)
        return RevokeApiTokenPayload(api_token=ApiToken.of(row))
