"""A running server, seen from the terminal: GraphQL over HTTP, and a socket to follow along."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, NoReturn, TypeVar

from server.core.address import DEFAULT_URL
from server.core.errors import AppError, Denied, Invalid, NotFound, Unauthenticated, Unavailable

RECONNECT_SECONDS = 0.5
TRIES = 20
_PLACE = re.compile(r"\((/[a-z][^\s()]*)\)")

Result = TypeVar("Result")
Found = AsyncGenerator[dict[str, Any], None]

FOLLOW = """
subscription CliFollow($id: ID!, $after: Int!) {
  executionEvents(executionId: $id, after: $after) { lastSeq caughtUp done events }
}
"""


class Remote:
    """One conversation with the server at BALEYBOTS_URL, as the owner of BALEYBOTS_TOKEN."""

    def __init__(self, url: str, token: str) -> None:
        import httpx

        self.url = url.rstrip("/")
        self.token = token
        headers = {"authorization": f"Bearer {token}"}
        # Reading the certificates of the machine takes longer than most answers of a server on it.
        tls = not self.url.lower().startswith("http://")
        self._http = httpx.AsyncClient(headers=headers, timeout=60, trust_env=False, verify=tls)

    async def __aenter__(self) -> Remote:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a query or mutation; what the server refuses is raised."""
        import httpx

        body = {"query": document, "variables": variables}
        try:
            response = await self._http.post(f"{self.url}/graphql", json=body)
        except httpx.TransportError:
            raise _silent(self.url) from None
        return _data(self.url, response)

    async def change(self, document: str, **values: Any) -> dict[str, Any]:
        """The payload of a document with one mutation that takes `$input`."""
        data = await self.ask(document, input=values)
        payload = next(iter(data.values()))
        if payload["errors"]:
            raise_user_errors(payload["errors"])
        return payload

    async def fetch(self, path: str) -> bytes:
        """A file of the server."""
        return (await self._plain("GET", path)).content

    async def send(self, path: str, data: bytes, kind: str) -> dict[str, Any]:
        """A file for the server; what it answers."""
        answer = await self._plain("POST", path, content=data, headers={"content-type": kind})
        return answer.json()

    async def _plain(self, method: str, path: str, **how: Any) -> Any:
        import httpx

        try:
            response = await self._http.request(method, f"{self.url}{path}", **how)
        except httpx.TransportError:
            raise _silent(self.url) from None
        if response.is_success:
            return response
        raise _plain_error(response)

    async def follow(self, execution_id: str, after: int = 0) -> Found:
        """Every event once and in order, through restarts of the server and lost connections."""
        batches = self.listen(FOLLOW, {"id": execution_id}, after)
        async with aclosing(batches):
            async for batch in batches:
                for event in batch["events"]:
                    yield event

    async def listen(self, document: str, variables: dict[str, Any], after: int = 0) -> Found:
        """What a subscription gives until it says `done`, taken up again after `lastSeq` whenever
        the connection was lost."""
        import websockets

        failures = 0
        while failures < TRIES:
            try:
                given = {**variables, "after": after}
                async with aclosing(self._listen_once(document, given)) as found:
                    async for batch in found:
                        failures = 0
                        after = batch["lastSeq"]
                        yield batch
                        if batch["done"]:
                            return
                failures += 1
            except (OSError, websockets.exceptions.WebSocketException):
                failures += 1
            await asyncio.sleep(RECONNECT_SECONDS)
        raise Unavailable("The connection to the server was lost and did not come back.")

    async def _listen_once(self, document: str, variables: dict[str, Any]) -> Found:
        import json

        from websockets.asyncio.client import connect

        address = "ws" + self.url.removeprefix("http") + "/graphql"
        headers = {"authorization": f"Bearer {self.token}"}
        async with connect(
            address,
            subprotocols=["graphql-transport-ws"],  # pyright: ignore[reportArgumentType]
            additional_headers=headers,
            max_size=64 * 2**20,
            proxy=None,
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            payload = {"query": document, "variables": variables}
            message = {"id": "1", "type": "subscribe", "payload": payload}
            async for raw in socket:
                answer = json.loads(raw)
                match answer["type"]:
                    case "connection_ack":
                        await socket.send(json.dumps(message))
                    case "ping":
                        await socket.send('{"type":"pong"}')
                    case "next":
                        _raise_top_level(answer["payload"].get("errors") or [])
                        (batch,) = answer["payload"]["data"].values()
                        yield batch
                    case "error":
                        _raise_top_level(answer["payload"])
                    case "complete":
                        return
                    case _:
                        pass


def _silent(url: str) -> Unavailable:
    return Unavailable(
        f"Nothing answers at {url}.",
        hint="Start the server with `baleybots up`, or set BALEYBOTS_URL.",
    )


def _plain_error(response: Any) -> AppError:
    try:
        found = response.json()
        code, message = found["code"], found["error"]
    except (ValueError, KeyError, TypeError):
        code, message = "", response.text.strip() or f"The server answered {response.status_code}."
    if code == "UNAUTHENTICATED":
        return _stranger()
    return (Denied if code == "FORBIDDEN" else Invalid)(message)


def _stranger() -> Unauthenticated:
    return Unauthenticated(
        "The server does not know this token.",
        hint="Make one with `baleybots token create` and set BALEYBOTS_TOKEN to it.",
    )


def _data(url: str, response: Any) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        raise Unavailable(
            f"{url} does not answer like a Baleybots server (status {response.status_code})."
        ) from None
    _raise_top_level(answer.get("errors") or [])
    return answer["data"]


def _raise_top_level(errors: list[dict[str, Any]]) -> None:
    if not errors:
        return
    code = (errors[0].get("extensions") or {}).get("code")
    message = errors[0]["message"]
    if code == "UNAUTHENTICATED":
        raise _stranger()
    raise (Denied if code == "FORBIDDEN" else NotFound if code == "NOT_FOUND" else AppError)(
        message
    )


def raise_user_errors(errors: list[dict[str, Any]]) -> NoReturn:
    lines: list[str] = []
    for error in errors:
        place = f"line {error['line']}, column {error['column']}: " if error.get("line") else ""
        hint = f" {error['hint']}" if error.get("hint") else ""
        lines.append(f"{place}{error['message']}{hint}")
    raise Invalid("\n".join(lines))


def connected(work: Any) -> Any:
    """Runs `work(remote)` against the server of the environment."""

    async def talk() -> Any:
        async with remote_from_environment() as remote:
            return await work(remote)

    return run_async(talk())


def remote_from_environment() -> Remote:
    token = os.environ.get("BALEYBOTS_TOKEN", "")
    if not token:
        raise Unauthenticated(
            "BALEYBOTS_TOKEN is not set.",
            hint="Make a token with `baleybots token create` and set BALEYBOTS_TOKEN to it.",
        )
    return Remote(_url(), token)


def with_addresses(text: str) -> str:
    """Places of the web app, which the server names without itself: `(/connections)`."""
    return _PLACE.sub(lambda found: f"({_url()}{found[1]})", text)


def _url() -> str:
    return (os.environ.get("BALEYBOTS_URL") or DEFAULT_URL).rstrip("/")


def run_async(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Ctrl-C ends the command like any other program: code 130, no traceback."""
    return asyncio.run(coroutine)
