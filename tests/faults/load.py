"""A driver that starts executions as an outside program does, whatever happens to the server: it
repeats with the same idempotency key until it has an answer, and notes what was accepted."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from server.core.ids import read_id
from server.models.enums import FINAL_STATUSES
from tests.faults.oracle import program
from tests.faults.rig import AWAY, Rig
from tests.faults.waiting import until

START = """mutation($input: StartExecutionInput!) {
  startExecution(input: $input) { execution { id } errors { code message } } }"""
JSON = {"Content-Type": "application/json"}
AT_ONCE = 16
_numbers = itertools.count(1)


@dataclass
class Refusal:
    """An answer without an id: at what status and after how long."""

    status: int
    code: str
    seconds: float
    retry_after: str | None


@dataclass
class Load:
    rig: Rig
    steps: int = 4
    bot: str = ""
    name: str = ""
    accepted: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    give_up: float = 120.0
    inputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def make(cls, rig: Rig, steps: int = 4, source: str | None = None) -> Load:
        number = next(_numbers)
        load = cls(rig, steps=steps, name=f"l{number}")
        async with rig.client() as client:
            load.bot = await client.create_bot(f"Load {number}", source or program(steps))
        return load

    def run(self, number: int) -> str:
        return f"run-{self.name}-{number}"

    def uuids(self) -> dict[str, str]:
        return {run: str(read_id("execution", name)) for run, name in self.accepted.items()}

    async def start(self, *numbers: int, each: float = 0.0) -> None:
        """All of them; `each` spreads their beginning over time."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with self.session() as session:

            async def one(place: int, number: int) -> None:
                await asyncio.sleep(place * each)
                async with gate:
                    await self.start_one(session, self.run(number))

            await asyncio.gather(*(one(place, number) for place, number in enumerate(numbers)))

    async def start_one(self, session: aiohttp.ClientSession, run: str) -> str:
        limit = time.monotonic() + self.give_up
        while True:
            found = await self.ask_once(session, run)
            if found is not None:
                return found
            assert time.monotonic() < limit, f"{run} was not accepted: {self.refusals[-3:]}"
            await asyncio.sleep(0.2)

    async def ask_once(self, session: aiohttp.ClientSession, run: str) -> str | None:
        """The id, or None when it was refused or the connection broke."""
        value = self.inputs.get(run, run)
        given = {"botId": self.bot, "input": value, "idempotencyKey": run}
        began = time.monotonic()
        try:
            body = json.dumps({"query": START, "variables": {"input": given}}).encode()
            async with session.post("/graphql", data=io.BytesIO(body), headers=JSON) as answer:
                said = await answer.json(content_type=None)
                status, again = answer.status, answer.headers.get("retry-after")
        except (*AWAY, ValueError) as error:
            self._refused(0, type(error).__name__, began, None)
            return None
        name, code = _read(said)
        if name is None:
            self._refused(status, code, began, again)
            return None
        self.seconds.append(time.monotonic() - began)
        earlier = self.accepted.setdefault(run, name)
        assert earlier == name, f"{run} was accepted as {earlier} and as {name}"
        return name

    async def come_further(self, seconds: float = 120) -> None:
        """Until each run that was accepted has finished a step more, or all of them. That it has
        ended only the database knows: its last answer may have been lost with its process."""
        oracle = self.rig.oracle
        before = {run: oracle.count(run) for run in self.accepted}

        async def further() -> bool:
            behind = {run for run in before if oracle.count(run) < before[run] + 2}
            return not behind or not (behind & await self._open())

        await until("each comes further", further, seconds)

    async def _open(self) -> set[str]:
        rows = await self.rig.tables.executions()
        ended = {str(row["id"]) for row in rows if row["status"] in FINAL_STATUSES}
        return {run for run, name in self.uuids().items() if name not in ended}

    def session(self, at_once: int = 100) -> aiohttp.ClientSession:
        """`at_once`: how many connections it may open, 0 for any number."""
        return aiohttp.ClientSession(
            self.rig.url,
            headers={"Authorization": f"Bearer {self.rig.token}"},
            timeout=aiohttp.ClientTimeout(total=45),
            connector=aiohttp.TCPConnector(limit=at_once),
        )

    def _refused(self, status: int, code: str, began: float, retry_after: str | None) -> None:
        self.refusals.append(Refusal(status, code, time.monotonic() - began, retry_after))


def _read(said: Any) -> tuple[str | None, str]:
    data = (said.get("data") or {}).get("startExecution") if isinstance(said, dict) else None
    if data and data["execution"]:
        return data["execution"]["id"], ""
    errors = (data or {}).get("errors") or []
    top = said.get("errors") or [] if isinstance(said, dict) else []
    codes = [one["code"] for one in errors]
    codes += [(one.get("extensions") or {}).get("code", "") for one in top]
    return None, ",".join(map(str, codes))
