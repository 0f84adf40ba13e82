"""A chain of three entities with a parallel pair on a real article, followed by several at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.frontend.conftest import open_browser
from tests.house.files import ROOT
from tests.support.model_server import ModelServer, Reply
from tests.support.processes import Client, Installation, installation
from tests.support.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

ARTICLE = " ".join(f"Sentence {number} tells something about tea." for number in range(830))
TEXTS = [
    " ".join(["Tea comes from China."] * 20),
    " ".join(["Nobody has shown that tea cures."] * 9),
]
BEGUN = re.compile("(Tea comes from China. ){2}|(Nobody has shown that tea cures. ){2}")
FACTS = ("Tokens", "Cost")
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
    return Reply(TEXTS["weakest claims" in asked], gap=0.005)


def _settings(models: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": models.url,
        "OPENAI_API_KEY": "sk-journey",
        "BALEYBOTS_DEFAULT_MODEL": "openai:gpt-4o-mini",
    }


@pytest.fixture(params=["one process", "a server and two workers"])
def here(
    request: pytest.FixtureRequest, tmp_path: Path, models: ModelServer
) -> Iterator[Installation]:
    """The product, ready: on SQLite in one process, or on PostgreSQL and Redis in three."""
    settings, one = _settings(models), request.param == "one process"
    if not one:
        settings["BALEYBOTS_DATABASE_URL"] = request.getfixturevalue("postgres_url")
        settings["BALEYBOTS_REDIS_URL"] = request.getfixturevalue("redis_url")
    with installation(tmp_path, settings) as made:
        made.serve("up" if one else "serve")
        for _ in range(0 if one else 2):
            made.start("worker")
        made.sign_in()
        yield made


@pytest.mark.browser
async def test_two_tabs_and_two_commands_see_the_same(
    here: Installation, models: ModelServer
) -> None:
    """All begin while the text streams, one tab is reloaded in the middle of it."""
    gate = asyncio.Event()
    models.default = lambda body: replace(_answer(body), gate=gate)
    (here.folder / "article.txt").write_text(ARTICLE)
    url, token = here.environment["BALEYBOTS_URL"], here.environment["BALEYBOTS_TOKEN"]
    given = ("run", str(ROOT / "docs/examples/article.bal"), "--input", "@article.txt", "--follow")
    link = await asyncio.to_thread(here.command, "user", "link")
    async with Client.connect(url, token) as client, open_browser() as browser:
        window = await browser.new_context(viewport={"width": 1280, "height": 800})
        first, second = await window.new_page(), await window.new_page()
        await first.goto(link.strip())
        started = asyncio.create_task(asyncio.to_thread(here.command, *given))
        name = await until(lambda: _newest(client), 60)
        told = asyncio.create_task(
            asyncio.to_thread(here.command, "executions", "follow", name, "--json")
        )
        for tab in (first, second):
            await tab.goto(f"{url}/executions/{name}")
            await expect(tab.locator(".live-scroll .prose")).to_contain_text(BEGUN, timeout=60_000)
        await second.reload()
        await expect(second.locator(".live-scroll .prose")).to_contain_text(BEGUN, timeout=60_000)
        gate.set()
        seen = [await _shown(tab) for tab in (first, second)]
        events, printed = await _with_a_reload(client, name), await started
        done = await client.execution(name)
    listed = json.loads(here.command("executions", "show", name, "--json"))
    assert done["status"] == "COMPLETED", done
    assert done["output"] == DIGEST
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [json.loads(line) for line in (await told).splitlines()] == events
    usage = done["usage"]
    assert usage["inputTokens"] > 1000
    assert float(usage["cost"]) > 0
    tokens, cost = usage["totalTokens"], f"${float(usage['cost']):.4f}"
    assert seen[0] == seen[1] == [str(len(events)), f"{tokens:,}", cost, *TEXTS]
    assert all(text in " ".join(printed.split()) for text in TEXTS)
    assert {key: listed["usage"][key] for key in usage} == usage


async def _newest(client: Client) -> str | None:
    found = await client.ask("{ executions(first: 1) { edges { node { id } } } }")
    edges = found["executions"]["edges"]
    return edges[0]["node"]["id"] if edges else None


async def _shown(tab: Any) -> list[str]:
    """What a tab shows at the end: the last number, tokens, cost and each text."""
    page = tab.locator(".execution")
    await expect(page).to_have_attribute("data-status", "COMPLETED", timeout=60_000)
    facts = [tab.locator(".fact-strip div", has_text=name).locator("dd") for name in FACTS]
    shown = [str(await page.get_attribute("data-seq")), *[await f.inner_text() for f in facts]]
    for step in ("historian", "critic"):
        await tab.locator(".wf-row", has_text=step).click()
        detail = tab.get_by_label(f"Details of {step}")
        shown.append(await detail.locator(".prose").inner_text())
    return shown


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
    first = iter([Reply(hang=True)])
    models.default = lambda body: (
        next(first, Reply("done")) if "Step 1" in json.dumps(body["messages"]) else Reply("done")
    )
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
            await models.wait_for(2, 60)
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
