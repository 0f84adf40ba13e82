"""Handlers that never fail in silence: an error becomes a message on the page."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from frontend.client import ClientError
from frontend.kit.messages import Messages, use_messages

log = structlog.get_logger("frontend")
Handler = Callable[..., Awaitable[None]]
SORRY = "That did not work because of a fault on the server. Nothing was changed. Try again."


def message(handler: Callable[[dict[str, Any]], Awaitable[None]]) -> Handler:
    """A handler for a JavaScript component: it sends one JSON text."""

    async def received(text: str = "{}") -> None:
        found = json.loads(text)
        await handler(found if isinstance(found, dict) else {})

    return received


@dataclass(frozen=True)
class Guard:
    messages: Messages

    def click(self, handler: Callable[[], Awaitable[None]]) -> Handler:
        async def clicked(_event: Any = None) -> None:
            await self._run(handler())

        return clicked

    def js(self, handler: Callable[[dict[str, Any]], Awaitable[None]]) -> Handler:
        async def received(found: dict[str, Any]) -> None:
            await self._run(handler(found))

        return message(received)

    async def _run(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ClientError as error:
            self.messages.error(str(error))
        except Exception:
            log.exception("A handler of the web app failed")
            self.messages.error(SORRY)


def use_guard() -> Guard:
    return Guard(use_messages())
