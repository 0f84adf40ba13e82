"""What W7 is measured against: an endpoint as one would write it by hand for this one list. The
same rows of the same database by one joined statement, the same JSON, under the same server with
the same event loop and parser; no token, no rights, no limits, no schema."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import aiosqlite
import orjson
import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.core.ids import IdKind, public_id
from server.core.paging import encode_cursor
from tests.benchmarks.baseline import await_answer
from tests.support.services import free_port

DATABASE = "baleybots.db"
FILE = "BENCH_DATABASE"
ROWS = 50
STATEMENT = f"""
SELECT e.id, e.status, e.trigger_kind, e.created_at, e.duration_ms, e.cost_nano,
  e.input_tokens + e.output_tokens, b.id, b.name, v.id, v.number
FROM executions e
LEFT JOIN bots b ON b.id = e.bot_id AND b.workspace_id = e.workspace_id
LEFT JOIN bot_versions v ON v.id = e.version_id
WHERE e.workspace_id = ? ORDER BY e.id DESC LIMIT {ROWS + 1}
"""


async def listed(request: Request) -> Response:
    await request.body()
    state = request.state
    rows = await state.database.execute_fetchall(STATEMENT, (state.workspace,))
    nodes = [_node(*row) for row in rows[:ROWS]]
    page = {"hasNextPage": len(rows) > ROWS, "endCursor": _cursor(rows[ROWS - 1][0])}
    body = {"data": {"executions": {"nodes": nodes, "pageInfo": page}}}
    return Response(orjson.dumps(body), media_type="application/json")


def _node(
    id: str,
    status: str,
    trigger: str,
    created: str,
    took: int | None,
    nano: int,
    tokens: int,
    bot: str | None,
    name: str,
    version: str | None,
    number: int,
) -> dict[str, Any]:
    moment = datetime.fromisoformat(created)
    return {
        "id": _shown("execution", id),
        "status": status.upper(),
        "triggerKind": trigger.upper(),
        "createdAt": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "durationMs": took,
        "bot": None if bot is None else {"id": _shown("bot", bot), "name": name},
        "version": (
            None if version is None else {"id": _shown("version", version), "number": number}
        ),
        "usage": {"cost": format(Decimal(nano).scaleb(-9), "f"), "totalTokens": tokens},
    }


def _shown(kind: IdKind, stored: str) -> str:
    return public_id(kind, UUID(stored))


def _cursor(stored: str) -> str:
    return encode_cursor(None, UUID(stored))


@contextlib.asynccontextmanager
async def _opened(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    async with aiosqlite.connect(os.environ[FILE]) as database:
        ((workspace,),) = await database.execute_fetchall("SELECT id FROM workspaces")
        yield {"database": database, "workspace": workspace}


app = Starlette(routes=[Route("/list", listed, methods=["POST"])], lifespan=_opened)


@dataclass
class Plain:
    client: aiohttp.ClientSession
    process: psutil.Process

    async def asked(self) -> Any:
        async with self.client.post("/list", json={}) as said:
            return await said.json()

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


@contextlib.asynccontextmanager
async def plain_server(folder: Path) -> AsyncIterator[Plain]:
    """Over the database of a product that runs beside it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "tests.benchmarks.plain:app", "--port", str(port)]
        + ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"],
        env={**os.environ, FILE: str(folder / DATABASE)},
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            await await_answer(client, "/list")
            yield Plain(client, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(10)
