"""Asking people in: by a link that works once, for one address, for a week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Denied, Invalid, LimitReached, NotFound
from server.models.enums import Role
from server.models.tables import Invitation, Member, User
from server.workspaces import audit, sessions
from server.workspaces.access import Viewer, mine, require
from server.workspaces.accounts import clean_email, clean_name, refuse_others_name
from server.workspaces.listing import Page, PageAsk, read_page
from server.workspaces.members import check_rank
from server.workspaces.passwords import Passwords, checked
from server.workspaces.secrets import hash_of, new_secret
from server.workspaces.sessions import NewSession, Visitor

LIFETIME = timedelta(days=7)
MOST_OPEN = 200
DAY, MOST_A_DAY = timedelta(days=1), 300
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """`token` is shown now and never again."""

    row: Invitation
    token: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the page behind a link shows."""

    email: str
    role: Role
    workspace: str
    by: str
    known: bool


async def invite(viewer: Viewer, email: str, role: Role, clock: Clock = CLOCK) -> NewInvitation:
    """A second one for the same address takes the place of the first."""
    require(viewer, "members:write")
    check_rank(viewer, role)
    address = clean_email(email)
    if await mine(viewer, Member).filter(user__email=address).exists():
        raise Conflict(f"{address} is a member already.", path=["email"])
    if await _open(viewer, clock).count() >= MOST_OPEN:
        raise Invalid(f"At most {MOST_OPEN} invitations can be open.", hint="Withdraw some first.")
    token, now = new_secret(43), clock.now()
    sent = Invitation.filter(invited_by_id=viewer.user_id, created_at__gt=now - DAY)
    if await sent.count() >= MOST_A_DAY:
        message = f"One person invites at most {MOST_A_DAY} people a day."
        raise LimitReached(message, hint="Go on tomorrow, or let somebody else invite the rest.")
    async with in_transaction():
        await _open(viewer, clock).filter(email=address).update(revoked_at=now)
        row = await Invitation.create(
            token_hash=hash_of(token),
            workspace_id=viewer.workspace_id,
            invited_by_id=viewer.user_id,
            email=address,
            role=role,
            expires_at=now + LIFETIME,
        )
        change = audit.Change(after={"email": address, "role": role.value})
        await audit.record(viewer, "invitation.created", _subject(row), change, clock)
    await row.fetch_related("invited_by")
    return NewInvitation(row, token)


async def list_invitations(
    viewer: Viewer, ask: PageAsk | None = None, clock: Clock = CLOCK
) -> Page[Invitation]:
    """Those that still work, the newest first."""
    require(viewer, "members:write")
    return await read_page(_open(viewer, clock).select_related("invited_by"), ask or PageAsk())


async def get(viewer: Viewer, invitation_id: UUID, clock: Clock = CLOCK) -> Invitation:
    require(viewer, "members:write")
    row = await _open(viewer, clock).get_or_none(id=invitation_id).select_related("invited_by")
    if row is None:
        raise NotFound("There is no such invitation.", path=["invitationId"])
    return row


async def revoke(viewer: Viewer, invitation_id: UUID, clock: Clock = CLOCK) -> Invitation:
    row = await get(viewer, invitation_id, clock)
    async with in_transaction():
        if not await _open(viewer, clock).filter(id=row.id).update(revoked_at=clock.now()):
            raise NotFound("There is no such invitation.", path=["invitationId"])
        change = audit.Change(before={"email": row.email, "role": row.role.value})
        await audit.record(viewer, "invitation.revoked", _subject(row), change, clock)
    return row


async def look(token: str, clock: Clock = CLOCK) -> Welcome | None:
    """None for a link that was used, withdrawn, is too old or never was."""
    row = await _usable(token, clock)
    if row is None:
        return None
    known = await User.exists(email=row.email)
    by = row.invited_by.name or row.invited_by.email
    return Welcome(row.email, row.role, row.workspace.name, by, known)


async def join(viewer: Viewer, token: str, clock: Clock = CLOCK) -> Member:
    """Somebody who is signed in takes the place that is held for their address."""
    row = await _usable(token, clock)
    if row is None:
        raise NotFound("This invitation was used or withdrawn, or its seven days are over.")
    if row.email != viewer.email or viewer.session_id is None:
        raise Denied(f"This invitation is for {row.email}; you are signed in as {viewer.email}.")
    async with in_transaction():
        member = await _accept(row, viewer.user_id, viewer.name, viewer.address, clock)
        await sessions.place(viewer.session_id, row.workspace_id)
    return member


async def join_anew(
    token: str, name: str, password: str, visitor: Visitor, passwords: Passwords, clock: Clock
) -> NewSession | None:
    """Somebody without an account makes one. None for a link that does not work, or whose address
    has an account: a link alone lets nobody into that."""
    row = await _usable(token, clock)
    if row is None or await User.exists(email=row.email):
        return None
    called = clean_name(name)
    try:
        await refuse_others_name(called, [row.workspace_id])
    except Invalid:
        if await _usable(token, clock) is None:  # the other one of two clicks has this name
            return None
        raise
    stored = await passwords.hash(checked(password, (row.email, called)))
    try:
        async with in_transaction():
            user = await User.create(
                email=row.email, name=called, password=stored, password_changed_at=clock.now()
            )
            await _accept(row, user.id, called, visitor.address, clock)
    except (IntegrityError, NotFound):
        return None
    return await sessions.begin(user, "invitation", visitor, clock)


async def _accept(row: Invitation, user_id: UUID, name: str, address: str, clock: Clock) -> Member:
    mine_now = Invitation.filter(id=row.id, accepted_at=None, revoked_at=None)
    if not await mine_now.update(accepted_at=clock.now()):
        raise NotFound("This invitation was used in the meantime.")
    member, made = await Member.get_or_create(
        {"role": row.role}, workspace_id=row.workspace_id, user_id=user_id
    )
    if made:
        actor = audit.Actor(user_id, name, "session", address)
        subject = audit.Subject("member", user_id, row.email)
        change = audit.Change(after={"email": row.email, "name": name, "role": row.role.value})
        await audit.record_by(
            actor, row.workspace_id, "member.joined", subject, change, clock=clock
        )
    return member


def _open(viewer: Viewer, clock: Clock) -> QuerySet[Invitation]:
    return mine(viewer, Invitation).filter(
        accepted_at=None, revoked_at=None, expires_at__gt=clock.now()
    )


async def _usable(token: str, clock: Clock) -> Invitation | None:
    rows = Invitation.get_or_none(token_hash=hash_of(token))
    row = await rows.select_related("workspace", "invited_by")
    return row if row is not None and row.usable(clock.now()) else None


def _subject(row: Invitation) -> audit.Subject:
    return audit.Subject("invitation", row.id, row.email)
