"""The one address of the API: POST for queries and mutations, a socket or an event stream for
subscriptions. GET, batches and the legacy socket protocol are not served."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Protocol

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLRequestData, process_result
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from server.api.context import Context
from server.api.protocol import SocketHandler, fault_in_request
from server.api.rates import Bill
from server.api.written import encoded
from server.core import strict_json
from server.core.errors import ErrorCode
from server.core.strict_json import TWICE

AWAY = ErrorCode.UNAVAILABLE.value
MAX_BODY = 1024 * 1024
MAX_SUBSCRIPTIONS = 50
JSON = "application/json"
_JSON = {JSON, "application/json; charset=utf-8", "application/json;charset=utf-8"}
_OTHER_FORMS = ("event-stream", "multipart")
# What the library says of a request, in words that say what to do.
_PLAINER = {
    "Unsupported content type": "Send JSON, with the header `Content-Type: application/json`.",
}
INIT_TIMEOUT = timedelta(seconds=10)


class MakeContext(Protocol):
    def __call__(self, request: Request | WebSocket) -> Context: ...


class Door(GraphQL[Context, None]):
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: Any, make_context: MakeContext) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
            allowed_origins=("*",),  # the wrapper around the whole app has refused foreign ones
        )
        self.make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        context = self.make_context(request)
        if request.method != "POST":
            return problem(405, ErrorCode.INVALID_INPUT, "Send a POST.", context, {"Allow": "POST"})
        if context.viewer is None:
            return problem(
                401,
                ErrorCode.UNAUTHENTICATED,
                "Sign in, or send Authorization: Bearer TOKEN. Make a token with "
                "`baleybots token create`.",
                context,
                {"WWW-Authenticate": "Bearer"},
            )
        if self._spent(context):
            return _too_many(context)
        try:
            response = await self._plainly(request, context)
            if response is None:
                response = await self.run(request, context=context)
        except HTTPException as error:
            code = ErrorCode.TOO_LARGE if error.status_code == 413 else ErrorCode.INVALID_INPUT
            words = _PLAINER.get(error.reason, error.reason)
            return problem(error.status_code, code, words, context)
        return _with_bill(response, context.bill)

    async def _plainly(self, request: Request, context: Context) -> Response | None:
        """What nearly every client sends: JSON, to be answered as JSON. None for the rest, and for
        what the library has words for."""
        headers = request.headers
        if headers.get("content-type", "").lower() not in _JSON or "content-encoding" in headers:
            _check_form(headers)
            return None
        if any(other in headers.get("accept", "").lower() for other in _OTHER_FORMS):
            return None
        body = await request.body()
        data = self.parse_json(body)
        if "extensions" in data:
            return None
        _check_size(data, body)
        try:
            result = await self.schema.execute(
                data["query"],
                variable_values=data.get("variables"),
                context_value=context,
                operation_name=data.get("operationName"),
            )
        except (CannotGetOperationTypeError, MissingQueryError):
            context.bill = None
            return None
        return _written(process_result(result))

    def _spent(self, context: Context) -> bool:
        """Asked before the body is read: whoever has no point left costs us nothing more."""
        if context.rates is None or context.viewer is None:
            return False
        return context.rates.nothing_left(context.viewer) and context.charge(1).refused

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        return _written(response_data)

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        data = await super().parse_http_body(request)
        if isinstance(data, GraphQLRequestData):
            _check_size({"query": data.query}, await request.get_body())
        return data

    def parse_json(self, data: str | bytes) -> Any:
        """Of a request body; the library would take whatever JSON it is for an object."""
        try:
            found = self.decode_json(data)
        except json.JSONDecodeError as error:
            told = TWICE if error.msg == TWICE else "The body of the request is no JSON."
            raise HTTPException(400, told) from error
        if isinstance(found, list):
            raise HTTPException(400, "Send one request at a time: batches are not served.")
        problem = fault_in_request(found)
        if problem is not None:
            raise HTTPException(400, f"{problem}.")
        return found

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        return self.make_context(request)

    async def on_ws_connect(self, context: Context) -> Any:
        token = bearer(context.connection_params or {})
        found = await context.rooms.recogniser.by_token(token) if token else None
        if found is not None:
            context.viewer, context.credential = found[0].seen_from(context.address), found[1]
            if context.admit is not None:
                context.admit(found[1], found[0].user_id)
        if context.viewer is None:
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)

    def decode_json(self, data: str | bytes) -> object:
        return strict_json.read(data)

    def encode_json(self, data: object) -> str:
        """Text, not bytes: on a socket bytes become a binary frame, which clients refuse."""
        return b"".join(encoded(data)).decode()


def _written(data: Any) -> Response:
    """What the database did not take is said in the status too: whoever repeats by it need not
    read on."""
    pieces = encoded(data)
    response = Response(pieces[0], media_type=JSON) if len(pieces) == 1 else _in_pieces(pieces)
    if "errors" in data and not any((data.get("data") or {}).values()):
        for error in data["errors"]:
            if error["extensions"]["code"] == AWAY:
                response.status_code = 503
                response.headers["retry-after"] = str(error["extensions"].get("retryAfter", 1))
    return response


def _in_pieces(pieces: list[bytes]) -> Response:
    async def each() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    headers = {"content-length": str(sum(map(len, pieces)))}
    return StreamingResponse(each(), headers=headers, media_type=JSON)


def _check_form(headers: Headers) -> None:
    """JSON is UTF-8 and comes as it is: whoever says otherwise is told, not guessed at."""
    charset = headers.get("content-type", "").lower().partition("charset=")[2].strip('" ')
    if charset not in ("", "utf-8"):
        raise HTTPException(400, "Send JSON in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(400, "Send the body as it is, not compressed.")


def _check_size(data: dict[str, Any], body: bytes) -> None:
    """Only what an execution is given may be large."""
    if len(body) > MAX_BODY and "startExecution" not in (data["query"] or ""):
        raise HTTPException(413, f"The request is larger than {MAX_BODY // 2**20} MiB.")


def _too_many(context: Context) -> Response:
    bill = context.bill
    if bill is None:
        raise TypeError("only a bill refuses")
    more = {"retryAfter": bill.wait}
    response = problem(429, ErrorCode.RATE_LIMITED, bill.refusal, context, more=more)
    return _with_bill(response, bill)


def _with_bill(response: Response, bill: Bill | None) -> Response:
    if bill is not None:
        response.raw_headers += [
            (name.lower().encode(), text.encode()) for name, text in bill.headers().items()
        ]
        if bill.refused:
            response.status_code = 429
    return response


def bearer(params: dict[str, Any]) -> str | None:
    """The token of `connection_init`: `{"authorization": "Bearer …"}` or `{"token": "…"}`."""
    named = {key.lower(): value for key, value in params.items() if isinstance(value, str)}
    given = named.get("authorization") or named.get("token") or ""
    return given.removeprefix("Bearer ").strip() or None


def problem(
    status: int,
    code: ErrorCode,
    message: str,
    context: Context,
    headers: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> Response:
    """A refusal before any document was read, in the shape of a GraphQL answer."""
    extensions = {"code": code.value, "requestId": context.request_id, **(more or {})}
    body = {"data": None, "errors": [{"message": message, "extensions": extensions}]}
    return Response(orjson.dumps(body), status, headers, media_type=JSON)
