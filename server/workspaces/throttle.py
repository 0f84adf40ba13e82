"""How often a wrong password may be tried, per address and per account.

Counted before the password is looked at, so that many tries at once are many tries. One person
cannot lock out another: where an account was signed in to before, only the tries from there count.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from arq.connections import ArqRedis

from server.bus.redis import AWAY
from server.core.errors import RateLimited
from server.core.logs import get_logger

WINDOW_SECONDS = 15 * 60
PER_ADDRESS = 20
PER_PAIR = 6
PER_ACCOUNT = 20

log = get_logger(__name__)


class TooManyTries(RateLimited):
    """Too many tries to sign in; wait a little."""


@dataclass(frozen=True, slots=True)
class Throttle:
    redis: ArqRedis

    async def enter(self, email: str, address: str, at_home: Callable[[], Awaitable[bool]]) -> None:
        """Counts a try; raises TooManyTries with the seconds to wait. `at_home`: was this account
        signed in to from this address before?"""
        keys = _keys(email, address)
        try:
            counts = [await self._count(key) for key in keys]
        except AWAY as error:
            log.warning("sign_in_not_counted", error=str(error))
            return
        by_address, by_pair, by_account = counts
        over = by_address > PER_ADDRESS or by_pair > PER_PAIR
        if over or (by_account > PER_ACCOUNT and not await at_home()):
            raise TooManyTries(retry_after=await self._left(keys))

    async def succeeded(self, email: str, address: str) -> None:
        """The right password: this try was none."""
        by_address, by_pair, by_account = _keys(email, address)
        try:
            await self.redis.delete(by_pair)
            for key in (by_address, by_account):
                if await self.redis.decr(key) <= 0:
                    await self.redis.delete(key)
        except AWAY as error:
            log.warning("sign_in_not_counted", error=str(error))

    async def _count(self, key: str) -> int:
        """In one piece: a count whose end was never set would shut somebody out for ever."""
        async with self.redis.pipeline(transaction=True) as line:
            line.set(key, 0, ex=WINDOW_SECONDS, nx=True)
            line.incr(key)
            return int((await line.execute())[1])

    async def _left(self, keys: tuple[str, str, str]) -> float:
        left = [int(await self.redis.ttl(key)) for key in keys]
        return float(max(1, *left))


def _keys(email: str, address: str) -> tuple[str, str, str]:
    person, place = _short(email.strip().lower()), _short(_network(address))
    return (
        f"baleybots:tries:a:{place}",
        f"baleybots:tries:p:{person}:{place}",
        f"baleybots:tries:u:{person}",
    )


def _network(address: str) -> str:
    """One household or one machine has a whole /64 of IPv6 to itself."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        mapped = known.ipv4_mapped
        return str(mapped or ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
