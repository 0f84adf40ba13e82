"""A set-up under fault: the product's real processes, each behind proxies of its own.

`embedded` is one `baleybots up` over SQLite; `postgres` and `mysql` are one `baleybots serve` and
three `baleybots worker` over that database and a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.faults.oracle import Oracle
from tests.faults.points import FOLDER, Points
from tests.faults.tables import Tables
from tests.faults.waiting import until
from tests.house.files import ROOT
from tests.support import services
from tests.support.processes import Client, Installation, Process, installation
from tests.support.proxy import Proxy
from tests.support.restartable import Restartable

WORKERS = 3
MORE_MEMORY = 1.2
SPARE_MEMORY = 48 * 2**20
_OWNER = re.compile(r'^(?=.*"worker_ready").*"owner": ?"(\w+)"', re.M)


@dataclass(eq=False)
class Member:
    """One process of the product. The key it uses at the model server names it there."""

    name: str
    key: str
    models: Proxy
    database: Proxy | None = None
    redis: Proxy | None = None
    process: Process | None = None
    usual_memory: int | None = None

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process

    @property
    def pid(self) -> int:
        return self.running.popen.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.popen.poll() is None

    @property
    def owner(self) -> str:
        """The name under which it holds executions; a single process says none."""
        found = _OWNER.search(self.running.output())
        return found[1] if found else ""

    @property
    def proxies(self) -> list[Proxy]:
        return [one for one in (self.models, self.database, self.redis) if one is not None]

    def signal(self, which: signal.Signals) -> None:
        os.kill(self.pid, which)

    def memory(self) -> int:
        return psutil.Process(self.pid).memory_info().rss

    def cpu(self) -> float:
        """Seconds of a core up to now."""
        used = psutil.Process(self.pid).cpu_times()
        return used.user + used.system


@dataclass(frozen=True)
class Hit:
    """When a process was killed, and the executions that it held then."""

    at: float
    executions: frozenset[str]


@dataclass
class Servers:
    """What stands behind the proxies."""

    database: Restartable | None = None
    redis: Restartable | None = None


@dataclass
class Rig:
    kind: str
    seed: int
    whole: bool
    here: Installation
    oracle: Oracle
    servers: Servers
    database_url: str
    port: int = field(default_factory=services.free_port)
    front: Member | None = None
    workers: list[Member] = field(default_factory=list)
    token: str = ""
    killed_at: list[float] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    random: random.Random = field(default_factory=random.Random)
    _read_to: dict[str, int] = field(default_factory=dict)
    _all: list[Member] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def embedded(self) -> bool:
        return self.kind == "embedded"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def points(self) -> Points:
        return Points(Path(self.here.environment[FOLDER]))

    @property
    def tables(self) -> Tables:
        return Tables(self.database_url)

    @property
    def door(self) -> Member:
        assert self.front is not None
        return self.front

    @property
    def members(self) -> list[Member]:
        """Every process that is to be alive."""
        return [self.door, *self.workers]

    @property
    def working(self) -> list[Member]:
        """The processes that advance executions."""
        return [self.door] if self.embedded else self.workers

    @property
    def patience(self) -> float:
        """Bars of milliseconds hold on a machine of our own; where others are at work too they say
        that nothing piled up."""
        return max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))

    @property
    def crowded(self) -> bool:
        """Others keep every core busy: what a promise says in seconds is not to be seen here."""
        return os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)

    def some(self, short: int, whole: int) -> int:
        """Numbers for the short form and for the whole one."""
        return whole if self.whole else short

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with Client.connect(self.url, self.token) as client:
            yield client

    # --- processes

    async def start(self) -> None:
        self.front = await self._member("up" if self.embedded else "serve")
        if not self.embedded:
            new = [self._member("worker") for _ in range(WORKERS)]
            self.workers = list(await asyncio.gather(*new))
        if not self.token:
            self.here.environment["BALEYBOTS_URL"] = self.url
            await until("everything is ready", self.ready, 120)
            self.token = await asyncio.to_thread(self.here.sign_in)

    async def stop(self) -> None:
        for member in self._all:
            if member.alive:
                member.signal(signal.SIGCONT)
                member.signal(signal.SIGKILL)
                await asyncio.to_thread(member.running.popen.wait)
            await asyncio.gather(*(proxy.stop() for proxy in member.proxies))
        await self.oracle.models.stop()

    async def heal(self) -> None:
        """Everything is up and lets everything through, as before the first fault."""
        self.points.let_go()
        for member in self.members:
            for proxy in member.proxies:
                proxy.resume()
            if member.alive:
                member.signal(signal.SIGCONT)
        await asyncio.gather(*(self.replace(member) for member in self.members if not member.alive))

    async def ready(self) -> bool:
        """The server answers, and no worker has yet to load what its first call needs."""
        if not all("models_loaded" in worker.running.output() for worker in self.workers):
            return False
        try:
            async with self.client() as client, client.session.get("/readyz") as answer:
                return answer.status == 200
        except AWAY:
            return False

    async def kill(self, member: Member, how: signal.Signals = signal.SIGKILL) -> int:
        """Ends one process by its id, and says how it ended."""
        self.killed_at.append(at := time.time())
        member.signal(how)
        code = await asyncio.to_thread(member.running.popen.wait, 60)
        if how is signal.SIGKILL and member in self.working:
            self.hits.append(Hit(at, await self._left_behind()))
        return code

    async def _left_behind(self) -> frozenset[str]:
        """What is held by nobody that is alive; the table says by whom, the logs say who is who."""
        alive = {member.owner for member in self.working if member.alive}
        held = [row for row in await self.tables.executions() if row["status"] == "running"]
        return frozenset(str(row["id"]) for row in held if row["owner"] not in alive)

    async def replace(self, member: Member) -> Member:
        """Another process in place of one that has ended."""
        await self._forget(member)
        if member is self.front:
            self.front = new = await self._member("up" if self.embedded else "serve")
        else:
            new = await self._member("worker")
            self.workers[self.workers.index(member)] = new
        return new

    def by_key(self, key: str) -> Member:
        return next(member for member in self.members if member.key == key)

    async def pids_gone(self, pids: list[int], seconds: float) -> None:
        await until("all ended", lambda: not any(map(psutil.pid_exists, pids)), seconds)

    def begin(self) -> None:
        """Of another fault: what the logs and the clock say up to here is not about it."""
        self.killed_at.clear()
        self.hits.clear()
        asked = {call.process for call in self.oracle.calls}
        for member in self.members:
            warm = (member is self.door and not self.embedded) or member.key in asked
            member.usual_memory = member.memory() if warm and asked else None
        self._read_to = {name: len(log) for name, log in self._logs()}

    async def calm(self) -> None:
        """I9: who was warm before this fault is as large as then when it is over, give or take."""
        for member in self.members:
            usual = member.usual_memory
            if usual is None or not member.alive:
                continue
            most = usual * MORE_MEMORY + SPARE_MEMORY
            small = lambda: member.memory() <= most  # noqa: B023, E731
            shown = lambda: f"{usual} became {member.memory()}"  # noqa: B023, E731
            await until(f"{member.name} has let go of its memory", small, 15, shown)

    def news(self) -> Iterator[tuple[str, str]]:
        """What each process has said since this fault began."""
        for name, log in self._logs():
            yield name, log[self._read_to.get(name, 0) :]

    def _logs(self) -> Iterator[tuple[str, str]]:
        for member in self._all:
            if member.process is not None:
                yield member.name, member.process.output()

    async def _forget(self, member: Member) -> None:
        await asyncio.gather(*(proxy.stop() for proxy in member.proxies))

    async def _member(self, command: str) -> Member:
        number = next(self._numbers)
        models = await Proxy(self.oracle.models.port).start()
        member = Member(f"{command}-{number}", f"key-{command}-{number}", models)
        self._all.append(member)
        environment = {
            "OPENAI_BASE_URL": f"http://127.0.0.1:{member.models.port}/v1",
            "OPENAI_API_KEY": member.key,
        }
        if self.servers.database is not None:
            member.database = await Proxy(_port(self.database_url)).start()
            url = _with_port(self.database_url, member.database.port)
            environment["BALEYBOTS_DATABASE_URL"] = url
        if self.servers.redis is not None:
            member.redis = await Proxy(self.servers.redis.port).start()
            environment["BALEYBOTS_REDIS_URL"] = f"redis://127.0.0.1:{member.redis.port}/0"
        arguments = [command] if command == "worker" else [command, "--port", str(self.port)]
        self.here.environment |= environment
        member.process = self.here.start(*arguments)
        ready = "worker_ready" if command == "worker" else "Ready: "
        await asyncio.to_thread(member.running.await_output, ready)
        return member


@contextlib.asynccontextmanager
async def rig(
    kind: str, folder: Path, seed: int, whole: bool, servers: Servers, database_url: str
) -> AsyncIterator[Rig]:
    oracle = Oracle(seed)
    await oracle.models.start()
    (points := folder / "points").mkdir()
    settings = {
        "PYTHONPATH": str(ROOT),
        FOLDER: str(points),
        "BALEYBOTS_DEFAULT_MODEL": "openai:gpt-4o-mini",
        "BALEYBOTS_LOG_LEVEL": "info",
        "BALEYBOTS_LOG_FORMAT": "json",
    }
    with installation(folder, settings) as here:
        here.program = (sys.executable, "-m", "tests.faults.launched")
        made = Rig(kind, seed, whole, here, oracle, servers, database_url)
        made.random = random.Random(seed)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()


async def gather_soon(*work: Awaitable[Any]) -> list[Any]:
    """All together; the first that fails is raised when all have ended."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


def _port(url: str) -> int:
    return int(url.rpartition("/")[0].rpartition(":")[2])


def _with_port(url: str, port: int) -> str:
    return url.replace(f":{_port(url)}/", f":{port}/")


AWAY = (aiohttp.ClientError, OSError, TimeoutError)
