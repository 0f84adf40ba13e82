"""How calls to models leave: over sessions that obey the policy for outgoing connections, and with
each key bound to its host.

An address that the operator named in the environment is trusted as given. Loaded with the first
call, because the HTTP client is.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx

from server.core.errors import AddressRefused
from server.core.net.connector import open_session
from server.core.net.policy import NetPolicy
from server.core.settings import PROVIDER_NAMES
from server.llm.collector import TooMuch
from server.llm.routing import Route

_CONNECT_SECONDS = 30.0
_PORTS = {"http": 80, "https": 443}
LONGEST_ANSWER = 32 * 1024 * 1024
# A stream wraps each word in some hundred bytes.
LONGEST_STREAM = 1024 * 1024 * 1024


class Sessions:
    """One for trusted addresses, one for all others; both belong to the loop they are used on."""

    def __init__(self, policy: NetPolicy) -> None:
        self._policy = policy
        self._open: dict[bool, aiohttp.ClientSession] = {}

    def of(self, route: Route) -> aiohttp.ClientSession:
        session = self._open.get(route.trusted)
        if session is None:
            session = session_for(None if route.trusted else self._policy)
            self._open[route.trusted] = session
        return session

    async def close(self) -> None:
        while self._open:
            await self._open.popitem()[1].close()


def session_for(policy: NetPolicy | None) -> aiohttp.ClientSession:
    """None: the address is trusted. Proxies of the environment are not used either way."""
    if policy is not None:
        return open_session(policy, connect_seconds=_CONNECT_SECONDS)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def check_bound(route: Route, url: str, policy: NetPolicy) -> None:
    """A key goes to the host and port it was given for and nowhere else, whatever a library or an
    answer says. Raises AddressRefused."""
    place = _Place.of(url)
    if not _is_bound(route, place):
        raise AddressRefused(f"The key of this model is not for {place}; it was not sent there.")
    if not route.trusted:
        policy.read(url)


@dataclass(frozen=True, slots=True)
class _Place:
    """What an address comes down to: who is met there, and whether somebody can listen in."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> _Place:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused("The address cannot be read.") from error
        scheme = parts.scheme.lower()
        return cls(scheme, (parts.hostname or "").lower(), port or _PORTS.get(scheme))

    def __str__(self) -> str:
        if self.port == _PORTS.get(self.scheme):
            return self.host if self.scheme == "https" else f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"


def _is_bound(route: Route, place: _Place) -> bool:
    if route.api_base:
        return place == _Place.of(route.api_base)
    if place != _Place("https", place.host, 443):
        return False
    known = route.provider.hosts if route.provider else ()
    return any(place.host == one or place.host.endswith(f".{one}") for one in known)


def check_borrowed(route: Route, headers: MutableMapping[str, str]) -> None:
    """The library helps itself to keys of the environment where a call has none of its own."""
    if route.connection is None:
        return
    if "organization" not in route.extra:
        headers.pop("openai-organization", None)
    headers.pop("openai-project", None)
    sent = " ".join(headers.values())
    for name, is_secret in PROVIDER_NAMES.items():
        value = os.environ.get(name) if is_secret else None
        if value and value != route.api_key and value in sent:
            raise AddressRefused(f"{name} of the environment is not for this connection.")


@dataclass(frozen=True, slots=True)
class _Leaving:
    route: Route
    policy: NetPolicy


_leaving: ContextVar[_Leaving | None] = ContextVar("leaving", default=None)


@contextmanager
def leaving(route: Route, policy: NetPolicy) -> Iterator[None]:
    """Inside it the library may call, for this route only."""
    token = _leaving.set(_Leaving(route, policy))
    try:
        yield
    finally:
        _leaving.reset(token)


class Outgoing(httpx.AsyncBaseTransport):
    """Under every HTTP client that the library makes. It asks at each request whose call it is,
    since the library shares its clients between calls."""

    def __init__(self, tls: ssl.SSLContext | bool | None) -> None:
        self._tls = tls
        self._ways: dict[NetPolicy | None, Any] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _leaving.get()
        if call is None:
            raise AddressRefused("The model library tried to call outside of a model call.")
        check_bound(call.route, str(request.url), call.policy)
        check_borrowed(call.route, request.headers)
        way = self._way(None if call.route.trusted else call.policy)
        # Packed answers would be unpacked by the library, without any limit.
        request.headers["accept-encoding"] = "identity"
        response = await way.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooMuch("a packed answer, which was not asked for")
        streams = "event-stream" in response.headers.get("content-type", "")
        cap = LONGEST_STREAM if streams else LONGEST_ANSWER
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Capped(response.stream, cap),
            request=request,
        )

    async def aclose(self) -> None:
        while self._ways:
            await self._ways.popitem()[1].aclose()

    def _way(self, policy: NetPolicy | None) -> Any:
        from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

        if policy not in self._ways:
            way: Any = LiteLLMAiohttpTransport
            self._ways[policy] = way(client=lambda: session_for(policy), ssl_verify=self._tls)
        return self._ways[policy]


class _Capped(httpx.AsyncByteStream):
    def __init__(self, stream: Any, cap: int) -> None:
        self._stream = stream
        self._cap = cap

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for data in self._stream:
            size += len(data)
            if size > self._cap:
                raise TooMuch(f"more than {self._cap // (1024 * 1024)} MiB")
            yield data

    async def aclose(self) -> None:
        await self._stream.aclose()


class Closed(httpx.BaseTransport):
    """Under every blocking client of the library: nothing of ours calls through one, and it would
    hold the loop and ask nobody."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise AddressRefused("The model library tried to call outside of a model call.")


def install(litellm: Any) -> None:
    """Puts our transports under the library: all of its clients are made here."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

    litellm.disable_aiohttp_trust_env = True
    house: Any = AsyncHTTPHandler
    house._create_async_transport = staticmethod(_transport)
    house._create_httpx_proxy_mounts = staticmethod(_no_proxies)
    blocking: Any = HTTPHandler
    blocking._create_sync_transport = staticmethod(Closed)
    blocking._create_sync_proxy_mounts = staticmethod(_no_proxies)


def _transport(
    ssl_context: ssl.SSLContext | None = None,
    ssl_verify: bool | None = None,
    shared_session: Any = None,
) -> Outgoing:
    return Outgoing(ssl_context if ssl_context is not None else ssl_verify)


def _no_proxies(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {}
