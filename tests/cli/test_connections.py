"""Connections and costs from the terminal, against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio
from click.testing import CliRunner, Result

from server.cli.group import cli
from tests.support.front import on_a_port, open_front
from tests.support.model_server import ModelServer
from tests.support.own_models import BAD, GOOD

Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys=[GOOD], models=["gpt-4o-mini"]) as server:
        yield server


@pytest_asyncio.fixture
async def run(tmp_path: Path, models: ModelServer) -> AsyncIterator[Run]:
    environ = {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}"}
    async with open_front(tmp_path, environ) as front, on_a_port(front.app) as url:
        token = (await front.caller()).token

        async def command(*words: str, key: str = "") -> Result:
            runner = CliRunner(env={"BALEYBOTS_URL": url, "BALEYBOTS_TOKEN": token})
            return await asyncio.to_thread(runner.invoke, cli, words, input=f"{key}\n")

        yield command


async def test_a_connection_is_added_tested_and_removed(run: Run, models: ModelServer) -> None:
    add = ("connections", "add", "openai", "--name", "Mine", "--address", models.url)
    refused = await run(*add, key=BAD)
    assert refused.exit_code == 1
    assert "refused the key" in refused.output
    assert BAD not in refused.output
    added = await run(*add, key=GOOD)
    assert added.exit_code == 0, added.output
    assert "Mine: connected. 1 model is offered." in added.stdout
    listed = json.loads((await run("connections", "list", "--json")).stdout)
    assert [(one["name"], one["secrets"]) for one in listed] == [("Mine", {"apiKey": "…abcd"})]
    assert (await run("connections", "test", "mine")).exit_code == 0
    assert (await run("connections", "remove", "Mine")).exit_code == 0
    assert (await run("connections", "test", "Mine")).exit_code == 1


async def test_costs_of_nothing(run: Run) -> None:
    shown = await run("costs")
    assert shown.exit_code == 0, shown.output
    assert "30 days: 0.0000 US dollars in 0 calls" in shown.stdout
    assert json.loads((await run("costs", "--json")).stdout)["budgets"] == []
