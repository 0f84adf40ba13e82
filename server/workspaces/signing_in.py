"""Signing in with a password, and setting one: for oneself, or with a one-time link."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.errors import Conflict, Denied, Invalid
from server.core.logs import get_logger
from server.core.net.mail import Letter, Mailer
from server.models.enums import LinkPurpose
from server.models.tables import Member, User
from server.workspaces import accounts, audit, sessions
from server.workspaces.access import Viewer
from server.workspaces.passwords import Passwords, checked
from server.workspaces.sessions import NewSession, Visitor, was_here
from server.workspaces.throttle import Throttle

log = get_logger(__name__)

RESET_TEXT = """\
Somebody, most likely you, asked for a new password at {place}.

Set it here within one hour:

{link}

The link works once. If it was not you, nothing needs to be done: your password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Reception:
    """Who lets people in. Without a mailer, reset links come from the command line."""

    throttle: Throttle
    clock: Clock
    mailer: Mailer | None = None
    passwords: Passwords = field(default_factory=Passwords)

    async def by_password(self, email: str, password: str, visitor: Visitor) -> NewSession | None:
        """None for a wrong one, with the same answer and the same work for an unknown person.
        Raises TooManyTries."""
        address = email.strip().lower()[:254]
        await self.throttle.enter(
            address, visitor.address, lambda: was_here(address, visitor.address)
        )
        user = await User.get_or_none(email=address)
        stored = user.password if user is not None and not user.disabled else None
        if not await self.passwords.fits(password, stored) or user is None or stored is None:
            log.info("sign_in_refused", address=visitor.address)
            return None
        await self.throttle.succeeded(address, visitor.address)
        if self.passwords.outdated(stored):
            renewed = await self.passwords.hash(password)
            await User.filter(id=user.id, password=stored).update(password=renewed)
        return await sessions.begin(user, "password", visitor, self.clock)

    async def note_refusal(self, email: str, visitor: Visitor) -> None:
        """After the answer is out, so that writing it down tells nobody that the account exists."""
        user = await User.get_or_none(email=email.strip().lower()[:254])
        member = await Member.filter(user_id=user.id).first() if user is not None else None
        if user is not None and member is not None:
            actor = audit.Actor(None, user.email, "session", visitor.address)
            subject = audit.Subject("user", user.id, user.email)
            await audit.record_by(
                actor, member.workspace_id, "session.refused", subject, clock=self.clock
            )

    async def send_reset(self, email: str, base: str) -> None:
        """Mails a link, when there is such a person and a mail server. Says nothing either way."""
        user = await User.get_or_none(email=email.strip().lower()[:254])
        if self.mailer is None or user is None or user.disabled:
            return
        token = await accounts.new_link(user.id, accounts.RESET_LINK, self.clock, LinkPurpose.RESET)
        text = RESET_TEXT.format(place=base, link=f"{base}/reset?token={token}")
        await self.mailer.send(Letter(user.email, "A new password for Baleybots", text))

    async def reset(self, token: str, password: str, visitor: Visitor) -> NewSession | None:
        """Sets the password, ends every session and every other link, and signs in. None for a
        link that does not work; a refused password does not use it up."""
        user = await accounts.link_owner(token, LinkPurpose.RESET, self.clock)
        if user is None:
            return None
        stored = await self.passwords.hash(checked(password, (user.email, user.name)))
        async with in_transaction():
            if await accounts.take_link(token, LinkPurpose.RESET, self.clock) is None:
                return None
            await self._store(user.id, stored)
            await sessions.end_all(user.id, self.clock)
            await accounts.end_links(user.id, self.clock)
            for member in await Member.filter(user_id=user.id):
                actor = audit.Actor(user.id, user.name or user.email, "session", visitor.address)
                await self._note(actor, member.workspace_id, user, "by a one-time link")
        return await sessions.begin(user, "new password", visitor, self.clock)

    async def change(self, viewer: Viewer, current: str | None, new: str) -> int:
        """One's own; whoever has one already shows it. Ends all other sessions: how many."""
        if viewer.session_id is None:
            raise Denied("A token cannot set a password; sign in to do that.")
        user = await User.get(id=viewer.user_id)
        if user.password is not None:
            await self._prove(viewer, user, current or "")
        stored = await self.passwords.hash(checked(new, (user.email, user.name), "newPassword"))
        async with in_transaction():
            await self._store(user.id, stored)
            ended = await sessions.end_all(user.id, self.clock, but=viewer.session_id)
            await accounts.end_links(user.id, self.clock)
            await self._note(audit.Actor.of(viewer), viewer.workspace_id, user, "by its owner")
        return ended

    async def update_profile(
        self, viewer: Viewer, name: str | None, email: str | None, current: str | None
    ) -> User:
        """How a person is called, and the address they sign in with; that one needs the password,
        because whoever has the address can ask for a new one."""
        if viewer.session_id is None:
            raise Denied("A token cannot change who made it; sign in to do that.")
        user = await User.get(id=viewer.user_id)
        before = {"name": user.name, "email": user.email}
        if name is not None and name != user.name:
            user.name = accounts.clean_name(name)
            places = [row.workspace_id for row in await Member.filter(user_id=user.id)]
            await accounts.refuse_others_name(user.name, places, user.id)
        if email is not None and accounts.clean_email(email) != user.email:
            if user.password is not None:
                await self._prove(viewer, user, current or "")
            user.email = accounts.clean_email(email)
            await self.throttle.enter(f"address {user.id}", viewer.address, _never)
        change = audit.Change(before, {"name": user.name, "email": user.email})
        subject = audit.Subject("user", user.id, user.email)
        try:
            async with in_transaction():
                await user.save(update_fields=["name", "email"])
                if user.email != before["email"]:  # links in a mailbox that is given up
                    await accounts.end_links(user.id, self.clock)
                await audit.record(viewer, "user.changed", subject, change, self.clock)
        except IntegrityError:
            raise await self._refused_address(viewer, user, before["email"]) from None
        if user.email != before["email"]:
            await self.throttle.succeeded(f"address {user.id}", viewer.address)
        return user

    async def _refused_address(self, viewer: Viewer, user: User, present: str) -> Conflict:
        """Whoever is refused learns that somebody has it: the tries are few, and on record."""
        subject = audit.Subject("user", user.id, present)
        change = audit.Change(after={"email": user.email})
        await audit.record(viewer, "user.address_refused", subject, change, self.clock)
        return Conflict("This address cannot be used here.", hint="Take another.", path=["email"])

    async def _prove(self, viewer: Viewer, user: User, current: str) -> None:
        await self.throttle.enter(f"change {user.email}", viewer.address, _never)
        if not await self.passwords.fits(current, user.password):
            raise Invalid("This is not your present password.", path=["currentPassword"])
        await self.throttle.succeeded(f"change {user.email}", viewer.address)

    async def _store(self, user_id: UUID, stored: str) -> None:
        now = self.clock.now()
        await User.filter(id=user_id).update(password=stored, password_changed_at=now)

    async def _note(self, actor: audit.Actor, workspace_id: UUID, user: User, how: str) -> None:
        subject = audit.Subject("user", user.id, user.email)
        change = audit.Change(after={"set": how})
        await audit.record_by(
            actor, workspace_id, "user.password_set", subject, change, clock=self.clock
        )


async def _never() -> bool:
    """No address is trusted more than others."""
    return False
