"""Workspaces: whoever is signed in can make one, and be in several."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tortoise.transactions import in_transaction

from server.core.clock import Clock, SystemClock
from server.core.errors import Denied, Invalid, LimitReached
from server.models.enums import Role
from server.models.tables import Member, Workspace
from server.workspaces import audit
from server.workspaces.access import Viewer, require
from server.workspaces.listing import Page, PageAsk, read_page

NAME_LIMIT = 100
MOST_OWN = 50
CLOCK = SystemClock()


async def list_mine(viewer: Viewer, ask: PageAsk | None = None) -> Page[Member]:
    """Where the person is a member, the first one first. A token knows its own workspace only."""
    rows = Member.filter(user_id=viewer.user_id)
    if viewer.via_token:
        rows = rows.filter(workspace_id=viewer.workspace_id)
    chosen = rows.select_related("workspace")
    return await read_page(chosen, ask or PageAsk(), "created_at", descending=False)


async def get(viewer: Viewer) -> Workspace:
    return await Workspace.get(id=viewer.workspace_id)


async def create(
    viewer: Viewer, name: str, timezone: str | None = None, clock: Clock = CLOCK
) -> Member:
    """Its maker owns it. Nothing is in it yet."""
    if viewer.via_token:
        raise Denied("A token belongs to one workspace and makes no others; sign in to do that.")
    if await Member.filter(user_id=viewer.user_id, role=Role.OWNER).count() >= MOST_OWN:
        raise LimitReached(f"One person owns at most {MOST_OWN} workspaces.")
    called, zone = _checked_name(name), _checked_zone(timezone or "UTC")
    async with in_transaction():
        place = await Workspace.create(name=called, timezone=zone)
        member = await Member.create(workspace_id=place.id, user_id=viewer.user_id, role=Role.OWNER)
        change = audit.Change(after=_facts(place))
        await audit.record_by(
            audit.Actor.of(viewer),
            place.id,
            "workspace.created",
            _subject(place),
            change,
            clock=clock,
        )
    member.workspace = place
    return member


async def update(
    viewer: Viewer, name: str | None, timezone: str | None, clock: Clock = CLOCK
) -> Workspace:
    require(viewer, "members:write")
    place = await get(viewer)
    before = _facts(place)
    place.name = place.name if name is None else _checked_name(name)
    place.timezone = place.timezone if timezone is None else _checked_zone(timezone)
    async with in_transaction():
        await place.save(update_fields=["name", "timezone", "updated_at"])
        change = audit.Change(before, _facts(place))
        await audit.record(viewer, "workspace.changed", _subject(place), change, clock)
    return place


async def operates(viewer: Viewer) -> bool:
    """Whether they see to the installation: owners and admins of the workspace of its first start,
    as themselves or with a token that is not narrowed."""
    if viewer.narrowed or viewer.role not in (Role.OWNER, Role.ADMIN):
        return False
    first = await Workspace.all().order_by("created_at", "id").first().only("id")
    return first is not None and first.id == viewer.workspace_id


def _facts(place: Workspace) -> dict[str, str]:
    return {"name": place.name, "timezone": place.timezone}


def _subject(place: Workspace) -> audit.Subject:
    return audit.Subject("workspace", place.id, place.name)


def _checked_name(name: str) -> str:
    called = " ".join(name.split())
    if not called or len(called) > NAME_LIMIT or not called.isprintable():
        raise Invalid(f"A workspace has a name of 1 to {NAME_LIMIT} characters.", path=["name"])
    return called


def _checked_zone(zone: str) -> str:
    try:
        return ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"There is no time zone {zone[:60]!r}; write it like Europe/Berlin."
        raise Invalid(message, path=["timezone"]) from None
