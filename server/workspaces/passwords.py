"""Passwords: argon2id, off the event loop, and the rules for a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.core.errors import Invalid
from server.workspaces.guessing import is_easy

SHORTEST = 12
LONGEST = 200
HINT = "Several words with no connection make a good one."
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


def checked(password: str, own: Sequence[str] = (), path: str = "password") -> str:
    """A new password. Length counts, and how soon it is guessed by somebody who knows `own`: which
    kinds of characters it has does not."""
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"A password has {SHORTEST} to {LONGEST} characters, not {len(password)}."
        raise Invalid(message, hint=HINT, path=[path])
    if is_easy(password, own):
        message = (
            "This password is too easy to guess: common words, runs such as 1234 or qwerty, and "
            "your own name or address count for little."
        )
        raise Invalid(message, hint=HINT, path=[path])
    return password
