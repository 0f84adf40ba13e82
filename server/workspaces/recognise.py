"""From a cookie or a token to a viewer, quickly: this stands before every request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from server.core.clock import Clock, SystemClock
from server.models.tables import ApiToken, Member, Session
from server.workspaces.access import Viewer, scopes_of
from server.workspaces.keys import PREFIX
from server.workspaces.permissions import BOT_SCOPES, RANKED
from server.workspaces.secrets import hash_of

REMEMBERED_SECONDS = 2.0
REMEMBERED_AT_MOST = 10_000
SEEN_EVERY = timedelta(minutes=5)

# A notice with the id of a person whose rights, sessions or tokens have changed.
ACCESS_TOPIC = "access"

Found = tuple[Viewer, str]


@dataclass(frozen=True, slots=True)
class _Memory:
    found: Found
    until: float


class Recogniser:
    """Remembers good answers for two seconds; what is revoked anywhere is forgotten at once.
    The credential names what let the viewer in, where to and with which role: once one of these
    changes it is not valid any more, and open sockets end."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._memory: dict[str, _Memory] = {}

    async def by_session(self, cookie: str) -> Found | None:
        key = hash_of(cookie)
        return self._remembered(key) or self._remember(key, await self._session(key))

    async def by_token(self, token: str) -> Found | None:
        if not token.startswith(PREFIX):
            return None
        key = hash_of(token)
        return self._remembered(key) or self._remember(key, await self._token(key))

    async def still_valid(self, credential: str) -> bool:
        """For sockets that stay open longer than the right to be here."""
        kind, row_id = credential.split(":")[:2]
        table = Session if kind == "session" else ApiToken
        row = await table.get_or_none(id=UUID(row_id)).select_related("user")
        if row is None or not row.usable(self._clock.now()) or row.user.disabled:
            return False
        member = await _membership(row)
        return member is not None and credential == _credential(kind, row, member)

    def forget(self) -> None:
        """After a sign-out or a revocation."""
        self._memory.clear()

    async def _session(self, key: str) -> Found | None:
        row = await Session.get_or_none(token_hash=key).select_related("user", "workspace")
        now = self._clock.now()
        if row is None or not row.usable(now) or row.user.disabled:
            return None
        member = await _membership(row)
        if member is None:
            return None
        if now - row.last_seen_at > SEEN_EVERY:
            await Session.filter(id=row.id).update(last_seen_at=now)
        viewer = Viewer(
            user_id=row.user_id,
            workspace_id=row.workspace_id,
            role=member.role,
            name=row.user.name,
            email=row.user.email,
            workspace_name=row.workspace.name,
            scopes=scopes_of(member.role),
            session_id=row.id,
        )
        return viewer, _credential("session", row, member)

    async def _token(self, key: str) -> Found | None:
        row = await ApiToken.get_or_none(token_hash=key).select_related("user", "workspace")
        now = self._clock.now()
        if row is None or not row.usable(now) or row.user.disabled:
            return None
        member = await _membership(row)
        if member is None:
            return None
        if row.last_used_at is None or now - row.last_used_at > SEEN_EVERY:
            await ApiToken.filter(id=row.id).update(last_used_at=now)
        bots = None if row.bot_ids is None else frozenset(map(UUID, row.bot_ids))
        # The weaker of both: whoever was let in anew with a lower role keeps older tokens.
        role = max(row.role, member.role, key=RANKED.index)
        scopes = scopes_of(role, row.scopes)
        viewer = Viewer(
            user_id=row.user_id,
            workspace_id=row.workspace_id,
            role=role,
            name=row.user.name,
            email=row.user.email,
            workspace_name=row.workspace.name,
            scopes=scopes if bots is None else scopes & BOT_SCOPES,
            bot_ids=bots,
            via_token=True,
            token_id=row.id,
        )
        return viewer, _credential("token", row, member)

    def _remembered(self, key: str) -> Found | None:
        memory = self._memory.get(key)
        if memory is None or memory.until < self._clock.monotonic():
            return None
        return memory.found

    def _remember(self, key: str, found: Found | None) -> Found | None:
        if found is not None:
            if len(self._memory) >= REMEMBERED_AT_MOST:
                self._memory.clear()
            until = self._clock.monotonic() + REMEMBERED_SECONDS
            self._memory[key] = _Memory(found, until)
        return found


async def _membership(row: Session | ApiToken) -> Member | None:
    return await Member.get_or_none(workspace_id=row.workspace_id, user_id=row.user_id)


def _credential(kind: str, row: Session | ApiToken, member: Member) -> str:
    return f"{kind}:{row.id}:{row.user_id}:{row.workspace_id}:{member.role.value}"
