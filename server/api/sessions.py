"""One's own sessions, password and name."""

from __future__ import annotations

from datetime import datetime

import strawberry

from server.api.access import IN_PERSON, mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.people import User
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.models import tables
from server.workspaces import sessions
from server.workspaces.listing import PageAsk


@strawberry.type(description="What the viewer may do with a session.")
class SessionPermissions:
    revoke: bool = strawberry.field(description="End it.")


@strawberry.type(description="A browser in which the viewer is signed in.")
class Session(Node):
    row: strawberry.Private[tables.Session]
    device: str = strawberry.field(description="Browser and system, such as Firefox on Linux.")
    address: str = strawberry.field(description="Where it was signed in from.")
    created_at: datetime = strawberry.field(description="When it was signed in.")
    last_seen_at: datetime = strawberry.field(
        description="When it was last used, to within five minutes."
    )
    expires_at: datetime = strawberry.field(description="When it ends by itself.")

    @classmethod
    def of(cls, row: tables.Session) -> Session:
        return cls(
            row=row,
            id=strawberry.ID(public_id("session", row.id)),
            device=sessions.device_of(row.user_agent),
            address=row.address,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
        )

    @strawberry.field(description="Whether this is the session that asks.")
    def current(self, info: Info) -> bool:
        return self.row.id == info.context.asker.session_id

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self) -> SessionPermissions:
        return SessionPermissions(revoke=True)


@strawberry.input(description="Input of `revokeSession`.")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="The session, `ses_…`.")


@strawberry.type(description="Answer of `revokeSession`.")
class RevokeSessionPayload:
    session: Session | None = strawberry.field(default=None, description="The ended session.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `revokeOtherSessions`.")
class RevokeOtherSessionsInput:
    api_tokens: bool = strawberry.field(
        default=False, description="End the viewer's own API tokens of this workspace too."
    )


@strawberry.type(description="Answer of `revokeOtherSessions`.")
class RevokeOtherSessionsPayload:
    ended: int | None = strawberry.field(default=None, description="How many there were.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `changePassword`.")
class ChangePasswordInput:
    current_password: str | None = strawberry.field(
        default=None, description="The present password; absent when there is none yet."
    )
    new_password: str = strawberry.field(description="12 to 200 characters, and not easy to guess.")


@strawberry.type(description="Answer of `changePassword`.")
class ChangePasswordPayload:
    ended: int | None = strawberry.field(
        default=None, description="How many other sessions were ended by it."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `changeProfile`; what is absent stays as it is.")
class ChangeProfileInput:
    name: str | None = strawberry.field(default=None, description="1 to 200 characters.")
    email: str | None = strawberry.field(
        default=None, description="The address to sign in with; needs the password if there is one."
    )
    current_password: str | None = strawberry.field(
        default=None, description="The present password, for another address."
    )


@strawberry.type(description="Answer of `changeProfile`.")
class ChangeProfilePayload:
    user: User | None = strawberry.field(default=None, description="As they are now.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class SessionQueries:
    @query(
        IN_PERSON,
        "The viewer's own sessions, the one used last first.",
    )
    async def sessions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Session]:
        page = await sessions.list_sessions(info.context.asker, PageAsk(first, after, last, before))
        return connection_of(page, Connection[Session], Session.of)


@strawberry.type
class SessionMutations:
    @mutation(
        IN_PERSON,
        RevokeSessionPayload,
        "Ends one of the viewer's own sessions at once. Errors: NOT_FOUND.",
    )
    async def revoke_session(self, info: Info, input: RevokeSessionInput) -> RevokeSessionPayload:
        asker = info.context.asker
        row = await sessions.revoke(asker, read_id("session", input.session_id))
        info.context.rooms.access_changed(asker.user_id)
        return RevokeSessionPayload(session=Session.of(row))

    @mutation(
        IN_PERSON,
        RevokeOtherSessionsPayload,
        "Ends every session of the viewer but the one that asks. Errors: none.",
    )
    async def revoke_other_sessions(
        self, info: Info, input: RevokeOtherSessionsInput
    ) -> RevokeOtherSessionsPayload:
        asker = info.context.asker
        ended = await sessions.revoke_others(asker, tokens=input.api_tokens)
        info.context.rooms.access_changed(asker.user_id)
        return RevokeOtherSessionsPayload(ended=ended)

    @mutation(
        IN_PERSON,
        ChangePasswordPayload,
        "Sets the viewer's own password and ends their other sessions. Errors: "
        "INVALID_INPUT for a wrong or a weak password, RATE_LIMITED.",
    )
    async def change_password(
        self, info: Info, input: ChangePasswordInput
    ) -> ChangePasswordPayload:
        asker, rooms = info.context.asker, info.context.rooms
        ended = await rooms.reception.change(asker, input.current_password, input.new_password)
        rooms.access_changed(asker.user_id)
        return ChangePasswordPayload(ended=ended)

    @mutation(
        IN_PERSON,
        ChangeProfilePayload,
        "Changes the viewer's own name and address, in every workspace. Errors: "
        "INVALID_INPUT, CONFLICT for an address that is taken, RATE_LIMITED.",
    )
    async def change_profile(self, info: Info, input: ChangeProfileInput) -> ChangeProfilePayload:
        user = await info.context.rooms.reception.update_profile(
            info.context.asker, input.name, input.email, input.current_password
        )
        info.context.rooms.recogniser.forget()
        return ChangeProfilePayload(user=User.of(user))
