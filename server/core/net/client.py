"""One request to an address that somebody gave: checked, bounded in time and size, each redirect
checked again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from server.core.errors import AddressRefused, TooLarge, Upstream
from server.core.net.connector import open_session
from server.core.net.inflate import ENCODINGS, Inflater
from server.core.net.policy import NetPolicy
from server.core.net.urls import Target

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
# All that may go on to another origin: any other header may hold a secret.
_HARMLESS = frozenset({"accept", "accept-language", "user-agent", "content-type"})
_BODY_HEADERS = frozenset({"content-type", "content-encoding", "content-language"})


@dataclass(frozen=True, slots=True)
class Caps:
    """`seconds` bound all of it: every redirect, to the last byte. `size` is counted unpacked."""

    seconds: float = 10.0
    size: int = 5 * 1024 * 1024
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Ask:
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url` is where the answer came from in the end."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


class SafeClient:
    """`async with`, on one loop. Raises AddressRefused, TooLarge or Upstream."""

    def __init__(self, policy: NetPolicy) -> None:
        self._policy = policy
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, ask: Ask, caps: Caps | None = None) -> Fetched:
        caps = caps or Caps()
        try:
            async with asyncio.timeout(caps.seconds):
                return await self._follow(ask, caps)
        except TimeoutError:
            host = self._policy.read(ask.url).host
            message = f"{host} did not answer in full within {caps.seconds:g} s."
            raise Upstream(message, retryable=True) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _follow(self, ask: Ask, caps: Caps) -> Fetched:
        target = self._policy.read(ask.url)
        for _ in range(caps.redirects + 1):
            answer = await self._once(target, ask, caps)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            ahead = self._policy.read(urljoin(target.url, location))
            ask = _onwards(ask, answer.status, target, ahead)
            target = ahead
        raise Upstream(f"{target.host} redirects more than {caps.redirects} times.")

    async def _once(self, target: Target, ask: Ask, caps: Caps) -> Fetched:
        if self._session is None:
            self._session = open_session(self._policy)
        headers = {"Accept-Encoding": ENCODINGS, **ask.headers}
        try:
            async with self._session.request(
                ask.method,
                URL(target.url),
                headers=headers,
                data=ask.body,
                allow_redirects=False,
                auto_decompress=False,
            ) as response:
                body = await _body(response, target, caps.size)
                named = {name.lower(): value for name, value in response.headers.items()}
                return Fetched(target.url, response.status, named, body)
        except aiohttp.ClientError as error:
            raise _unreached(target, error) from error


async def _body(response: aiohttp.ClientResponse, target: Target, cap: int) -> bytes:
    inflater = Inflater(response.headers.get("Content-Encoding", ""))
    whole = bytearray()
    try:
        async for data in response.content.iter_any():
            for piece in inflater.feed(data):
                whole += piece
                if len(whole) > cap:
                    raise TooLarge(f"{target.host} answered with more than {cap // 1024:,} KiB.")
    except BaseException:
        response.close()
        raise
    return bytes(whole)


def _onwards(ask: Ask, status: int, here: Target, ahead: Target) -> Ask:
    """The next request, without what is not meant for another house."""
    keeps = status in _KEEP_METHOD or ask.method in ("GET", "HEAD")
    method, body = (ask.method, ask.body) if keeps else ("GET", None)
    headers = dict(ask.headers)
    if body is None:
        headers = {k: v for k, v in headers.items() if k.lower() not in _BODY_HEADERS}
    if here.origin != ahead.origin:
        headers = {k: v for k, v in headers.items() if k.lower() in _HARMLESS}
        safer = ahead.host == here.host and ahead.scheme == "https"
        if body is not None and not safer:
            raise AddressRefused(
                f"{here.host} redirects the request with its body to {ahead.host}.",
                hint="Give the address it redirects to, if that is where it should go.",
            )
    return Ask(ahead.url, method, headers, body)


def _unreached(target: Target, error: aiohttp.ClientError) -> Upstream:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Upstream(f"The name {target.host} does not exist.", retryable=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return Upstream(f"{target.host} has no valid certificate.")
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        why = os.strerror(number) if number else "no connection"
        return Upstream(f"{target.host} could not be reached ({why}).", retryable=True)
    return Upstream(f"{target.host} broke off or gave an unreadable answer.", retryable=True)
