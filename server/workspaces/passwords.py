"""Passwords: argon2id, off the event loop, and the rules for a new one."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.core.errors import Invalid

SHORTEST = 10
LONGEST = 200
_FEWEST_LETTERS = 5
_KNOWN = frozenset(
    "password passwort passw0rd letmein welcome qwertyuiop qwerty123 1234567890 0123456789 "
    "iloveyou adminadmin changeme baleybots 1q2w3e4r5t abcdefghij".split()
)

# The smaller of the settings that OWASP names: 19 MiB, two passes, one lane; about 20 ms here.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Each takes 19 MiB: a crowd at the door waits in line instead of filling the memory.
_AT_ONCE = 4


class Passwords:
    """The same work for an unknown person as for a known one, so that time tells nothing."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, stored: str | None) -> bool:
        if self._nobody is None:
            self._nobody = await self.hash("the password of nobody")
        async with self._places:
            fits = await asyncio.to_thread(self._verified, stored or self._nobody, password)
        return fits and stored is not None

    def outdated(self, stored: str) -> bool:
        """True when it was made with other settings than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verified(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def checked(password: str, email: str = "", path: str = "password") -> str:
    """A new password. Length counts; which kinds of characters it has does not."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters.", path=[path])
    plain = password.casefold()
    name = email.partition("@")[0].casefold()
    guessed = plain in _KNOWN or plain == email.casefold() or (len(name) > 3 and plain == name * 2)
    if guessed or len(set(plain)) < _FEWEST_LETTERS:
        hint = "Several words with no connection make a good one."
        raise Invalid("This password is too easy to guess.", hint=hint, path=[path])
    return password
