"""One question and its answer, over a connection out of aiohttp's pool.

Names, TLS, the pool and the reading of answers are aiohttp's. Its request and its response object
are left out: for a plain POST without redirects, cookies and proxies they do nothing that could not
be done once for all questions to the same place, and they take as long as all the rest of a call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import TracebackType
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

# As in a header of aiohttp: with one of these a value would be the beginning of another header.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Way:
    """Where to and with which headers; made ready with the first question."""

    __slots__ = ("_head", "_request", "headers", "url")

    def __init__(self, url: URL, headers: CIMultiDict[str]) -> None:
        self.url = url
        self.headers = headers
        self._request: aiohttp.ClientRequest | None = None
        self._head = b""

    def request(self, session: aiohttp.ClientSession) -> aiohttp.ClientRequest:
        """What aiohttp connects for: always the same, so it has no body of any question."""
        if self._request is None:
            made = aiohttp.ClientRequest(
                "POST", self.url, headers=self.headers, data=b"{}", session=session
            )
            self._head = _head_of(made)
            self._request = made
        return self._request

    def bytes_of(self, body: bytes) -> bytes:
        return b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)


@dataclass(slots=True)
class Response:
    status: int
    headers: CIMultiDictProxy[str]
    content: aiohttp.StreamReader

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Exchange:
    """`async with`: the question leaves, and what comes is the beginning of the answer. Whoever
    breaks off, or reads no further, closes the connection; else it is used again."""

    __slots__ = ("_body", "_connection", "_session", "_way")

    def __init__(self, session: aiohttp.ClientSession, way: Way, body: bytes) -> None:
        self._session = session
        self._way = way
        self._body = body

    async def __aenter__(self) -> Response:
        connection = self._connection = await self._connected()
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None or transport.is_closing():
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(read_until_eof=True)
            transport.write(self._way.bytes_of(self._body))
            return await _answer(protocol)
        except BaseException:
            _cut(connection)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        if kind is None and not _waits_to_leave(connection):
            connection.release()
        else:
            _cut(connection)

    async def _connected(self) -> aiohttp.connector.Connection:
        session, url = self._session, self._way.url
        connector = session.connector
        if connector is None:
            raise RuntimeError("The session is closed.")
        if url.scheme not in connector.allowed_protocol_schema_set:
            raise aiohttp.NonHttpUrlClientError(url)
        try:
            return await connector.connect(self._way.request(session), [], session.timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"No connection to {url.host} in time") from error


def _waits_to_leave(connection: aiohttp.connector.Connection) -> bool:
    """Who answers before the end of a question may never read the rest, nor what comes after it."""
    transport = connection.transport
    return transport is not None and transport.get_write_buffer_size() > 0


def _cut(connection: aiohttp.connector.Connection) -> None:
    """What has not left does not leave any more: a side that reads nothing would keep the question
    and the connection here for ever."""
    if connection.transport is not None:
        connection.transport.abort()
    connection.close()


async def _answer(protocol: ResponseHandler) -> Response:
    """The first one that is no mere word on the way to it (1xx)."""
    while True:
        try:
            message, payload = await protocol.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from error
        if not 100 <= message.code <= 199 or message.code == 101:
            return Response(message.code, message.headers, cast("aiohttp.StreamReader", payload))


def _head_of(request: aiohttp.ClientRequest) -> bytes:
    """All that aiohttp would send before the body, but for the length of that."""
    lines = [f"POST {request.url.raw_path_qs} HTTP/1.1"]
    lines += [
        f"{name}: {value}"
        for name, value in request.headers.items()
        if name.lower() != "content-length"
    ]
    if any(map(_FORBIDDEN.search, lines)):
        raise ValueError("A header of this call holds a control character.")
    return "".join(f"{line}\r\n" for line in lines).encode()
