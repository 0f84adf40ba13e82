"""Which addresses are public: our own table, since every library's differs with its age.

IANA's special-purpose registries and what clouds add. An IPv6 address that carries an IPv4 address
is judged by that one.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_PRIVATE = "a private address"
_DOCUMENTS = "an address kept for documentation"
_SPECIAL = "an address kept for a special purpose"

_SPECIAL_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), words)
    for network, words in (
        ("0.0.0.0/8", "an address of this machine"),
        ("10.0.0.0/8", _PRIVATE),
        ("100.64.0.0/10", "an address inside a provider's network"),
        ("127.0.0.0/8", "an address of this machine"),
        ("168.63.129.16/32", "an address inside a cloud"),
        ("169.254.0.0/16", "a link-local address, where clouds keep credentials"),
        ("172.16.0.0/12", _PRIVATE),
        ("192.0.0.0/24", _SPECIAL),
        ("192.0.2.0/24", _DOCUMENTS),
        ("192.31.196.0/24", _SPECIAL),
        ("192.52.193.0/24", _SPECIAL),
        ("192.88.99.0/24", _SPECIAL),
        ("192.168.0.0/16", _PRIVATE),
        ("192.175.48.0/24", _SPECIAL),
        ("198.18.0.0/15", "an address kept for benchmarks"),
        ("198.51.100.0/24", _DOCUMENTS),
        ("203.0.113.0/24", _DOCUMENTS),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)

_SPECIAL_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), words)
    for network, words in (
        ("2001::/23", _SPECIAL),
        ("2001:db8::/32", _DOCUMENTS),
        ("2620:4f:8000::/48", _SPECIAL),
        ("3fff::/20", _DOCUMENTS),
        ("fc00::/7", _PRIVATE),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", _PRIVATE),
        ("ff00::/8", "a multicast address"),
    )
)
_GIVEN_OUT = IPv6Network("2000::/3")

# Where clouds hand out credentials to whoever asks from inside.
_CREDENTIALS: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::254/128"),
    IPv6Network("fe80::a9fe:a9fe/128"),
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_CARRYING = (_MAPPED, _COMPATIBLE, _NAT64, _SIX_TO_FOUR, _TEREDO)
# The middle of an interface id that a router of ISATAP turns into an IPv4 address.
_ISATAP = (0x00005EFE, 0x02005EFE)


@lru_cache(maxsize=4096)
def why_not_public(address: Address) -> str | None:
    """What the address is instead, in words; None when it is public."""
    if isinstance(address, IPv4Address):
        return next((words for network, words in _SPECIAL_V4 if address in network), None)
    if address.scope_id:
        return "a link-local address"
    for one in carried(address):
        if words := why_not_public(one):
            return f"{words} ({one}) inside an IPv6 address"
    if any(address in network for network in _CARRYING):
        return None
    if words := next((words for network, words in _SPECIAL_V6 if address in network), None):
        return words
    return None if address in _GIVEN_OUT else "an address that is not public"


def hands_out_credentials(address: Address) -> bool:
    return any(one in network for one in (address, *carried(address)) for network in _CREDENTIALS)


def carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which a packet for this one may be sent on."""
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    low = IPv4Address(number & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        found = [IPv4Address(number >> 80 & 0xFFFF_FFFF)]
    elif address in _TEREDO:
        found = [IPv4Address(number >> 64 & 0xFFFF_FFFF), IPv4Address(~number & 0xFFFF_FFFF)]
    else:
        found = [low] if any(address in one for one in _CARRYING) else []
    isatap = (number >> 32 & 0xFFFF_FFFF) in _ISATAP
    return (*found, low) if isatap else tuple(found)


def plain(address: Address) -> Address:
    """A mapped address is the IPv4 address itself, written differently."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
