"""The web app on the real server with the demo model: the first two minutes of a stranger."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import expect

from server.app import App, build_app
from server.core.settings import load_settings
from tests.frontend.conftest import Watched
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Watch = Callable[..., Awaitable[Watched]]

# Makes a bot that catches the failure of a step that names a tool nobody has, and starts it.
FAILING = """async () => {
  const headers = { "content-type": "application/json" };
  const ask = async (query, variables) => (await (await fetch("/graphql",
    { method: "POST", headers, body: JSON.stringify({ query, variables }) })).json()).data;
  const made = await ask("mutation($i: CreateBotInput!) { createBot(input: $i) { bot { id } } }",
    { i: { name: "Fails", source: "try { use nothing_here } catch { select { x: 1 } }" } });
  await ask("mutation($i: StartExecutionInput!) { startExecution(input: $i) { execution { id } } }",
    { i: { botId: made.createBot.bot.id, input: "x" } });
}"""


@pytest_asyncio.fixture
async def real(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    async with served(tmp_path, {}) as found:
        yield found


@asynccontextmanager
async def served(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[tuple[App, str]]:
    app = build_app(load_settings(environ, data_dir=str(folder)))
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    async with app.running():
        line = socket.socket()
        line.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[line]))
        await until(lambda: server.started)
        yield app, f"http://127.0.0.1:{line.getsockname()[1]}"
        server.should_exit = True
        await task


async def sign_in(page: Any, app: App, url: str) -> None:
    assert app.first_link is not None
    token = app.first_link.rpartition("token=")[2]
    await page.goto(f"{url}/signin?token={token}")
    await expect(page.get_by_role("heading", name="Run your first bot now")).to_be_visible()


def answers_held(app: App, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The demo model says what it has to say, and has not ended before this is set."""
    assert app.rooms is not None
    demo: Any = app.rooms.gateway._demo  # type: ignore[attr-defined]
    chat, end = demo.chat, asyncio.Event()

    async def held(*given: Any) -> Any:
        answer = await chat(*given)
        await end.wait()
        return answer

    monkeypatch.setattr(demo, "chat", held)
    return end


async def test_from_the_link_to_a_result_that_streams(
    real: tuple[App, str], watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = real
    end = answers_held(app, monkeypatch)
    page = (await watched()).page
    await sign_in(page, app, url)
    await page.get_by_role("button", name="Run now: Article digest").click()
    live = page.locator(".live")
    await expect(live.locator("article").first).to_be_visible()
    await expect(live).to_have_attribute("data-status", "RUNNING")
    second = await page.context.new_page()
    await second.goto(await live.get_by_role("link", name="Details").evaluate("e => e.href"))
    await second.reload()
    shown = second.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "RUNNING")
    end.set()
    await expect(live).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    await expect(shown).to_have_attribute("data-status", "COMPLETED")
    await expect(shown).to_have_attribute("data-seq", await live.get_attribute("data-seq"))
    tokens = await live.locator(".run-facts div", has_text="Tokens").locator("dd").inner_text()
    await expect(second.locator(".fact-strip div", has_text="Tokens").locator("dd")).to_have_text(
        tokens
    )
    assert int(tokens.replace(",", "")) > 0
    await second.locator(".wf-row", has_text="facts").click()
    await second.get_by_role("tab", name="Model").click()
    await expect(second.locator(".facts")).to_contain_text("demo")
    await expect(page.locator(".flow")).to_contain_text("outline")


async def test_named_model_without_a_key_fails_with_a_way_out(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    await page.goto(url + "/bots/new")
    await page.get_by_label("Name").fill("Keyless")
    await page.get_by_role("button", name="Create").click()
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text('a {\n  "goal": "Say it."\n  "model": "openai:gpt-5-mini"\n}\n')
    await page.get_by_label("Input").fill("Anything.")
    await page.keyboard.press("Control+Enter")
    failure = page.locator(".live .failure")
    await expect(failure).to_contain_text("needs a key")
    await failure.get_by_role("button", name="Run in demo").click()
    await expect(page.locator(".live")).to_have_attribute(
        "data-status", "COMPLETED", timeout=15_000
    )
    await expect(page.locator(".live article")).to_contain_text("demo model")


async def test_mistakes_are_marked_by_the_real_checker(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    await page.goto(url + "/bots/new")
    await page.get_by_role("button", name="Create").click()
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text('writer { "goal": "Write." }\nchain { wirter }\n')
    await expect(page.locator(".problems")).to_contain_text("2:9")
    await expect(page.locator(".problems")).to_contain_text("Did you mean")
    await expect(page.locator(".cm-lintRange-error")).to_have_text("wirter")
    await expect(page.locator(".save-state")).to_have_text("Saved")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".toast")).to_be_visible()


async def test_the_explorer_sends_completes_and_explains(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    await page.goto(f"{url}/explorer")
    await page.get_by_role("button", name="Make a bot").click()
    await page.get_by_role("button", name="Send").click()
    answer = page.get_by_label("Answer as JSON")
    await expect(answer).to_contain_text('"name": "Greeter"')
    await page.get_by_label("Variables as JSON").fill("{")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("not a JSON object")
    await page.get_by_role("tab", name="Schema").click()
    await page.get_by_label("Search types and fields").fill("startExecution")
    await page.get_by_role("button", name="Mutation.startExecution").click()
    await expect(page.locator(".docs")).to_contain_text("the execution is stored for good")
    operation = page.get_by_label("GraphQL operation")
    await operation.fill("{ vie")
    await operation.press("Control+Space")
    await expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("viewer")


async def test_an_incident_is_seen_and_closed(real: tuple[App, str], watched: Watch) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    await page.goto(f"{url}/incidents")
    await expect(page.locator("main")).to_contain_text("Nothing has failed lately")
    await page.evaluate(FAILING)
    row = page.locator(".incidents li")
    await expect(row).to_contain_text("nothing_here")
    await expect(row).to_contain_text("The program caught this with try and went on.")
    await expect(page.locator(".rates li")).to_contain_text("priority 2")
    await row.get_by_role("button", name="Close…").click()
    await page.get_by_label("What was done about it").fill("Named the right tool")
    await page.get_by_role("button", name="Close it").click()
    await expect(row).to_have_count(0)
    await page.get_by_role("link", name="Closed").click()
    await expect(row).to_contain_text("Named the right tool")
