"""Which pages may speak to us with the visitor's cookie: only our own."""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def same_site(origin: str, host: str, public_url: str | None) -> bool:
    """True for a page of this server: its Origin names the Host that was asked, or PUBLIC_URL."""
    asking = _place(origin)
    if asking is None:
        return False
    ours = _place(public_url) if public_url is not None else None
    if asking == ours:
        return True
    if ours is not None and ours[:2] == ("https", asking[1]) and asking[0] == "http":
        return False  # a page without TLS under our own name may be anybody's
    scheme = asking[0]
    return asking == _place(f"{scheme}://{host}")


def _place(address: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        return None
    return parts.scheme, parts.hostname.lower(), port
