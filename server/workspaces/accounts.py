"""People: the first start, one-time links, and what the command line does with accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Invalid, NotFound
from server.core.net.mail import is_mailbox
from server.models.enums import LinkPurpose, Role
from server.models.tables import ApiToken, Invitation, Member, SigninLink, User, Workspace
from server.workspaces import audit, sessions
from server.workspaces.secrets import hash_of, new_secret
from server.workspaces.sessions import NewSession, Visitor

NAME_LIMIT = 200
FIRST_EMAIL = "owner@localhost"
FIRST_LINK = timedelta(hours=24)
LINK = timedelta(minutes=15)
RESET_LINK = timedelta(hours=1)

CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Account:
    """A line of `user list`."""

    id: UUID
    email: str
    name: str
    role: Role
    workspace: str
    disabled: bool
    has_password: bool
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
            return await new_link(user.id, FIRST_LINK, clock)
    except IntegrityError:
        return None  # another process was first


async def make_link(email: str | None = None, clock: Clock = CLOCK) -> str:
    """A one-time token for this person, by default for the first owner."""
    user = await _admitted(email)
    async with in_transaction():
        token = await new_link(user.id, LINK, clock)
        await _note(user, "user.link_made", clock=clock)
    return token


async def make_reset_link(email: str | None = None, clock: Clock = CLOCK) -> str:
    """As `make_link`, for setting a new password."""
    user = await _admitted(email)
    async with in_transaction():
        token = await new_link(user.id, RESET_LINK, clock, LinkPurpose.RESET)
        await _note(user, "user.reset_link_made", clock=clock)
    return token


async def redeem(
    token: str, user_agent: str = "", address: str = "", clock: Clock = CLOCK
) -> NewSession | None:
    """Works once; None for a link that was used, is too old or never was."""
    user = await take_link(token, LinkPurpose.SIGN_IN, clock)
    if user is None:
        return None
    return await sessions.begin(user, "one-time link", Visitor(user_agent, address), clock)


async def take_link(token: str, purpose: LinkPurpose, clock: Clock) -> User | None:
    """Whose link it is; from now on it is used."""
    user = await link_owner(token, purpose, clock)
    if user is None:
        return None
    rows = SigninLink.filter(token_hash=hash_of(token), used_at=None)
    return user if await rows.update(used_at=clock.now()) else None


async def link_owner(token: str, purpose: LinkPurpose, clock: Clock = CLOCK) -> User | None:
    """Whose link it is, and nothing is used up."""
    link = await SigninLink.get_or_none(token_hash=hash_of(token)).select_related("user")
    if link is None or link.purpose is not purpose or not link.usable(clock.now()):
        return None
    return None if link.user.disabled else link.user


async def end_links(user_id: UUID, clock: Clock) -> None:
    await SigninLink.filter(user_id=user_id, used_at=None).update(used_at=clock.now())


async def passwords_in_use() -> bool:
    return await User.exists(password__isnull=False)


async def new_link(
    user_id: UUID,
    lifetime: timedelta,
    clock: Clock,
    purpose: LinkPurpose = LinkPurpose.SIGN_IN,
) -> str:
    token = new_secret(43)
    await SigninLink.create(
        token_hash=hash_of(token),
        user_id=user_id,
        purpose=purpose,
        expires_at=clock.now() + lifetime,
    )
    return token


# --- what the command line does, on the machine of the database ------------------------------


async def add_user(
    email: str, name: str = "", role: Role = Role.EDITOR, workspace: str | None = None
) -> User:
    """A person who is known and disabled is let in again; one of another workspace joins."""
    address = clean_email(email)
    called = clean_name(name or address.partition("@")[0])
    place = await the_workspace(workspace)
    async with in_transaction():
        user = await User.get_or_none(email=address)
        if user is None:
            user = await User.create(email=address, name=called)
        elif await Member.exists(workspace_id=place.id, user_id=user.id) and not user.disabled:
            raise Conflict(f"{address} is a user already.")
        await User.filter(id=user.id).update(disabled_at=None)
        await Member.filter(workspace_id=place.id, user_id=user.id).delete()
        await Member.create(workspace_id=place.id, user_id=user.id, role=role)
        subject = audit.Subject("member", user.id, address)
        change = audit.Change(after={"email": address, "role": role.value})
        await audit.record_by(audit.COMMAND_LINE, place.id, "member.added", subject, change)
    return user


async def list_users() -> list[Account]:
    members = await Member.all().select_related("user", "workspace").order_by("created_at")
    return [
        Account(
            m.user.id,
            m.user.email,
            m.user.name,
            m.role,
            m.workspace.name,
            m.user.disabled,
            m.user.password is not None,
            m.user.created_at,
        )
        for m in members
    ]


async def disable_user(email: str, clock: Clock = CLOCK) -> User:
    user = await by_email(email)
    now = clock.now()
    async with in_transaction():
        await _keep_an_owner(user)
        await User.filter(id=user.id).update(disabled_at=now)
        await sessions.end_all(user.id, clock)
        await end_links(user.id, clock)
        await ApiToken.filter(user_id=user.id, revoked_at=None).update(revoked_at=now)
        await Invitation.filter(invited_by_id=user.id, accepted_at=None, revoked_at=None).update(
            revoked_at=now
        )
        await _note(user, "user.disabled", clock=clock)
    return user


async def the_workspace(name: str | None = None) -> Workspace:
    """The named workspace, or the first one there is."""
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


async def by_email(email: str) -> User:
    user = await User.get_or_none(email=clean_email(email))
    if user is None:
        raise NotFound(f"There is no user {email}.", hint="Type `baleybots user list` to see all.")
    return user


def clean_email(email: str) -> str:
    address = email.strip().lower()
    if not is_mailbox(address) or len(address) > 254:
        raise Invalid(f"{email[:80]!r} is not an e-mail address.", path=["email"])
    return address


def clean_name(name: str) -> str:
    called = " ".join(name.split())
    plain = called.isprintable() and "@" not in called
    if not called or len(called) > NAME_LIMIT or not plain:
        message = f"A name has 1 to {NAME_LIMIT} characters, none of them invisible or an @."
        raise Invalid(message, path=["name"])
    return called


async def refuse_others_name(
    name: str, workspace_ids: Sequence[UUID], but: UUID | None = None
) -> None:
    """Bots address people by name: whoever takes another's name would answer in their place."""
    rows = Member.filter(workspace_id__in=list(workspace_ids), user__name__iexact=name)
    if await (rows if but is None else rows.exclude(user_id=but)).exists():
        message = f"Somebody here is called {name} already."
        hint = "Add something that tells you apart."
        raise Invalid(message, hint=hint, path=["name"])


async def _admitted(email: str | None) -> User:
    user = await by_email(email) if email else await owner_of((await the_workspace()).id)
    if user.disabled:
        raise Invalid(f"{user.email} is disabled.", hint="Add the user again to let them in.")
    return user


async def _keep_an_owner(user: User) -> None:
    """No workspace may be left without somebody who may do everything."""
    for own in await Member.filter(user_id=user.id, role=Role.OWNER).select_related("workspace"):
        others = Member.filter(
            workspace_id=own.workspace_id, role=Role.OWNER, user__disabled_at=None
        ).exclude(user_id=user.id)
        if not user.disabled and not await others.exists():
            raise Invalid(
                f"{user.email} is the only owner of {own.workspace.name} and cannot be disabled."
            )


async def _note(user: User, action: str, clock: Clock = CLOCK) -> None:
    """In every workspace that it concerns."""
    for member in await Member.filter(user_id=user.id):
        subject = audit.Subject("user", user.id, user.email)
        await audit.record_by(audit.COMMAND_LINE, member.workspace_id, action, subject, clock=clock)
