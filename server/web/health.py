"""`/healthz`: the process is alive. `/readyz`: it can take work, or says when to ask again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

RETRY_SECONDS = "1"

Ready = Callable[[], Awaitable[dict[str, bool]]]


def health_routes(ready: Ready) -> list[Route]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})

    async def readyz(_: Request) -> Response:
        """No detail but which part is missing: this address is open to all."""
        parts = await ready()
        headers = {"cache-control": "no-store"}
        if all(parts.values()):
            return JSONResponse({"status": "ready", **_words(parts)}, headers=headers)
        headers["retry-after"] = RETRY_SECONDS
        return JSONResponse({"status": "not ready", **_words(parts)}, 503, headers)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _words(parts: dict[str, bool]) -> dict[str, str]:
    return {name: "ok" if fine else "not ready" for name, fine in parts.items()}
