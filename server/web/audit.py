"""`GET /exports/audit.csv` and `/exports/audit.jsonl`: the audit log as a file, as it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from server.core.errors import AppError, Denied, Invalid
from server.workspaces.audit import AuditFilter, Words
from server.workspaces.audit_export import Form, export_for

LONGEST = 300
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def audit_routes() -> list[Route]:
    return [Route("/exports/audit.{form:str}", export, methods=["GET"])]


async def export(request: Request) -> Response:
    """Takes `action`, `actor`, `kind`, `via`, `text`, `since` and `before` as the page does."""
    viewer, form = request.state.viewer, request.path_params["form"]
    if viewer is None:
        return _problem(401, "UNAUTHENTICATED", "Sign in, or send Authorization: Bearer TOKEN.")
    if form not in _TYPES:
        return _problem(404, "NOT_FOUND", "There is audit.csv and audit.jsonl.")
    try:
        text = await export_for(viewer, cast(Form, form), _where(request))
    except Denied as error:
        return _problem(403, error.code.value, error.message)
    except AppError as error:
        return _problem(400, error.code.value, error.message)
    name = f"audit-{datetime.now(UTC):%Y-%m-%d}.{form}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(text, media_type=_TYPES[form], headers=headers)


def _where(request: Request) -> AuditFilter:
    given = {name: text for name, text in request.query_params.items() if text}
    if any("\0" in text or len(text) > LONGEST for text in given.values()):
        raise Invalid(f"Words to look for have at most {LONGEST} characters, and none of them NUL.")
    moments: dict[Any, datetime] = {}
    for name, side in (("since", "gte"), ("before", "lt")):
        if name in given:
            moments[side] = _moment(given[name], name)
    return AuditFilter(
        action=Words(contains=given.get("action")),
        actor=Words(contains=given.get("actor")),
        subject_kind=Words(eq=given.get("kind")),
        via=[given["via"]] if "via" in given else None,
        moments=moments,
        text=given.get("text"),
    )


def _moment(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"`{name}` is a moment such as 2026-11-03T09:30:00Z.") from None


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
