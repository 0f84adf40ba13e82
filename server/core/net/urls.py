"""Reading an outgoing address, once and strictly: what two programs could read differently is
refused here, so nothing further on reads it again."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from server.core.errors import AddressRefused
from server.core.net.ranges import Address, plain

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_AUTHORITY_END = re.compile(r"[/?#]")
_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_IN_HOST = re.compile(r"[\s\\%@/?#:\[\]<>^|`{}\"'!$&()*+,;=~]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_LONGEST_URL = 8192
_LONGEST_HOST = 253
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Target:
    """`host` is the name as it goes on the wire, or an address without brackets. `rest` begins
    with a slash and ends before a fragment."""

    scheme: str
    host: str
    port: int
    rest: str
    literal: Address | None

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.rest}"


def read_url(url: str) -> Target:
    """Raises AddressRefused for anything but a plain http or https address."""
    if len(url) > _LONGEST_URL:
        raise AddressRefused(f"The address has {len(url)} characters; {_LONGEST_URL} is the most.")
    if _NEVER.search(url):
        raise _refused(url, "holds a control character")
    head = _SCHEME.match(url)
    if head is None:
        raise _refused(url, "does not begin with http:// or https://")
    scheme = head.group(1).lower()
    if scheme not in _DEFAULT_PORTS:
        raise _refused(url, f"uses {scheme}; only http and https are possible")
    authority, rest = _split(url[head.end() :])
    host, port = _host_and_port(url, authority)
    name, literal = read_host(host)
    return Target(scheme, name, port or _DEFAULT_PORTS[scheme], rest, literal)


def read_host(given: str) -> tuple[str, Address | None]:
    """A host on its own, as databases and mail servers have it: the name to use, and the address
    if it is one, however it was written."""
    if given.startswith("[") and given.endswith("]"):
        return _v6(given[1:-1], given)
    if given.count(":") > 1:
        return _v6(given, given)
    host = _one_form(given)
    if not host:
        raise AddressRefused("The address names no host.")
    if _NOT_IN_HOST.search(host) or _NEVER.search(host):
        raise _refused(given, "has a character that no host name has")
    name = host if host.isascii() else _encoded(host, given)
    if (address := _number_form(name, given)) is not None:
        return str(address), address
    if len(name) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, name.split("."))):
        raise _refused(given, "is no host name")
    return name, None


def _split(after: str) -> tuple[str, str]:
    end = _AUTHORITY_END.search(after)
    if end is None:
        return after, "/"
    authority, rest = after[: end.start()], after[end.start() :].partition("#")[0]
    return authority, rest if rest.startswith("/") else f"/{rest}"


def _host_and_port(url: str, authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise _refused(_without_user(url), "holds a user name or password")
    for mark, words in (("\\", "a backslash"), ("%", "a percent code")):
        if mark in authority:
            raise _refused(url, f"has {words} in its host")
    if any(character.isspace() for character in authority):
        raise _refused(url, "has a space in its host")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, None
    return host, _port(url, port)


def _port(url: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise _refused(url, "has a port that is no number from 1 to 65535")
    return int(text)


def _v6(text: str, given: str) -> tuple[str, Address]:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise _refused(given, "is no IPv6 address") from None
    if address.scope_id:
        raise _refused(given, "names a network card")
    found = plain(address)
    return str(found), found


def _one_form(given: str) -> str:
    """Wide and circled letters and dots mean the plain ones: decided once, before anything else."""
    host = given if given.isascii() else unicodedata.normalize("NFKC", given).replace("。", ".")
    return host.lower().removesuffix(".")


def _number_form(host: str, given: str) -> IPv4Address | None:
    """As the C library reads it: one to four numbers, decimal, octal or hexadecimal, the last one
    filling what is left. A name whose last part is a number must be an address."""
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    values = [_number(part) for part in parts]
    if len(parts) > 4 or any(value is None for value in values):
        raise _refused(given, "ends with a number but is no IPv4 address")
    *first, last = [value for value in values if value is not None]
    if any(value > 255 for value in first) or last >= 256 ** (4 - len(first)):
        raise _refused(given, "is no IPv4 address: a number in it is too large")
    total = last + sum(value << 8 * (3 - place) for place, value in enumerate(first))
    return IPv4Address(total)


def _number(part: str) -> int | None:
    if not _NUMBER.fullmatch(part) or len(part) > 20:
        return None
    try:
        if part[:2] in ("0x", "0X"):
            return int(part[2:], 16)
        return int(part, 8 if len(part) > 1 and part[0] == "0" else 10)
    except ValueError:
        return None


def _encoded(host: str, given: str) -> str:
    """Loaded here: its tables are needed only where a name has letters beyond ASCII."""
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii").lower().rstrip(".")
    except idna.IDNAError:
        raise _refused(given, "is no host name") from None


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://…@{rest.rpartition('@')[2]}"


def _refused(shown: str, why: str) -> AddressRefused:
    text = "".join(one if one.isprintable() else "�" for one in shown)
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return AddressRefused(f"The address “{short}” {why}.")
