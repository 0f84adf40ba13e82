"""Canaries in what a real process shows: figures, error pages, its log, files that it writes for
people, the list of processes, and what it says when it crashes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.support.model_server import ModelServer, Reply
from tests.support.processes import Installation

KEY = "ck-canary-connection-0123456789abcdef"
ENVIRON = {
    "ANTHROPIC_API_KEY": "canary-environment-0123456789",
    "BALEYBOTS_METRICS_TOKEN": "canary-metrics-0123456789",
    "BALEYBOTS_TICK_SECRET": "canary-tick-0123456789",
    "BALEYBOTS_SMTP_URL": "smtp://mailer:canary-mail-0123456789@127.0.0.1:9",
    "BALEYBOTS_LOG_LEVEL": "debug",
}
CANARIES = [KEY, "canary-environment", "canary-metrics-0", "canary-tick", "canary-mail-0"]
CONNECT = """mutation($input: CreateConnectionInput!) { createConnection(input: $input) {
  connection { id } errors { message } } }"""


def clean(place: str, text: str, more: list[str]) -> None:
    assert text, place
    for canary in [*CANARIES, *more]:
        assert canary not in text, f"{canary[:16]}… is in {place}"


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply(f"The key is {KEY}, really.", pieces=9)) as models:
        yield models


@pytest.mark.slow
async def test_no_canary_leaves_a_process(tmp_path: Path, models: ModelServer) -> None:  # S63, S69
    private = {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}"}
    data = {"BALEYBOTS_DATA_DIR": str(tmp_path / "data")}
    own = Installation(tmp_path, {**os.environ, **ENVIRON, **private, **data})
    process, url = await asyncio.to_thread(own.serve)
    try:
        token = await asyncio.to_thread(own.sign_in)
        await _visit(own, process.popen.pid, url, token, models)
    finally:
        process.terminate()
    clean("the log", process.output(), [token])


async def _visit(own: Installation, pid: int, url: str, token: str, models: ModelServer) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        await _connect(http, token, models)
        for place, text in (await _pages(http, token)).items():
            clean(place, text, [token])
    for place, text in (await asyncio.to_thread(_files, own)).items():
        clean(place, text, [token])
        assert "[hidden]" in text, place
    one = psutil.Process(pid)
    lines = [" ".join(each.cmdline()) for each in (one, *one.children(recursive=True))]
    clean("the list of processes", "\n".join(lines), [token])


async def _connect(http: httpx.AsyncClient, token: str, models: ModelServer) -> None:
    given = {
        "kind": "openai",
        "settings": {"baseUrl": models.url},
        "secrets": {"apiKey": KEY},
        "force": True,
    }
    answer = await http.post(
        "/graphql",
        json={"query": CONNECT, "variables": {"input": given}},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.json()["data"]["createConnection"]["errors"] == [], answer.text


async def _pages(http: httpx.AsyncClient, token: str) -> dict[str, str]:
    """Refusals of every kind, asked for with canaries in hand; and the figures."""
    known = {"authorization": f"Bearer {token}"}
    wrong = {"authorization": f"Bearer {KEY}", "cookie": f"baleybots_session={KEY}"}
    asked: dict[str, Any] = {
        "401": http.post("/graphql", json={"query": "{ viewer { name } }"}, headers=wrong),
        "403": http.post("/signout", headers={**wrong, "origin": "https://evil.test"}),
        "404": http.get(f"/blobs/{KEY}", headers=known),
        "405": http.put("/signin", headers=known, content=KEY),
        "410": http.get("/reset", params={"token": KEY}),
        "413": http.post("/signin", content=KEY.encode() * 500),
        "415": http.post("/bundles", headers=known, content=KEY),
        "a refused query": http.post("/graphql", json={"query": "{ nothing }"}, headers=known),
        "a refused form": http.post("/signin", data={"email": "a@b.test", "password": KEY}),
        "readyz": http.get("/readyz"),
        "metrics without": http.get("/metrics", headers=wrong),
    }
    answers = {name: await one for name, one in asked.items()}
    assert {name: one.status_code for name, one in answers.items() if name.isdigit()} == {
        name: int(name) for name in answers if name.isdigit()
    }
    figures = {"authorization": f"Bearer {ENVIRON['BALEYBOTS_METRICS_TOKEN']}"}
    answers["metrics"] = await http.get("/metrics", headers=figures)
    assert answers["metrics"].status_code == 200
    return {name: f"{one.headers} {one.text}" for name, one in answers.items()}


def _files(own: Installation) -> dict[str, str]:
    """What the command writes of an execution whose model gave the key away."""
    (own.folder / "leaky.bal").write_text('a { "goal": "Say it", "model": "openai:gpt-4o-mini" }')
    seen = own.command("run", "leaky.bal", "--input", '"x"', "--follow")
    (listed,) = json.loads(own.command("executions", "list", "--json"))
    name = listed["id"]
    return {
        "what is followed": seen,
        "the export": own.command("executions", "export", name),
        "the export to read": own.command("executions", "export", name, "--format", "markdown"),
        "what is shown": own.command("executions", "show", name, "--json"),
    }


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_crash_says_no_secret(where: str) -> None:  # S69
    program = (
        "import sys, threading\n"
        "from server.cli.crash import guard\n"
        "from server.core.logs import hide\n"
        "guard(); hide(sys.argv[1])\n"
        "def fail(): raise RuntimeError(f'{sys.argv[1]} postgres://me:not-made-known@db/x')\n"
        f"{'fail()' if where == 'main' else 'threading.Thread(target=fail).start()'}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, KEY], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: [hidden]" in done.stderr
    assert "in fail" in done.stderr
    for canary in (KEY, "not-made-known"):
        assert canary not in done.stderr
