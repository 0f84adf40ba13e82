"""Two providers and a chain in a browser: what a run will cost, the story of its failures, the
circuit that opens and is reset, and the costs of each connection to the last digit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from server.app import App
from server.connections import service
from server.connections.service import Given
from server.core.ids import public_id
from server.costs import service as budgets
from server.costs.service import NewBudget, Office
from server.llm import verdict
from tests.frontend.conftest import Watched
from tests.frontend.test_real_server import served, sign_in
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, first_owner

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Watch = Callable[..., Awaitable[Watched]]
SOURCE = """
writer {
  "goal": "Write about tea",
  "model": "openai:gpt-4o-mini",
  "fallbacks": ["anthropic:claude-haiku-4-5"]
}
"""
COUNTED = {"prompt_tokens": 1000, "completion_tokens": 1000}
LIMITED = Reply(status=429, error="Slow down.", headers={"retry-after": "0"})
DEAD = Reply(status=503, error="Down.")
WELL = Reply("From the first", usage=COUNTED)
# US dollars for a thousand tokens each way.
FIRST, SECOND = Decimal("0.00075"), Decimal("0.006")


@pytest_asyncio.fixture
async def first() -> AsyncIterator[ModelServer]:
    async with ModelServer(WELL, models=["gpt-4o-mini"]) as server:
        yield server


@pytest_asyncio.fixture
async def second() -> AsyncIterator[ModelServer]:
    reply = Reply("From the second", usage=COUNTED)
    async with ModelServer(reply, models=["claude-haiku-4-5"]) as server:
        yield server


@pytest_asyncio.fixture
async def real(
    tmp_path: Path, first: ModelServer, second: ModelServer
) -> AsyncIterator[tuple[App, str]]:
    inside = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    async with served(tmp_path, {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": inside}) as found:
        yield found


async def connected(home: Home, kind: str, address: str) -> None:
    secrets = {"apiKey": f"sk-{kind}-0123456789"}
    given = Given(settings={"baseUrl": address}, secrets=secrets, force=True)
    await service.create(home.owner, home.rooms.connections, kind, given)


async def test_a_chain_from_the_first_failure_to_the_reset(
    real: tuple[App, str],
    first: ModelServer,
    second: ModelServer,
    watched: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    app, url = real
    page: Any = (await watched()).page
    await sign_in(page, app, url)
    home = Home(app.rooms, await first_owner(app.rooms))
    await connected(home, "openai", first.url)
    await connected(home, "anthropic", second.base)
    bot = await home.bot(SOURCE, "Tea writer")
    place = f"{url}/bots/{public_id('bot', bot.id)}"

    await page.goto(place)
    foreseen = page.locator(".foreseen")
    await expect(foreseen).to_contain_text("$0.15 / $0.6 for openai:gpt-4o-mini")

    await app.rooms.gateway.prepare()  # takes longer than a page waits
    first.script("gpt-4o-mini", LIMITED)
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator(".live")).to_have_attribute("data-status", "COMPLETED")
    first.always("gpt-4o-mini", DEAD)
    for _ in range(2):
        await home.ended(await home.start(bot, "tea"))
    last = await home.ended(await home.start(bot, "tea"))
    assert len([one for one in first.requests if one.body.get("messages")]) == 2 + 5

    await page.goto(f"{url}/executions/{public_id('execution', last.id)}?step=writer&tab=calls")
    await expect(page.locator(".calls-story")).to_contain_text(
        "went on with anthropic:claude-haiku-4-5; anthropic answered"
    )
    await page.goto(f"{url}/connections")
    await circuit_is_reset(page, first)
    again = await home.ended(await home.start(bot, "tea"))
    assert again.output == "From the first"

    await page.goto(f"{url}/costs")
    await costs_of_each_connection(page)
    await left_of_a_budget(home)

    await page.goto(place)
    await expect(foreseen).to_contain_text("By what the last 5 completed executions cost.")
    await expect(foreseen).to_contain_text("The budget “All” has $0.0030 left")

    await page.goto(f"{place}/versions")
    await costs_of_the_version(page)


async def circuit_is_reset(page: Any, first: ModelServer) -> None:
    circuit = page.locator(".circuit")
    await expect(circuit).to_contain_text("openai:gpt-4o-mini is left alone for now")
    await expect(circuit).to_contain_text("5 times in a row through “OpenAI” and is tried again")
    await expect(page.locator("tr[data-provider=openai]")).to_contain_text(
        "5 server errors, 1 too many calls, left alone 2 times"
    )
    first.always("gpt-4o-mini", WELL)
    await circuit.get_by_role("button", name="Ask again now").click()
    await expect(circuit).to_have_count(0)


async def costs_of_each_connection(page: Any) -> None:
    through = page.locator("section[aria-label='By connection']")
    await expect(through.locator("li", has_text="Anthropic")).to_contain_text("3 calls")
    await expect(through.locator("li", has_text="OpenAI")).to_contain_text("2 calls")


async def left_of_a_budget(home: Home) -> None:
    """Half a call of the second model is left of it."""
    found = await home.rooms.till.gateway.circuits.all()
    assert found == []
    office = Office(home.rooms.till.budgets, home.rooms.clock, home.rooms.engine.kin.wake)
    exact = 2 * FIRST + 3 * SECOND
    kept = await budgets.create(home.owner, office, NewBudget(exact + SECOND / 2, name="All"))
    assert (await budgets.standing(home.owner, office, kept)).spent_nano == exact * 10**9


async def costs_of_the_version(page: Any) -> None:
    version = page.locator(".version-list li").first
    await expect(version).to_contain_text("5 runs")
    await expect(version.locator("[title='In the last 90 days']")).to_have_text("$0.020")
    triggers = page.get_by_role("region", name="Costs by trigger")
    await expect(triggers.locator("dl > div", has_text="By hand")).to_contain_text("$0.0008")
    await expect(triggers.locator("dl > div", has_text="API")).to_contain_text("4 runs")
