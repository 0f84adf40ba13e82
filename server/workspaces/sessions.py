"""Signed-in browsers: each is a row that can be seen and ended. A session is in one workspace at a
time and moves to another of the person's without signing out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Denied, NotFound
from server.models.tables import ApiToken, Member, Session, User
from server.workspaces import audit
from server.workspaces.access import Viewer
from server.workspaces.listing import Page, PageAsk, read_page
from server.workspaces.secrets import hash_of, new_secret

LIFETIME = timedelta(days=30)
CLOCK = SystemClock()

# A mark in what a browser says of itself, and how we call it; the first one found counts.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class NewSession:
    token: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser at the door."""

    agent: str = ""
    address: str = ""


async def begin(user: User, how: str, visitor: Visitor, clock: Clock = CLOCK) -> NewSession | None:
    """In the workspace where the person was last; None for who is a member of none. Always under
    a new id: what a browser brought along is never taken over."""
    member = await _last_place(user)
    if member is None:
        return None
    now, secret = clock.now(), new_secret(43)
    async with in_transaction():
        row = await Session.create(
            token_hash=hash_of(secret),
            user_id=user.id,
            workspace_id=member.workspace_id,
            user_agent=visitor.agent[:300],
            address=visitor.address[:64],
            last_seen_at=now,
            expires_at=now + LIFETIME,
        )
        actor = audit.Actor(user.id, user.name or user.email, "session", visitor.address)
        subject = audit.Subject("session", row.id, device_of(visitor.agent))
        change = audit.Change(after={"by": how})
        await audit.record_by(
            actor, member.workspace_id, "session.started", subject, change, clock=clock
        )
    return NewSession(secret, int(LIFETIME.total_seconds()))


async def sign_out(cookie: str, clock: Clock = CLOCK) -> None:
    row = await Session.get_or_none(token_hash=hash_of(cookie)).select_related("user")
    if row is None or row.revoked_at is not None:
        return
    async with in_transaction():
        await Session.filter(id=row.id).update(revoked_at=clock.now())
        actor = audit.Actor(row.user_id, row.user.name or row.user.email, "session", row.address)
        subject = audit.Subject("session", row.id, device_of(row.user_agent))
        await audit.record_by(actor, row.workspace_id, "session.ended", subject, clock=clock)


async def list_sessions(
    viewer: Viewer, ask: PageAsk | None = None, clock: Clock = CLOCK
) -> Page[Session]:
    """One's own that are alive, the one used last first."""
    _in_person(viewer)
    return await read_page(_alive(viewer, clock), ask or PageAsk(), "last_seen_at")


async def get(viewer: Viewer, session_id: UUID, clock: Clock = CLOCK) -> Session:
    _in_person(viewer)
    row = await _alive(viewer, clock).get_or_none(id=session_id)
    if row is None:
        raise NotFound("There is no such session.", path=["sessionId"])
    return row


async def revoke(viewer: Viewer, session_id: UUID, clock: Clock = CLOCK) -> Session:
    row = await get(viewer, session_id, clock)
    async with in_transaction():
        row.revoked_at = clock.now()
        await row.save(update_fields=["revoked_at"])
        subject = audit.Subject("session", row.id, device_of(row.user_agent))
        await audit.record(viewer, "session.ended", subject, clock=clock)
    return row


async def revoke_others(viewer: Viewer, clock: Clock = CLOCK, *, tokens: bool = False) -> int:
    """All but the one that asks; how many there were. `tokens`: the person's own API tokens of
    this workspace too."""
    _in_person(viewer)
    now = clock.now()
    async with in_transaction():
        rows = _alive(viewer, clock).exclude(id=viewer.session_id)
        change = audit.Change(after={"ended": (ended := await rows.update(revoked_at=now))})
        if tokens:
            own = ApiToken.filter(user_id=viewer.user_id, workspace_id=viewer.workspace_id)
            await own.filter(revoked_at=None).update(revoked_at=now)
            change = audit.Change(after={"ended": ended, "own tokens": "ended"})
        subject = audit.Subject("session", None, "all others")
        await audit.record(viewer, "session.others_ended", subject, change, clock)
    return ended


async def end_all(user_id: UUID, clock: Clock, but: UUID | None = None) -> int:
    rows = Session.filter(user_id=user_id, revoked_at=None)
    if but is not None:
        rows = rows.exclude(id=but)
    return await rows.update(revoked_at=clock.now())


async def move(viewer: Viewer, workspace_id: UUID, clock: Clock = CLOCK) -> Member:
    """This session goes to another workspace of the person; every tab of the browser goes along."""
    _in_person(viewer)
    member = await Member.get_or_none(
        user_id=viewer.user_id, workspace_id=workspace_id
    ).select_related("workspace")
    if member is None:
        raise NotFound("There is no such workspace.", path=["workspaceId"])
    async with in_transaction():
        if viewer.session_id is not None:
            await place(viewer.session_id, workspace_id)
        subject = audit.Subject("workspace", workspace_id, member.workspace.name)
        await audit.record_by(
            audit.Actor.of(viewer), workspace_id, "workspace.entered", subject, clock=clock
        )
    return member


async def place(session_id: UUID, workspace_id: UUID) -> None:
    await Session.filter(id=session_id).update(workspace_id=workspace_id)


async def was_here(email: str, address: str) -> bool:
    """Was this account signed in to from this address before?"""
    return bool(address) and await Session.exists(user__email=email, address=address[:64])


def device_of(agent: str) -> str:
    """`Firefox on Linux`, as well as the browser's own words tell."""
    browser, system = _first_in(agent, _BROWSERS), _first_in(agent, _SYSTEMS)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "unknown device"


def _first_in(agent: str, words: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in words if mark in agent), "")


def _alive(viewer: Viewer, clock: Clock) -> QuerySet[Session]:
    return Session.filter(user_id=viewer.user_id, revoked_at=None, expires_at__gt=clock.now())


def _in_person(viewer: Viewer) -> None:
    if viewer.via_token:
        raise Denied("A token has no say over sessions; sign in to see to them.")


async def _last_place(user: User) -> Member | None:
    places = {
        m.workspace_id: m for m in await Member.filter(user_id=user.id).order_by("created_at")
    }
    if not places:
        return None
    last = Session.filter(user_id=user.id, workspace_id__in=list(places)).order_by("-last_seen_at")
    row = await last.first()
    return places[row.workspace_id] if row is not None else next(iter(places.values()))


async def last_seen(viewer: Viewer, user_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When people of this workspace were last seen, in any of their browsers."""
    here = await Member.filter(
        workspace_id=viewer.workspace_id, user_id__in=list(user_ids)
    ).values_list("user_id", flat=True)
    rows = Session.filter(user_id__in=list(here)).order_by("last_seen_at")
    return {row.user_id: row.last_seen_at for row in await rows.only("user_id", "last_seen_at")}
