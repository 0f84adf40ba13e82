"""What every resolver may reach: who asks, the rooms below, and the id of the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry

from server.core.errors import Unauthenticated

if TYPE_CHECKING:
    from server.assembly import Assembly
    from server.workspaces.access import Viewer


@dataclass(slots=True)
class Context:
    """One per request, or one per socket. `recognise` reads a token sent after the handshake."""

    viewer: Viewer | None
    rooms: Assembly
    request_id: str
    introspection: bool = True
    recognise: Callable[[str], Awaitable[Viewer | None]] | None = None
    connection_params: dict[str, Any] | None = None

    @property
    def asker(self) -> Viewer:
        """The viewer behind a field that declared an access: there is one."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer


Info = strawberry.Info[Context, None]
