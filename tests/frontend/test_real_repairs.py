"""What a diagnosis offers leads somewhere that works: each action is clicked, on the real server
with a scripted provider, for what has ended and for what waits."""

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

from server.app import build_app
from server.core.settings import load_settings
from tests.frontend.conftest import Watched
from tests.frontend.test_real_control import KEY, START, Real, connected
from tests.support.model_server import ModelServer, Reply
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

Watch = Callable[..., Awaitable[Watched]]
PAIR = """first { "goal": "Say one.", "model": "openai:one" }
second { "goal": "Say two.", "model": "openai:two", "retries": 0, "fallbacks": [] }
chain { first second }
"""
WAITS = PAIR.replace("second }", "second on_error pause }")
NO_LIST = PAIR.replace("first second", "first map result { second }")
KEEPER = """keeper { "goal": "Keep it.", "model": "openai:one", "tools": ["shared_storage"],
  "on_tool_error": "pause" }
"""
DOWN = Reply(status=500, error="it broke")
REFUSED = Reply(status=400, error="this prompt is refused")
LIMITS = """async (calls) => {
  const headers = { "content-type": "application/json" };
  const query = `mutation($input: SetExecutionLimitsInput!) {
    setExecutionLimits(input: $input) { errors { message } } }`;
  const body = JSON.stringify({ query, variables: { input: { calls } } });
  await fetch("/graphql", { method: "POST", headers, body });
}"""


@dataclass
class Open:
    """A server that somebody is signed in to, with a connection that works."""

    real: Real
    state: Any
    count: int = 0

    async def start(self, watched: Watch, source: str) -> Any:
        page = (await watched(storage_state=self.state)).page
        await page.goto(f"{self.real.url}/bots")
        self.count += 1
        execution_id = await page.evaluate(START, [f"Pair {self.count}", source])
        await page.goto(f"{self.real.url}/executions/{execution_id}")
        return page


@pytest_asyncio.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> AsyncIterator[Open]:
    folder: Path = tmp_path_factory.mktemp("repairs")
    async with ModelServer(keys=[KEY], models=["one", "two", "three"]) as models:
        settings = load_settings({}, data_dir=str(folder), allowed_private_hosts=("127.0.0.1:*",))
        app = build_app(settings)
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        async with app.running() as rooms:
            await rooms.gateway.prepare()  # takes longer than a page waits
            line = socket.socket()
            line.bind(("127.0.0.1", 0))
            task = asyncio.create_task(server.serve(sockets=[line]))
            await until(lambda: server.started)
            real = Real(app, f"http://127.0.0.1:{line.getsockname()[1]}", models)
            context = await browser.new_context()
            await connected(await context.new_page(), real)
            state = await context.storage_state()
            await context.close()
            yield Open(real, state)
            server.should_exit = True
            await task


async def ends(page: Any, status: str = "COMPLETED") -> None:
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", status, timeout=30_000)


async def click(page: Any, name: str) -> None:
    """Of the failure's card, or of the question."""
    card = page.locator(".failure, .question").first
    at = card.get_by_role("button", name=name, exact=True)
    await at.or_(card.get_by_role("link", name=name, exact=True)).click()


async def result(page: Any) -> str:
    await page.locator(".wf-row", has_text="second").click()
    await page.get_by_role("tab", name="Output").click()
    return await page.locator(".detail-body").inner_text()


# --- what each of them leads to ----------------------------------------------------------------


async def again(page: Any) -> None:
    await ends(page)
    await expect(page.locator(".wf-row", has_text="first")).to_contain_text("reused, no cost")
    assert "Two." in await result(page)


async def passed_by(page: Any) -> None:
    await ends(page)
    assert "One." in await result(page)


async def another_model(page: Any) -> None:
    dialog = page.locator("dialog[open]")
    rerun = dialog.get_by_role("button", name="Rerun")
    await expect(rerun).to_be_disabled()
    await dialog.get_by_label("Model of second").fill("openai:three")
    await rerun.click()
    await ends(page)
    assert "Three." in await result(page)


async def edited_result(page: Any) -> None:
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("button", name="Edit Output of first").click()
    await dialog.get_by_label("Output of first").fill('"Another one."')
    await dialog.get_by_role("button", name="Rerun").click()
    await ends(page)
    assert "Two." in await result(page)


def place(heading: str) -> Callable[[Any], Awaitable[None]]:
    async def shown(page: Any) -> None:
        await expect(page.locator("h1").first).to_contain_text(heading)

    return shown


@dataclass(frozen=True)
class Case:
    source: str
    first: Reply | None
    button: str
    leads_to: Callable[[Any], Awaitable[None]]


ENDED = {
    "retry": Case(PAIR, DOWN, "Try again", again),
    "skip": Case(PAIR, DOWN, "Go on without it", passed_by),
    "other_model": Case(PAIR, DOWN, "Choose another model", another_model),
    "edit_and_retry": Case(PAIR, REFUSED, "Edit and try again", edited_result),
    "edit_bot": Case(NO_LIST, None, "Edit the bot", place("Pair")),
    "reconnect": Case(
        PAIR, Reply(status=401, error="bad key"), "Check the connection", place("AI connections")
    ),
}


@pytest.mark.parametrize("action", ENDED)
async def test_action_of_an_ended_execution_works(
    opened: Open, watched: Watch, action: str
) -> None:
    case, models = ENDED[action], opened.real.models
    models.always("one", Reply(text="One."))
    if case.first is not None:
        models.script("two", case.first)
    models.always("two", Reply(text="Two."))
    models.always("three", Reply(text="Three."))
    page = await opened.start(watched, case.source)
    await ends(page, "FAILED")
    await click(page, case.button)
    await case.leads_to(page)


async def test_a_limit_is_raised_where_it_is_set(opened: Open, watched: Watch) -> None:
    opened.real.models.always("one", Reply(text="One."))
    page = await opened.start(watched, PAIR)
    await page.evaluate(LIMITS, 1)
    try:
        page = await opened.start(watched, PAIR)
        await ends(page, "FAILED")
        await click(page, "Raise the limit")
        await expect(page.locator("main")).to_contain_text("What one execution may use at most")
    finally:
        await page.evaluate(LIMITS, None)


# --- what waits for a person -------------------------------------------------------------------


async def edit_input(page: Any) -> None:
    await page.get_by_label("Input", exact=True).fill("Another one.")
    await page.get_by_role("button", name="Try again with this").click()


async def give_value(page: Any) -> None:
    await page.get_by_label("Result as JSON").fill('"By hand."')
    await page.get_by_role("button", name="Go on with this").click()


async def change_model(page: Any) -> None:
    dialog = page.locator("dialog[open]")
    await dialog.get_by_label("Model").fill("openai:three")
    await dialog.get_by_role("button", name="Change it").click()
    await expect(dialog).to_have_count(0)
    await click(page, "Try again")


async def nothing_more(page: Any) -> None:
    """The click was all."""


PAUSED = {
    "retry": ("Try again", nothing_more, "COMPLETED", "Two."),
    "edit": ("Edit and try again", edit_input, "COMPLETED", "Two."),
    "skip": ("Go on without it", nothing_more, "COMPLETED", "One."),
    "continue": ("Go on with a value", give_value, "COMPLETED", "By hand."),
    "other_model": ("Choose another model", change_model, "COMPLETED", "Three."),
    "fail": ("Let it fail", nothing_more, "FAILED", ""),
}


@pytest.mark.parametrize("action", PAUSED)
async def test_action_of_a_failure_that_waits_works(
    opened: Open, watched: Watch, action: str
) -> None:
    button, then, status, output = PAUSED[action]
    models = opened.real.models
    models.always("one", Reply(text="One."))
    models.script("two", DOWN)
    models.always("two", Reply(text="Two."))
    models.always("three", Reply(text="Three."))
    page = await opened.start(watched, WAITS)
    await expect(page.locator(".question")).to_contain_text("it broke", timeout=30_000)
    await click(page, button)
    await then(page)
    await ends(page, status)
    assert output in await result(page)
    if action == "edit":
        assert "Another one." in str(models.requests[-1].body)


async def test_arguments_of_a_failed_tool_are_edited_and_tried_again(
    opened: Open, watched: Watch
) -> None:
    models = opened.real.models
    wrong = {"action": "write", "key": "", "value": 7}
    models.script("one", Reply(tool_calls=[("shared_storage", wrong)]))
    models.always("one", Reply(text="Kept."))
    page = await opened.start(watched, KEEPER)
    question = page.locator(".question")
    await expect(question).to_contain_text("The model is told that it failed.", timeout=30_000)
    await click(page, "Edit and try again")
    await question.get_by_label("key", exact=True).fill("price")
    await page.get_by_role("button", name="Try again with this").click()
    await ends(page)
    await page.locator(".wf-row", has_text="shared_storage").click()
    await page.get_by_role("tab", name="Arguments").click()
    await expect(page.locator(".detail-body")).to_contain_text("price")
    assert re.search(r"success", str(models.requests[-1].body))
