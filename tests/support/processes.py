"""The real command in subprocesses, as a user starts it: one process, or a server and workers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

BALEYBOTS = str(Path(sys.executable).parent / "baleybots")
START_SECONDS = 60
STOP_SECONDS = 40


@dataclass
class Process:
    """One process of the product; its output is gathered in `log`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def await_output(self, pattern: str) -> re.Match[str]:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if found := re.search(pattern, self.output()):
                return found
            if self.popen.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.name} did not say {pattern!r}:\n{self.output()}")

    def kill(self) -> None:
        """kill -9: no chance to tidy up."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(STOP_SECONDS)

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.popen.terminate()
        return self.popen.wait(STOP_SECONDS)


@dataclass
class Installation:
    """One data folder and environment, and the processes that were started in it. `program` is what
    starts the product's command."""

    folder: Path
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)
    program: tuple[str, ...] = (BALEYBOTS,)

    def start(self, *arguments: str) -> Process:
        name = f"{arguments[0]}-{len(self.processes)}"
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [*self.program, *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        process = Process(name, popen, log)
        self.processes.append(process)
        return process

    def serve(self, command: str = "up") -> tuple[Process, str]:
        """A started `up` or `serve` that is ready, and its address."""
        process = self.start(command, "--port", "0")
        url = process.await_output(r"Ready: (http://[\w.:]+)")[1]
        self.environment["BALEYBOTS_URL"] = url
        return process, url

    def command(self, *arguments: str, code: int = 0) -> str:
        """What a command prints; it must end with `code`."""
        done = subprocess.run(
            [BALEYBOTS, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def sign_in(self) -> str:
        """Makes an owner's token and hands it to the commands that follow."""
        token = json.loads(self.command("token", "create", "--json"))["token"]
        self.environment["BALEYBOTS_TOKEN"] = token
        return token


@contextlib.contextmanager
def installation(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Installation]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BALEYBOTS_", "OPENAI_", "ANTHROPIC_"))
    }
    environment |= {
        "BALEYBOTS_DATA_DIR": str(folder / "data"),
        "BALEYBOTS_LOG_LEVEL": "warning",
        **(settings or {}),
    }
    made = Installation(folder, environment)
    try:
        yield made
    finally:
        for process in made.processes:
            if process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait(STOP_SECONDS)


@dataclass
class Client:
    """An outside program that speaks GraphQL to a running server."""

    session: aiohttp.ClientSession

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, url: str, token: str) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(url, headers=headers) as session:
            yield cls(session)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        async with self.session.post("/graphql", json=body) as answer:
            said = await answer.json()
        assert not said.get("errors"), said
        return said["data"]

    async def create_bot(self, name: str, source: str) -> str:
        data = await self.ask(
            "mutation($input: CreateBotInput!) {"
            " createBot(input: $input) { bot { id } errors { message } } }",
            input={"name": name, "source": source},
        )
        assert not data["createBot"]["errors"], data
        return data["createBot"]["bot"]["id"]

    async def start(self, bot: str, value: Any) -> str:
        data = await self.ask(
            "mutation($input: StartExecutionInput!) {"
            " startExecution(input: $input) { execution { id } errors { message } } }",
            input={"botId": bot, "input": value},
        )
        assert not data["startExecution"]["errors"], data
        return data["startExecution"]["execution"]["id"]

    async def execution(self, name: str) -> dict[str, Any]:
        data = await self.ask(
            "query($id: ID!) { execution(id: $id) {"
            " status output error { kind message } durationMs"
            " usage { inputTokens outputTokens totalTokens cost }"
            " steps { key name type status attempt durationMs } } }",
            id=name,
        )
        return data["execution"]

    async def follow(self, name: str, after: int = 0, stop_at: int | None = None) -> list[Any]:
        """The events after `after`, to the end or until number `stop_at` came."""
        events: list[Any] = []
        protocols = ["graphql-transport-ws"]
        async with self.session.ws_connect("/graphql", protocols=protocols) as socket:
            await socket.send_json({"type": "connection_init"})
            await socket.receive_json()
            query = (
                "subscription($id: ID!, $after: Int) {"
                " executionEvents(executionId: $id, after: $after) { lastSeq done events } }"
            )
            payload = {"query": query, "variables": {"id": name, "after": after}}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            while True:
                message = await asyncio.wait_for(socket.receive_json(), 60)
                if message["type"] == "ping":
                    await socket.send_json({"type": "pong"})
                elif message["type"] == "next":
                    events += message["payload"]["data"]["executionEvents"]["events"]
                elif message["type"] == "complete":
                    return events
                elif message["type"] != "pong":
                    raise AssertionError(message)
                if stop_at is not None and events and events[-1]["seq"] >= stop_at:
                    return events
