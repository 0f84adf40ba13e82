"""The one policy for every connection that leaves the product: tools, model endpoints, databases,
webhooks, mail, imports.

An address is read once, resolved once, and every answer must be public or listed by the operator.
What connects uses the answers given here and never asks again.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

from server.core.errors import AddressRefused
from server.core.net.ranges import (
    Address,
    carried,
    hands_out_credentials,
    plain,
    why_not_public,
)
from server.core.net.urls import Target, read_host, read_url

PRIVATE_SETTING = "BALEYBOTS_ALLOWED_PRIVATE_HOSTS"
PORTS_SETTING = "BALEYBOTS_ALLOWED_PORTS"
KEYS = (
    "There a cloud hands out the keys of the machines that run in it. No bot needs that: leave it "
    f"out of {PRIVATE_SETTING}."
)

Resolve = Callable[[str], Awaitable[Sequence[str]]]

_USUAL_PORTS = frozenset({80, 443})
# Names that mean "inside", whatever some resolver answers.
_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")
_CLOUD_NAMES = frozenset(
    {
        *("metadata", "metadata.goog", "metadata.google.internal", "metadata.azure.internal"),
        *("instance-data", "instance-data.ec2.internal"),
    }
)


class NetSettings(Protocol):
    """The part of the settings that this policy needs."""

    @property
    def allowed_private_hosts(self) -> tuple[str, ...]: ...
    @property
    def allowed_ports(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the operator's list; no port: any."""

    name: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def names(self, host: str, port: int) -> bool:
        return self.network is None and host == self.name and self._at(port)

    def holds(self, address: Address, port: int) -> bool:
        if self.network is None or not self._at(port):
            return False
        if address in self.network:
            return True
        inner = carried(address)
        return bool(inner) and all(one in self.network for one in inner)

    def _at(self, port: int) -> bool:
        return self.port in (None, port)


class NetPolicy:
    def __init__(
        self,
        private_hosts: Iterable[str] = (),
        ports: Iterable[int] = (),
        *,
        resolve: Resolve | None = None,
    ) -> None:
        self._listed = tuple(map(_entry, private_hosts))
        self._ports = _USUAL_PORTS.union(ports)
        self._resolve = resolve or system_resolve

    @classmethod
    def of(cls, settings: NetSettings) -> NetPolicy:
        return cls(settings.allowed_private_hosts, settings.allowed_ports)

    def read(self, url: str) -> Target:
        """All that can be told without the resolver: fit for a check while somebody types. Raises
        AddressRefused."""
        target = read_url(url)
        # The private host first: the line that allows it allows its port too.
        self._check_words(target.host, target.literal, target.port)
        self.check_port(target.host, target.literal, target.port)
        return target

    async def check_url(self, url: str) -> tuple[Target, tuple[Address, ...]]:
        """The address, and where to connect to. Raises AddressRefused, or OSError when the name
        leads nowhere."""
        target = self.read(url)
        return target, await self.addresses(target.host, target.literal, target.port)

    async def check_host(self, host: str, port: int) -> tuple[Address, ...]:
        """For databases and mail servers, which may use any port: where to connect to."""
        if not 0 < port < 65_536:
            raise AddressRefused(f"{port} is no port, a number from 1 to 65535.")
        name, literal = read_host(host)
        self._check_words(name, literal, port)
        return await self.addresses(name, literal, port)

    async def addresses(self, host: str, literal: Address | None, port: int) -> tuple[Address, ...]:
        """Every answer of the one look-up, each of them checked."""
        found = (literal,) if literal is not None else await self._looked_up(host)
        for address in found:
            self._check_address(host, literal, address, port)
        return found

    def check_port(self, host: str, literal: Address | None, port: int) -> None:
        """Who lists a host with its port means that port."""
        if port in self._ports or self._is_listed(host, literal, port):
            return
        raise AddressRefused(
            f"Port {port} of {_shown(host, literal)} may not be used; 80 and 443 may.",
            hint=_hint_for_port(host, literal, port),
        )

    async def _looked_up(self, host: str) -> tuple[Address, ...]:
        answers = await self._resolve(host)
        if not answers:
            raise OSError(f"{host} has no address")
        return tuple(plain(ip_address(one)) for one in dict.fromkeys(answers))

    def _check_words(self, host: str, literal: Address | None, port: int) -> None:
        """What is refused without asking a resolver."""
        if literal is not None:
            return self._check_address(host, literal, literal, port)
        # An entry for a network may hold the address; only the resolver can tell.
        networks = any(one.network is not None for one in self._listed)
        if is_local(host) and not networks and not self._is_listed(host, None, port):
            raise _refused(host, None, port, "is a name inside the network of this server")
        return None

    def _check_address(
        self, host: str, literal: Address | None, address: Address, port: int
    ) -> None:
        if self._is_listed(host, literal, port) or any(
            one.holds(address, port) for one in self._listed
        ):
            return
        if words := why_not_public(address):
            leads = f"is {words}" if literal is not None else f"leads to {address}, {words}"
            raise _refused(host, literal, port, leads, keys=hands_out_credentials(address))
        if literal is None and is_local(host):
            raise _refused(host, None, port, "is a name inside the network of this server")

    def _is_listed(self, host: str, literal: Address | None, port: int) -> bool:
        if literal is not None:
            return any(one.holds(literal, port) for one in self._listed)
        return any(one.names(host, port) for one in self._listed)


def is_local(host: str) -> bool:
    return host in _CLOUD_NAMES or any(
        host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES
    )


async def system_resolve(host: str) -> Sequence[str]:
    """The machine's own resolver, asked once."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in found]


def _entry(text: str) -> Listed:
    host, _, port = text.rpartition(":")
    number = None if port == "*" else int(port)
    if "/" in host:
        return Listed(host, ip_network(host.strip("[]"), strict=False), number)
    name, literal = read_host(host)
    return Listed(name, None if literal is None else ip_network(literal), number)


def _refused(
    host: str, literal: Address | None, port: int, why: str, *, keys: bool = False
) -> AddressRefused:
    shown = _shown(host, literal)
    closed = keys or host in _CLOUD_NAMES
    return AddressRefused(
        f"{shown} {why}; it may not be reached from here.",
        hint=KEYS if closed else _line(_private(shown, port)),
    )


def _hint_for_port(host: str, literal: Address | None, port: int) -> str:
    """Only the resolver knows whether a name leads inside, and then the other line is needed."""
    ports, private = f"{PORTS_SETTING}={port}", _private(host, port)
    if host in _CLOUD_NAMES:
        return KEYS
    if literal is not None:
        return _line(ports)
    if is_local(host):
        return _line(private)
    return _line(f"{private} (where {host} stands in your own network) or {ports} (elsewhere)")


def _private(shown: str, port: int) -> str:
    return f"{PRIVATE_SETTING}={shown}:{port}"


def _line(setting: str) -> str:
    return (
        f"If you run this server and want it, add the line {setting} to its settings (to what the "
        "setting holds already, after a comma) and start again."
    )


def _shown(host: str, literal: Address | None) -> str:
    return f"[{host}]" if literal is not None and literal.version == 6 else host
