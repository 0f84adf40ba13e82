"""How frames travel. Pages are large and alike, so their sockets compress. A feed's messages are
small and many: there a compressor for each reader would cost 36 KB of memory and half of the time
that sending to a thousand takes."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FEEDS = "/graphql"


class Sockets(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Any) -> None:
        if event.path.partition("?")[0] == FEEDS:
            self.conn.available_extensions = []
        super().handle_connect(event)
