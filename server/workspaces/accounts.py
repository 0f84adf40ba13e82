"""People: the first start, one-time sign-in links, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Invalid, NotFound
from server.models.enums import Role
from server.models.tables import Member, Session, SigninLink, User, Workspace
from server.workspaces.access import Viewer
from server.workspaces.secrets import hash_of, new_secret

FIRST_EMAIL = "owner@localhost"
FIRST_LINK = timedelta(hours=24)
LINK = timedelta(minutes=15)
SESSION = timedelta(days=30)

CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class NewSession:
    token: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Account:
    """A line of `user list`."""

    id: UUID
    email: str
    name: str
    role: Role
    disabled: bool
    created_at: datetime


async def first_start(clock: Clock = CLOCK) -> str | None:
    """Makes the workspace and its owner; the answer is the token of the owner's sign-in link.
    None when there is a workspace already."""
    if await Workspace.exists():
        return None
    try:
        async with in_transaction():
            workspace = await Workspace.create(name="My workspace")
            user = await User.create(email=FIRST_EMAIL, name="Owner")
            await Member.create(workspace_id=workspace.id, user_id=user.id, role=Role.OWNER)
            return await _new_link(user.id, FIRST_LINK, clock)
    except IntegrityError:
        return None  # another process was first


async def make_link(email: str | None = None, clock: Clock = CLOCK) -> str:
    """A one-time token for this person, by default for the first owner."""
    user = await _by_email(email) if email else await _first_owner()
    if user.disabled:
        raise Invalid(f"{user.email} is disabled.", hint="Add the user again to let them in.")
    return await _new_link(user.id, LINK, clock)


async def redeem(
    token: str, user_agent: str = "", address: str = "", clock: Clock = CLOCK
) -> NewSession | None:
    """Works once; None for a link that was used, is too old or never was."""
    now = clock.now()
    link = await SigninLink.get_or_none(token_hash=hash_of(token)).select_related("user")
    if link is None or link.user.disabled:
        return None
    used = await SigninLink.filter(id=link.id, used_at=None, expires_at__gt=now).update(used_at=now)
    member = await Member.filter(user_id=link.user_id).order_by("created_at").first()
    if not used or member is None:
        return None
    secret = new_secret(43)
    await Session.create(
        token_hash=hash_of(secret),
        user_id=link.user_id,
        workspace_id=member.workspace_id,
        user_agent=user_agent[:300],
        address=address[:64],
        last_seen_at=now,
        expires_at=now + SESSION,
    )
    return NewSession(secret, int(SESSION.total_seconds()))


async def sign_out(cookie: str, clock: Clock = CLOCK) -> None:
    rows = Session.filter(token_hash=hash_of(cookie), revoked_at=None)
    await rows.update(revoked_at=clock.now())


async def sessions(viewer: Viewer, clock: Clock = CLOCK) -> list[Session]:
    rows = Session.filter(user_id=viewer.user_id, revoked_at=None, expires_at__gt=clock.now())
    return await rows.order_by("-last_seen_at")


async def revoke_session(viewer: Viewer, session_id: UUID, clock: Clock = CLOCK) -> None:
    rows = Session.filter(id=session_id, user_id=viewer.user_id, revoked_at=None)
    if not await rows.update(revoked_at=clock.now()):
        raise NotFound("There is no such session.")


# --- what the command line does, on the machine of the database ------------------------------


async def add_user(email: str, name: str = "", role: Role = Role.EDITOR) -> User:
    """A person who is known and disabled is let in again."""
    address = _clean(email)
    workspace = await the_workspace()
    async with in_transaction():
        user = await User.get_or_none(email=address)
        if user is None:
            user = await User.create(email=address, name=name or address.partition("@")[0])
        elif not user.disabled:
            raise Conflict(f"{address} is a user already.")
        else:
            await User.filter(id=user.id).update(disabled_at=None)
        await Member.filter(workspace_id=workspace.id, user_id=user.id).delete()
        await Member.create(workspace_id=workspace.id, user_id=user.id, role=role)
    return user


async def list_users() -> list[Account]:
    members = await Member.all().select_related("user").order_by("created_at")
    return [
        Account(m.user.id, m.user.email, m.user.name, m.role, m.user.disabled, m.user.created_at)
        for m in members
    ]


async def disable_user(email: str, clock: Clock = CLOCK) -> User:
    user = await _by_email(email)
    now = clock.now()
    owners = Member.filter(role=Role.OWNER, user__disabled_at=None)
    if await owners.filter(user_id=user.id).exists() and await owners.count() == 1:
        raise Invalid(f"{user.email} is the only owner and cannot be disabled.")
    await User.filter(id=user.id).update(disabled_at=now)
    await Session.filter(user_id=user.id, revoked_at=None).update(revoked_at=now)
    return user


async def the_workspace(name: str | None = None) -> Workspace:
    """The named workspace, or the only one there is."""
    rows = Workspace.filter(name=name) if name else Workspace.all()
    found = await rows.order_by("created_at").first()
    if found is None:
        hint = "Type `baleybots up` once to make it." if name is None else None
        raise NotFound(f"There is no workspace{f' {name!r}' if name else ''} yet.", hint=hint)
    return found


async def owner_of(workspace_id: UUID) -> User:
    member = (
        await Member.filter(workspace_id=workspace_id, role=Role.OWNER, user__disabled_at=None)
        .order_by("created_at")
        .select_related("user")
        .first()
    )
    if member is None:
        raise NotFound("There is no owner yet.", hint="Type `baleybots up` once to make one.")
    return member.user


async def _new_link(user_id: UUID, lifetime: timedelta, clock: Clock) -> str:
    token = new_secret(43)
    await SigninLink.create(
        token_hash=hash_of(token), user_id=user_id, expires_at=clock.now() + lifetime
    )
    return token


async def _first_owner() -> User:
    return await owner_of((await the_workspace()).id)


async def _by_email(email: str) -> User:
    user = await User.get_or_none(email=_clean(email))
    if user is None:
        raise NotFound(f"There is no user {email}.", hint="Type `baleybots user list` to see all.")
    return user


def _clean(email: str) -> str:
    address = email.strip().lower()
    name, at, host = address.rpartition("@")
    if not (name and at and host) or len(address) > 254 or any(c.isspace() for c in address):
        raise Invalid(f"{email!r} is not an e-mail address.", path=["email"])
    return address
