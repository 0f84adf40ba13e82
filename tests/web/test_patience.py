"""While the database is away nothing is promised, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from server.models.address import Address
from server.models.pulse import Pulse
from server.models.tables import Execution
from server.web.patience import Patience
from tests.support.front import open_front
from tests.support.proxy import Proxy
from tests.support.waiting import until

SERVICES = [
    pytest.param("postgres", marks=pytest.mark.services),
    pytest.param("mysql", marks=pytest.mark.services),
]
START = """
mutation S($input: StartExecutionInput!) {
  startExecution(input: $input) { execution { id } errors { code } }
}
"""


class Server:
    """A database that answers as told."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.dropped = 0

    async def ask(self) -> None:
        await self.answers.wait()

    def drop(self) -> None:
        self.dropped += 1


async def until_away(pulse: Pulse, away: bool) -> None:
    await until(lambda: pulse.away is away)


async def test_what_hangs_is_answered_and_what_comes_later_refused_at_once() -> None:
    server, hangs = Server(), asyncio.Event()
    pulse = Pulse(Address("sqlite"), server)
    begun = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        begun.set()
        await hangs.wait()
        await PlainTextResponse("done")(scope, receive, send)

    pulse.start()
    transport = httpx.ASGITransport(Patience(app, pulse))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://bots.test") as client:
        asked = asyncio.create_task(client.post("/graphql"))
        await begun.wait()
        server.answers.clear()
        answer = await asyncio.wait_for(asked, 5)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert "same idempotency key" in answer.json()["errors"][0]["message"]
        later = await client.post("/graphql")
        assert "nothing was stored" in later.json()["errors"][0]["message"]
        server.answers.set()
        await until_away(pulse, False)
        hangs.set()
        assert (await client.post("/graphql")).text == "done"
    await pulse.stop()


async def test_a_driver_that_says_the_connection_is_lost_is_a_503() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ConnectionResetError("the database hung up")

    pulse = Pulse(Address("sqlite"))
    transport = httpx.ASGITransport(Patience(app, pulse))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://bots.test") as client:
        assert (await client.get("/bots")).status_code == 503


@pytest.fixture(params=SERVICES)
def server_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


async def test_a_database_that_stands_still(server_url: str, tmp_path: Path) -> None:
    url = urlsplit(server_url)
    async with Proxy(url.port or 0) as proxy:
        through = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{proxy.port}"))
        environ = {"BALEYBOTS_DATABASE_URL": through.geturl()}
        async with open_front(tmp_path, environ) as front:
            api = await front.caller()
            bot = await api.bot()
            await api.start(bot["id"], input=1)
            before = await Execution.all().count()
            proxy.stall()
            began = time.monotonic()
            given = {"input": {"botId": bot["id"], "input": 2}}
            answers = await asyncio.gather(*(api.post(START, given) for _ in range(10)))
            took = time.monotonic() - began
            assert {answer.status_code for answer in answers} == {503}
            assert took < 2.5, took
            assert (await front.http.get("/readyz")).status_code == 503
            proxy.resume()
            await until_away(front.rooms.database.pulse, False)
            started = await api.start(bot["id"], input=3)
            assert started["status"]
            assert before < await Execution.all().count() <= before + 11
