"""What models were asked, kept recordings and replays, on the real server in a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from server.app import App
from server.core.ids import public_id
from server.llm import verdict
from tests.frontend.conftest import Watched
from tests.frontend.test_real_server import served, sign_in
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, first_owner

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Watch = Callable[..., Awaitable[Watched]]
SOURCE = 'writer { "goal": "Write about tea", "model": "openai:gpt-4o-mini" }'


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("Tea is good.")) as server:
        yield server


@pytest_asyncio.fixture
async def real(tmp_path: Path, models: ModelServer) -> AsyncIterator[tuple[App, str]]:
    environ = {"OPENAI_API_KEY": "sk-calls", "OPENAI_BASE_URL": models.url}
    async with served(tmp_path, environ) as found:
        yield found


async def test_calls_are_seen_kept_and_replayed(
    real: tuple[App, str],
    models: ModelServer,
    watched: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    app, url = real
    page: Any = (await watched()).page
    await sign_in(page, app, url)
    home = Home(app.rooms, await first_owner(app.rooms))
    models.script("gpt-4o-mini", Reply(status=503, error="Busy."))
    bot = await home.bot(SOURCE, "Tea writer")
    live = await home.ended(await home.start(bot, "Which is best?"))
    await page.goto(f"{url}/executions/{public_id('execution', live.id)}?step=writer&tab=calls")
    await expect(page.locator(".calls-story")).to_have_text(
        "openai 503, tried again; openai answered"
    )
    await attempts_are_bars(page)
    await the_call_is_told(page)
    asked = models.total
    await kept_and_replayed(page)
    assert models.total == asked
    await page.goto(f"{url}/bots/{public_id('bot', bot.id)}")
    await replayed_from_the_bot(page)
    assert models.total == asked
    await goes_on_from_the_answer(page, models)


async def attempts_are_bars(page: Any) -> None:
    attempts = page.locator(".wf-row", has_text="writer").locator(".attempt")
    await expect(attempts).to_have_count(2)
    await expect(attempts.first).to_have_attribute("data-status", "FAILED")
    await expect(attempts.first).to_have_attribute(
        "title", re.compile(r"Attempt 1, openai:gpt-4o-mini: failed after .*Busy")
    )
    await expect(attempts.last).to_have_attribute(
        "title", re.compile("Attempt 2, openai:gpt-4o-mini: answered after")
    )
    await page.get_by_role("button", name="Time travel").click()
    await page.get_by_label("Event", exact=True).press("Home")
    await expect(attempts).to_have_count(0)
    await page.get_by_role("button", name="Back to now").click()
    await expect(attempts).to_have_count(2)


async def the_call_is_told(page: Any) -> None:
    second = page.locator(".call").nth(1)
    await expect(second.locator(".token-bar")).to_contain_text("System")
    await second.locator("summary").click()
    await expect(second.locator(".message").first).to_contain_text("Write about tea")
    await expect(second.locator(".message").last).to_contain_text("Tea is good.")
    await expect(second.get_by_role("button", name="Copy as curl")).to_be_visible()


async def kept_and_replayed(page: Any) -> None:
    await page.get_by_role("button", name="Keep as recording").click()
    await expect(page.get_by_text("Kept as “Execution of")).to_be_visible()
    await page.get_by_role("button", name="Replay").click()
    await expect(page.locator("h1 .chip", has_text="recorded")).to_be_visible()
    await expect(page.locator(".execution")).to_have_attribute("data-status", "COMPLETED")


async def replayed_from_the_bot(page: Any) -> None:
    await page.get_by_role("button", name="Recorded", exact=True).click()
    await expect(page.get_by_label("Recording", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Replay").click()
    await expect(page.locator(".live")).to_have_attribute("data-status", "COMPLETED")
    await expect(page.locator(".live")).to_contain_text("recorded")


async def goes_on_from_the_answer(page: Any, models: ModelServer) -> None:
    before = models.total
    await page.get_by_role("button", name="Live", exact=True).click()
    await page.get_by_label("Go on from the answer below").check()
    await page.get_by_label("Input", exact=True).fill("And then?")
    await page.get_by_role("button", name="Run", exact=True).click()
    await models.wait_for(before + 1)
    said = [one["content"] for one in models.requests[-1].body["messages"]]
    assert said == ["Write about tea", "Which is best?", "Tea is good.", "And then?"]
