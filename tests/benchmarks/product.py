"""The product as a user starts it, and what its processes cost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.support.services import free_port

BALEYBOTS = Path(sys.executable).parent / "baleybots"


@dataclass
class Product:
    url: str
    token: str
    tree: psutil.Process
    ready_after: float
    """Seconds from the start of the process to the first 200 of /readyz."""
    folder: Path

    def cpu_seconds(self) -> float:
        return sum(_cpu(process) for process in [self.tree, *self.tree.children(recursive=True)])

    def rss_mib(self) -> float:
        tree = [self.tree, *self.tree.children(recursive=True)]
        return sum(process.memory_info().rss for process in tree) / 2**20


@contextlib.contextmanager
def product(**environment: str) -> Iterator[Product]:
    """`baleybots up` in a fresh data folder, ready, with an owner's token."""
    with tempfile.TemporaryDirectory(prefix="baleybots-bench-") as folder:
        settings = {**os.environ, "BALEYBOTS_DATA_DIR": folder, **environment}
        port = free_port()
        started = time.perf_counter()
        process = subprocess.Popen(
            [BALEYBOTS, "up", "--port", str(port), "--data-dir", folder],
            env=settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await_ready(url, process)
            ready_after = time.perf_counter() - started
            token = make_token(settings)
            yield Product(url, token, psutil.Process(process.pid), ready_after, Path(folder))
        finally:
            process.terminate()
            process.communicate(timeout=40)


def await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "it ended")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError("the product was not ready after 60 s")


def make_token(settings: dict[str, str]) -> str:
    made = subprocess.run(
        [BALEYBOTS, "token", "create", "--json"],
        env=settings,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(made.stdout)["token"]


@contextlib.asynccontextmanager
async def session(running: Product) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {running.token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(running.url, headers=headers, connector=connector) as made:
        yield made


async def graphql(
    client: aiohttp.ClientSession, query: str, variables: dict[str, Any]
) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    async with client.post("/graphql", json=body) as answer:
        said = await answer.json()
    if said.get("errors"):
        raise RuntimeError(said["errors"])
    return said["data"]


async def create_bot(client: aiohttp.ClientSession, name: str, source: str) -> str:
    data = await graphql(
        client,
        "mutation Create($input: CreateBotInput!) {"
        " createBot(input: $input) { bot { id } errors { message } } }",
        {"input": {"name": name, "source": source}},
    )
    if data["createBot"]["errors"]:
        raise RuntimeError(data["createBot"]["errors"])
    return data["createBot"]["bot"]["id"]


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system
