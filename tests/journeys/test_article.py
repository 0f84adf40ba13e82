"""A chain of three entities with a parallel pair on a real article, followed by several at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.house.files import ROOT
from tests.support.model_server import ModelServer, Reply
from tests.support.processes import Client, installation

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

ARTICLE = " ".join(f"Sentence {number} tells something about tea." for number in range(830))
DIGEST = {"title": "Tea", "digest": "Tea is an old drink with many claims."}
SOURCE = (ROOT / "docs/examples/article.bal").read_text()


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        server.default = _answer
        yield server


def _answer(body: dict[str, Any]) -> Reply:
    asked = json.dumps(body["messages"])
    if "balanced digest" in asked:
        return Reply(json.dumps(DIGEST), pieces=8, gap=0.02)
    return Reply("Tea comes from China. " * 20, gap=0.005)


def _settings(models: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": models.url,
        "OPENAI_API_KEY": "sk-journey",
        "BALEYBOTS_DEFAULT_MODEL": "openai:gpt-4o-mini",
    }


async def test_two_followers_and_the_command_line_see_the_same(
    tmp_path: Path, models: ModelServer
) -> None:
    with installation(tmp_path, _settings(models)) as here:
        _, url = await asyncio.to_thread(here.serve)
        token = await asyncio.to_thread(here.sign_in)
        async with Client.connect(url, token) as client:
            bot = await client.create_bot("Article", SOURCE)
            execution = await client.start(bot, ARTICLE)
            first, second, told = await asyncio.gather(
                client.follow(execution),
                _with_a_reload(client, execution),
                asyncio.to_thread(here.command, "executions", "follow", execution, "--json"),
            )
            done = await client.execution(execution)
    assert done["status"] == "COMPLETED", done
    assert done["output"] == DIGEST
    assert [event["seq"] for event in first] == list(range(1, len(first) + 1))
    assert first == second
    assert [json.loads(line) for line in told.splitlines()] == first
    assert done["usage"]["inputTokens"] > 1000
    assert float(done["usage"]["cost"]) > 0
    assert sorted(step["name"] for step in done["steps"] if step["type"] == "entity") == [
        "critic",
        "editor",
        "historian",
    ]


async def test_a_server_and_two_workers_on_postgresql_and_redis(
    tmp_path: Path, models: ModelServer, postgres_url: str, redis_url: str
) -> None:
    settings = _settings(models) | {
        "BALEYBOTS_DATABASE_URL": postgres_url,
        "BALEYBOTS_REDIS_URL": redis_url,
    }
    with installation(tmp_path, settings) as here:
        _, url = await asyncio.to_thread(here.serve, "serve")
        workers = [here.start("worker"), here.start("worker")]
        token = await asyncio.to_thread(here.sign_in)
        async with Client.connect(url, token) as client:
            bot = await client.create_bot("Article", SOURCE)
            ids = [await client.start(bot, ARTICLE) for _ in range(8)]
            seen = await asyncio.gather(*(client.follow(name) for name in ids))
            done = [await client.execution(name) for name in ids]
        assert [one["status"] for one in done] == ["COMPLETED"] * 8, done
        assert all([e["seq"] for e in events] == list(range(1, len(events) + 1)) for events in seen)
        codes = [await asyncio.to_thread(worker.terminate) for worker in workers]
    assert codes == [0, 0], [worker.output() for worker in workers]


async def test_another_worker_goes_on_when_one_is_killed(
    tmp_path: Path, models: ModelServer, postgres_url: str, redis_url: str
) -> None:
    """No finished model call is paid for twice."""
    models.default = lambda body: Reply("done", delay=1.5)
    settings = _settings(models) | {
        "BALEYBOTS_DATABASE_URL": postgres_url,
        "BALEYBOTS_REDIS_URL": redis_url,
    }
    source = "".join(f'e{n} {{ "goal": "Step {n}" }}\n' for n in range(3)) + "chain { e0 e1 e2 }"
    with installation(tmp_path, settings) as here:
        _, url = await asyncio.to_thread(here.serve, "serve")
        victim = here.start("worker")
        token = await asyncio.to_thread(here.sign_in)
        async with Client.connect(url, token) as client:
            bot = await client.create_bot("Slow", source)
            name = await client.start(bot, "go")
            await models.wait_for(2)
            await asyncio.to_thread(victim.kill)
            here.start("worker")
            events = await client.follow(name)
            done = await client.execution(name)
    assert done["status"] == "COMPLETED", done
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    asked = [json.dumps(request.body["messages"]) for request in models.requests]
    assert sum("Step 0" in one for one in asked) == 1
    assert sum("Step 1" in one for one in asked) == 2, "the step in flight is repeated once"
    assert sum("Step 2" in one for one in asked) == 1


async def _with_a_reload(client: Client, execution: str) -> list[Any]:
    """As a browser tab that is reloaded in the middle: goes on after the last number it has."""
    before = await client.follow(execution, stop_at=5)
    return before + await client.follow(execution, after=before[-1]["seq"])
