"""Secrets of connections at rest: one sealed text for each row, bound to its workspace and id."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from server.connections.base import Opened
from server.connections.registry import KINDS
from server.core.crypto import SecretBox
from server.core.jsontext import dumps, loads
from server.core.logs import hide
from server.models.tables import Connection


def seal(box: SecretBox, row: Connection, secrets: Mapping[str, str]) -> str | None:
    if not secrets:
        return None
    hide(*secrets.values())
    return base64.b64encode(box.seal(dumps(dict(secrets)).encode(), bound=_bound(row))).decode()


def unseal(box: SecretBox, row: Connection) -> dict[str, str]:
    """Raises SecretUnreadable under another key or in another row."""
    if row.sealed is None:
        return {}
    secrets: dict[str, str] = loads(box.open(base64.b64decode(row.sealed), bound=_bound(row)))
    hide(*secrets.values())
    return secrets


def opened(box: SecretBox, row: Connection) -> Opened:
    return Opened(
        id=row.id,
        kind=KINDS[row.kind],
        name=row.name,
        settings=row.settings,
        secrets=unseal(box, row),
        is_default=row.is_default,
    )


def _bound(row: Connection) -> str:
    return f"connection {row.workspace_id} {row.id}"
