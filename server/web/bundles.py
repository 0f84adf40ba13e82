"""`GET /bundles/bots.zip` and `POST /bundles`: the bytes of exports and imports, which do not go
through GraphQL."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.bots import exporting, uploads
from server.core.errors import AppError, ErrorCode
from server.core.ids import public_id, read_id
from server.workspaces.access import Viewer

ZIP = "application/zip"
_READ_AS_ZIP = frozenset({ZIP, "application/x-zip-compressed", "application/octet-stream"})
_STATUS = {
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.INVALID_STATE: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.LIMIT_REACHED: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
}


def bundle_routes() -> list[Route]:
    return [
        Route("/bundles", _upload, methods=["POST"]),
        Route("/bundles/bots.zip", _download, methods=["GET"]),
    ]


async def _upload(request: Request) -> Response:
    """The zip as the body; its name may stand in `?name=`."""
    viewer = request.scope["state"]["viewer"]
    if viewer is None:
        return _unknown()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _READ_AS_ZIP:
        return _said(ErrorCode.INVALID_INPUT, f"Send the zip as the body, as {ZIP}.", 415)
    try:
        bundle = await uploads.keep(
            viewer, unquote(request.query_params.get("name", "")), await request.body()
        )
    except AppError as error:
        return _refused(error)
    found = {"bundleId": public_id("bundle", bundle.id), "name": bundle.name}
    return JSONResponse(found | {"size": bundle.size, "sha256": bundle.sha256}, 201)


async def _download(request: Request) -> Response:
    """`?bot=ID` as often as wanted; every bot without."""
    viewer: Viewer | None = request.scope["state"]["viewer"]
    if viewer is None:
        return _unknown()
    named = request.query_params.getlist("bot")
    try:
        ids = [read_id("bot", one) for one in named] if named else None
        data = await exporting.export(viewer, ids)
    except AppError as error:
        return _refused(error)
    headers = {
        "content-disposition": 'attachment; filename="bots.zip"',
        "cache-control": "private, no-store",
    }
    return Response(data, headers=headers, media_type=ZIP)


def _unknown() -> Response:
    message = "Sign in, or send Authorization: Bearer TOKEN."
    response = _said(ErrorCode.UNAUTHENTICATED, message, 401)
    response.headers["www-authenticate"] = "Bearer"
    return response


def _refused(error: AppError) -> Response:
    message = f"{error.message} {error.hint}" if error.hint else error.message
    response = _said(error.code, message, _STATUS.get(error.code, 400))
    if error.retry_after is not None:
        response.headers["retry-after"] = str(round(error.retry_after))
    return response


def _said(code: ErrorCode, message: str, status: int) -> Response:
    return JSONResponse({"code": code.value, "error": message}, status)
