"""The pages that steer, decide and pay, on the real server with a scripted provider."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import expect

from server.app import App, build_app
from server.core.settings import load_settings
from tests.frontend.conftest import Watched
from tests.support.model_server import ModelServer, Reply
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Watch = Callable[..., Awaitable[Watched]]
KEY = "sk-test-abcdefgh1234"
PAIR = """first { "goal": "Say one.", "model": "openai:one" }
second { "goal": "Say two.", "model": "openai:two" }
chain { first second }
"""
ASKING = """reader { "goal": "Tell the price.", "model": "openai:asking", "can_request": ["wait"] }
"""
START = """async ([name, source]) => {
  const ask = async (query, input) => {
    const body = JSON.stringify({ query, variables: { input } });
    const headers = { "content-type": "application/json" };
    return (await (await fetch("/graphql", { method: "POST", headers, body })).json()).data;
  };
  const made = await ask(`mutation($input: CreateBotInput!) {
    createBot(input: $input) { bot { id } } }`, { name, source });
  const run = await ask(`mutation($input: StartExecutionInput!) {
    startExecution(input: $input) { execution { id } } }`,
    { botId: made.createBot.bot.id, input: "Begin." });
  return run.startExecution.execution.id;
}"""


@dataclass
class Real:
    app: App
    url: str
    models: ModelServer

    async def start(self, page: Any, name: str, source: str) -> str:
        """The page of a new execution."""
        execution_id = await page.evaluate(START, [name, source])
        await page.goto(f"{self.url}/executions/{execution_id}")
        return execution_id


@pytest_asyncio.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    async with ModelServer(keys=[KEY], models=["one", "two"]) as models:
        settings = load_settings({}, data_dir=str(tmp_path), allowed_private_hosts=("127.0.0.1:*",))
        app = build_app(settings)
        config = uvicorn.Config(
            app,
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        async with app.running() as rooms:
            await rooms.gateway.prepare()  # takes longer than a page waits
            line = socket.socket()
            line.bind(("127.0.0.1", 0))
            task = asyncio.create_task(server.serve(sockets=[line]))
            await until(lambda: server.started)
            yield Real(app, f"http://127.0.0.1:{line.getsockname()[1]}", models)
            server.should_exit = True
            await task


async def connected(page: Any, real: Real) -> None:
    """Signs in and adds the scripted provider, as a person does."""
    assert real.app.first_link is not None
    token = real.app.first_link.rpartition("token=")[2]
    await page.goto(f"{real.url}/signin?token={token}")
    await expect(page.get_by_role("heading", name="Run your first bot now")).to_be_visible()
    await page.get_by_role("link", name="AI connections").click()
    await page.locator(".providers button", has_text="OpenAI").first.click()
    await page.get_by_label("API key").fill(KEY)
    await page.get_by_label("Address").fill(real.models.url)
    await page.get_by_role("button", name="Test and save").click()
    card = page.locator("[data-connection]")
    await expect(card).to_contain_text("Works", timeout=30_000)


async def test_connection_is_tested_kept_and_shows_only_its_end(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    card = page.locator("[data-connection]")
    await expect(card).to_contain_text("…1234")
    await expect(card).to_contain_text("2 models")
    assert KEY not in await page.content()
    await page.get_by_role("button", name="Add connection").click()
    await page.get_by_role("textbox", name="Name").fill("Wrong")
    await page.get_by_label("API key").fill("sk-wrong-key-0000")
    await page.get_by_label("Address").fill(real.models.url)
    await page.get_by_role("button", name="Test", exact=True).click()
    await expect(page.locator(".outcome[data-tone=bad]")).to_be_visible(timeout=15_000)
    await page.get_by_role("button", name="Test and save").click()
    await expect(page.get_by_role("button", name="Save anyway")).to_be_visible(timeout=15_000)
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-connection]")).to_have_count(1)


async def test_pause_step_and_resume(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    told = asyncio.Event()
    real.models.always("one", Reply(text="One.", gate=told))
    real.models.always("two", Reply(text="Two."))
    await real.start(page, "Pair", PAIR)
    shown = page.locator(".execution")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Pausing")).to_be_visible()
    told.set()
    await expect(shown).to_have_attribute("data-status", "PAUSED", timeout=20_000)
    await expect(page.locator(".waiting")).to_contain_text("nothing is spent")
    assert real.models.count("two") == 0
    await page.get_by_role("button", name="Resume").click()
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    assert (real.models.count("one"), real.models.count("two")) == (1, 1)


async def test_rerun_from_a_step_pays_only_from_there(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.always("one", Reply(text="One."))
    real.models.always("two", Reply(text="Two."))
    old = await real.start(page, "Pair", PAIR)
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    await page.locator(".wf-row", has_text="second").click()
    await page.get_by_role("button", name="Rerun from here").click()
    await page.get_by_role("button", name="Edit Output of first").click()
    await page.get_by_label("Output of first").fill('"One, but better."')
    await page.get_by_role("button", name="Rerun", exact=True).click()
    await expect(page).not_to_have_url(re.compile(old))
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    await expect(page.locator(".wf-row", has_text="first")).to_contain_text("edited, no cost")
    await expect(page.locator(".family")).to_contain_text("an earlier execution")
    assert (real.models.count("one"), real.models.count("two")) == (1, 2)
    assert "One, but better." in str(real.models.requests[-1].body)


async def test_time_travel_looks_and_calls_nothing(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.always("one", Reply(text="One."))
    real.models.always("two", Reply(text="Two."))
    await real.start(page, "Pair", PAIR)
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    before = real.models.total
    await page.get_by_role("button", name="Time travel").click()
    await page.get_by_label("Event", exact=True).focus()
    await page.keyboard.press("Home")
    await expect(shown).to_have_attribute("data-status", "PENDING")
    await expect(page.locator(".wf-row")).to_have_count(1)
    while await page.locator(".wf-row", has_text="second").count() == 0:
        await page.keyboard.press("ArrowRight")
    await expect(shown).to_have_attribute("data-status", "RUNNING")
    await expect(page.locator(".wf-row", has_text="first")).to_contain_text("Completed")
    place = await page.get_by_label("Event", exact=True).input_value()
    await expect(page).to_have_url(re.compile(rf"[?&]at={place}(&|$)"))
    await page.reload()
    await expect(shown).to_have_attribute("data-past", "yes")
    await expect(shown).to_have_attribute("data-status", "RUNNING")
    await page.get_by_role("button", name="Back to now").click()
    await expect(shown).to_have_attribute("data-status", "COMPLETED")
    assert real.models.total == before


async def test_question_is_answered_with_changed_arguments(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    asked = Reply(text="I wait first.", tool_calls=[("wait", {"seconds": 900})])
    real.models.script("asking", asked)
    real.models.always("asking", Reply(text="Twelve euros."))
    await real.start(page, "Asking", ASKING)
    await expect(page.locator(".question")).to_contain_text("wait", timeout=30_000)
    await expect(page.locator(".sidebar nav .count")).to_contain_text("1")
    await page.get_by_role("link", name="Approvals").click()
    await expect(page.locator("h1")).to_have_text("Approvals")
    await expect(page.locator(".question")).to_contain_text("900")
    await page.keyboard.press("m")
    await page.get_by_label("Seconds").fill("0.1")
    await page.get_by_role("button", name="Approve with changes").click()
    await expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    await page.locator(".decided a").click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=30_000
    )
    await page.locator(".wf-row", has_text="wait").click()
    await page.get_by_role("tab", name="Result").click()
    await expect(page.locator(".detail-body")).to_contain_text("0.1")


async def test_refusal_with_a_reason_reaches_the_model(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.script("asking", Reply(tool_calls=[("wait", {"seconds": 900})]))
    real.models.always("asking", Reply(text="Then I do not know."))
    await real.start(page, "Asking", ASKING)
    await expect(page.locator(".question")).to_be_visible(timeout=30_000)
    await page.keyboard.press("r")
    await page.get_by_label("Why not?").fill("It takes too long.")
    await page.get_by_role("button", name="Reject", exact=True).click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=30_000
    )
    assert "It takes too long." in str(real.models.requests[-1].body)


async def test_failed_step_can_be_tried_again_from_its_diagnosis(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.always("one", Reply(text="One."))
    real.models.script("two", Reply(status=400, error="this prompt is refused"))
    real.models.always("two", Reply(text="Two."))
    await real.start(page, "Pair", PAIR)
    await expect(page.locator(".failure").first).to_contain_text("refused", timeout=30_000)
    await page.get_by_role("button", name="Retry").click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=20_000
    )
    await expect(page.locator(".wf-row", has_text="first")).to_contain_text("reused, no cost")
    assert (real.models.count("one"), real.models.count("two")) == (1, 2)


async def test_budget_that_is_spent_stops_the_next_call(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    await page.get_by_role("link", name="Costs").click()
    await page.get_by_role("button", name="Set a price").first.click()
    await page.locator("dialog").get_by_label("Model").fill("openai:one")
    await page.get_by_label("Tokens sent").fill("1000")
    await page.get_by_label("Tokens written").fill("1000")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".table")).to_contain_text("yours")
    await page.get_by_role("button", name="Add budget").first.click()
    await page.get_by_role("textbox", name="Name").fill("Tight")
    await page.get_by_label("Limit in US dollars").fill("0.0001")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".budget")).to_contain_text("Tight")
    await real.start(page, "Pair", PAIR)
    failure = page.locator(".failure").first
    await expect(failure).to_contain_text("Tight", timeout=30_000)
    await failure.get_by_role("link", name="Raise the budget").click()
    await expect(page.locator("h1")).to_have_text("Costs")
    assert real.models.count("one") == 0
