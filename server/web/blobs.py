"""`GET /blobs/{id}`: the whole of a value of which a row shows only the beginning."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from server.core.errors import AppError, Denied, NotFound, Unavailable
from server.core.ids import read_id
from server.executions.blobs import OpenBlob, open_blob

_STATUS: dict[type[AppError], int] = {NotFound: 404, Denied: 403, Unavailable: 503}


def blob_routes() -> list[Route]:
    return [Route("/blobs/{name}", _blob, methods=["GET", "HEAD"])]


async def _blob(request: Request) -> Response:
    viewer = request.scope["state"]["viewer"]
    if viewer is None:
        message = "Sign in, or send Authorization: Bearer TOKEN."
        return JSONResponse({"error": message}, 401, {"WWW-Authenticate": "Bearer"})
    name = request.path_params["name"]
    try:
        found = await open_blob(viewer, read_id("blob", name))
    except AppError as error:
        return _refused(error)
    headers = _headers(found, name)
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers={"etag": headers["etag"]})
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/json")
    return StreamingResponse(_bytes(found), headers=headers, media_type="application/json")


def _headers(found: OpenBlob, name: str) -> dict[str, str]:
    """What is in it never changes; it is for this person alone, and never shown as a page."""
    return {
        "content-length": str(found.size),
        "content-disposition": f'attachment; filename="{name}.json"',
        "cache-control": "private, max-age=31536000, immutable",
        "etag": f'"{found.sha256}"',
        "x-content-sha256": found.sha256,
    }


async def _bytes(found: OpenBlob) -> AsyncIterator[bytes]:
    async for part in found.parts:
        yield part.encode()


def _refused(error: AppError) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    wait = {} if error.retry_after is None else {"retry-after": str(round(error.retry_after))}
    return JSONResponse({"error": error.message}, status, wait)
