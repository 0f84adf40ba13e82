"""graphql-transport-ws with every message looked at before it is believed: the library's handler
takes the shape of a message for granted and breaks on another one."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

from server.api.context import Context

MAX_ID = 200


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    async def handle_message(self, message: Message) -> None:
        problem = fault_in(message)
        if problem is not None:
            await self.handle_invalid_message(problem)
            return
        await super().handle_message(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Each with surroundings of its own: several run at a time over one socket, and what one
        of them asks for is none of the others' business."""
        own = copy(self)
        own.context = replace(self.context, bill=None, _loaders=None)
        await BaseGraphQLTransportWSHandler[Context, None].run_operation(own, operation)


def fault_in(message: Any) -> str | None:
    """What is wrong with a message from outside; None when it has the form of the protocol."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    if message["type"] in ("subscribe", "complete"):
        given = message.get("id")
        if not isinstance(given, str) or not 0 < len(given) <= MAX_ID:
            return f"A message of this type has an id of 1 to {MAX_ID} characters"
    if message["type"] == "subscribe":
        return fault_in_request(message.get("payload"))
    return None


def fault_in_request(payload: Any) -> str | None:
    """The same over HTTP and in a `subscribe` message."""
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "A request is an object with a query"
    if not isinstance(payload.get("variables"), dict | None):
        return "Variables are an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "An operation name is text"
    return None
