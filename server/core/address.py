"""Under which address this server is reached: for links that are sent or printed."""

from __future__ import annotations

from server.core.settings import Settings

ADDRESS_FILE = "address"
DEFAULT_URL = "http://127.0.0.1:8000"


def remember_address(settings: Settings, url: str) -> None:
    """So that a link printed later leads to where this server was last started."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / ADDRESS_FILE).write_text(url + "\n", encoding="utf-8")


def last_address(settings: Settings) -> str:
    try:
        return (settings.data_dir / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return DEFAULT_URL


def own_address(settings: Settings) -> str:
    """Never from a request: whoever sends one could forge where a link leads."""
    return (settings.public_url or last_address(settings)).rstrip("/")
