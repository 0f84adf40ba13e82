"""People at the door, and a clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher

from server.bus.redis import open_redis
from server.models.enums import Role
from server.models.tables import AuditEntry
from server.workspaces import accounts
from server.workspaces.access import Viewer
from server.workspaces.passwords import Passwords
from server.workspaces.recognise import Recogniser
from server.workspaces.sessions import NewSession, Visitor
from server.workspaces.signing_in import Reception
from server.workspaces.throttle import Throttle

ADA = "ada@example.org"
SECRET = "nine green lanterns"
HERE = Visitor("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "10.0.0.9")
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class HeldClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


def reception(hasher: PasswordHasher = CHEAP) -> Reception:
    return Reception(Throttle(open_redis(None)), HeldClock(), passwords=Passwords(hasher))


async def seen(session: NewSession | None) -> Viewer:
    assert session is not None
    found = await Recogniser().by_session(session.token)
    assert found is not None
    return found[0]


async def signed_in(email: str = ADA, role: Role = Role.EDITOR) -> Viewer:
    """A new person of the first workspace, in a browser."""
    await accounts.add_user(email, role=role)
    return await seen(await accounts.redeem(await accounts.make_link(email), "Firefox", "10.0.0.9"))


async def actions() -> list[str]:
    return [entry.action for entry in await AuditEntry.all().order_by("id")]
