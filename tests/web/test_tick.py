"""`POST /tick`: a host that lets the server sleep wakes it, and nobody else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from server.app import build_app
from server.core.settings import load_settings
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.front import HOST, Front, open_front
from tests.support.waiting import until

SECRET = "one two three".replace(" ", "-") + "-0123456789"
WAITS = "chain { use wait with { seconds: 3600 } }"
BEARER = {"authorization": f"Bearer {SECRET}"}


async def test_what_is_due_is_handed_out_at_once(tmp_path: Path) -> None:
    settings = load_settings({"BALEYBOTS_TICK_SECRET": SECRET}, data_dir=tmp_path)
    app = build_app(settings, worker=False)
    async with app.running() as rooms:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as http:
            idle = await http.post("/tick", headers=BEARER)
            assert (idle.status_code, idle.json()) == (200, {"due": 0})
            api = await Front(app, rooms, http).caller()
            await api.start((await api.bot(WAITS))["id"])
            await until(lambda: Execution.filter(status=ExecutionStatus.WAITING).exists())
            await Execution.all().update(due_at=datetime.now(UTC) - timedelta(seconds=1))
            assert (await http.post("/tick", headers=BEARER)).json() == {"due": 1}


WRONG = [None, "Bearer", "Bearer wrong", f"Basic {SECRET}", f"bearer {SECRET} "]


@pytest.mark.parametrize("header", WRONG)
async def test_a_stranger_wakes_nobody(tmp_path: Path, header: str | None) -> None:
    async with open_front(tmp_path, {"BALEYBOTS_TICK_SECRET": SECRET}) as front:
        headers = {} if header is None else {"authorization": header}
        assert (await front.http.post("/tick", headers=headers)).status_code == 401


async def test_without_the_setting_there_is_no_such_address(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        answer = await front.http.post("/tick", headers={"authorization": "Bearer "})
        assert answer.status_code == 404
