"""How the text of a setting becomes its value. Each reader knows what it allows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_MIN_KEY = 32
_MIN_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one value; a ValueError says in words what is allowed."""

    allowed: str
    read: Callable[[str], Any]

    def __call__(self, given: str) -> Any:
        return self.read(given)


def one_of(*words: str) -> Reader:
    allowed = " or ".join([", ".join(words[:-1]), words[-1]])

    def read(given: str) -> str:
        word = given.lower()
        if word not in words:
            raise ValueError(f"{_quoted(given)} is not one of {allowed}.")
        return word

    return Reader(allowed, read)


def whole(low: int, high: int) -> Reader:
    allowed = f"a whole number from {low} to {high}"

    def read(given: str) -> int:
        if not (given.isascii() and given.isdigit() and low <= int(given[:20]) <= high):
            raise ValueError(f"{_quoted(given)} is not {allowed}.")
        return int(given)

    return Reader(allowed, read)


def _on_off(given: str) -> bool:
    word = given.lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise ValueError(f"{_quoted(given)} is not on or off.")


def _url(given: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    """The value is never repeated in the message: it may hold a password."""
    try:
        parts = urlsplit(given)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable:
        raise ValueError(f"this is not an address such as {example}.")
    return parts


def _http_url(given: str) -> str:
    parts = _url(given, ("http", "https"), "https://bots.example.org")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("give the plain address only, such as https://bots.example.org.")
    return given.rstrip("/")


def _redis_url(given: str) -> str:
    if given.startswith("unix://"):
        return given
    _url(given, ("redis", "rediss"), "redis://localhost:6379/0")
    return given


def _smtp_url(given: str) -> str:
    example = "smtp://user:password@mail.example.org:587?from=bots@example.org"
    parts = _url(given, ("smtp", "smtps"), example)
    sender = parse_qs(parts.query, keep_blank_values=True)
    if set(sender) - {"from"} or any("@" not in one for one in sender.get("from", ())):
        raise ValueError(f"behind ? stands from= with an address, as in {example}.")
    return given


def _database_url(given: str) -> str:
    scheme = given.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite_url(given)
    if scheme not in ("postgres", "postgresql", "mysql", "mariadb"):
        raise ValueError("start with sqlite://, postgres:// or mysql://.")
    parts = _url(given, (scheme,), f"{scheme}://user:password@host/name")
    if not parts.path.strip("/"):
        raise ValueError(f"name the database, as in {scheme}://user:password@host/name.")
    return given


def _sqlite_url(given: str) -> str:
    rest = given.removeprefix("sqlite:").removeprefix("//")
    if not rest or rest.startswith(":memory:"):
        raise ValueError("name a file, as in sqlite:///var/lib/baleybots/baleybots.db.")
    if "?" in rest or "#" in rest:
        raise ValueError("give the path of the file only, with nothing after it.")
    return f"sqlite://{Path(rest).expanduser().absolute()}"


def _secret_key(given: str) -> str:
    if len(given) < _MIN_KEY:
        raise ValueError(f"give at least {_MIN_KEY} random characters.")
    return given


def _token(given: str) -> str:
    if len(given) < _MIN_TOKEN or not given.isprintable() or " " in given:
        raise ValueError(f"give at least {_MIN_TOKEN} random characters without spaces.")
    return given


def _items(given: str) -> list[str]:
    return [item for part in given.split(",") if (item := part.strip())]


def _secret_keys(given: str) -> tuple[str, ...]:
    return tuple(map(_secret_key, _items(given)))


def _ports(given: str) -> tuple[int, ...]:
    return tuple(_port(item) for item in _items(given))


def _port(item: str) -> int:
    if not (item.isascii() and item.isdigit() and 0 < int(item[:6]) < 65_536):
        raise ValueError(f"{_quoted(item)} is not a port, a number from 1 to 65535.")
    return int(item)


def _networks(given: str) -> tuple[str, ...]:
    return tuple(_network(item) for item in _items(given))


def _network(item: str) -> str:
    try:
        return str(ipaddress.ip_network(item))
    except ValueError:
        message = f"{_quoted(item)} is not an address or network such as 10.0.0.0/8."
        raise ValueError(message) from None


def _private_hosts(given: str) -> tuple[str, ...]:
    return tuple(_private_host(item) for item in _items(given))


def _private_host(item: str) -> str:
    host, _, port = item.rpartition(":")
    if port != "*":
        try:
            _port(port)
        except ValueError:
            host = ""
    if "/" in host:
        return f"{_network(host.strip('[]'))}:{port}"
    bare = host.removeprefix("[").removesuffix("]").lower()
    if bare != host.lower():
        _network(bare)
    elif not _HOST.fullmatch(host):
        allowed = "host:port, host:* or CIDR:port, such as localhost:11434"
        raise ValueError(f"{_quoted(item)} is not {allowed}.")
    return f"{host.lower()}:{port}"


def _quoted(given: str) -> str:
    return repr(given if len(given) <= 60 else given[:60] + "…")


on_off = Reader("on or off", _on_off)
text = Reader("text", str)
folder = Reader("a path", lambda given: Path(given).expanduser().absolute())
http_url = Reader("an http or https address", _http_url)
redis_url = Reader("redis://, rediss:// or unix://", _redis_url)
smtp_url = Reader("smtp:// or smtps://", _smtp_url)
database_url = Reader("sqlite://, postgres:// or mysql://", _database_url)
secret_key = Reader(f"at least {_MIN_KEY} characters", _secret_key)
secret_keys = Reader("keys, separated by commas", _secret_keys)
token = Reader(f"at least {_MIN_TOKEN} characters without spaces", _token)
ports = Reader("ports, separated by commas", _ports)
networks = Reader("addresses or networks, separated by commas", _networks)
private_hosts = Reader("host:port, host:* or CIDR:port, separated by commas", _private_hosts)
