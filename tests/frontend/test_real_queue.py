"""The queue in a real browser, on the real server: what waits, why, and in which order."""

from typing import Any

import pytest
from playwright.async_api import expect

from server.app import App
from server.core.ids import public_id
from server.models.tables import Bot, Execution
from tests.frontend.test_real_control import Watch
from tests.frontend.test_real_server import answers_held, real, sign_in
from tests.support.waiting import until

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FILL = """async ([name, limit, priorities, source = 'writer { "goal": "Write." }']) => {
  const ask = async (name, type, wanted, input) => {
    const query = `mutation($input: ${type}!) { ${name}(input: $input) {
      ${wanted} errors { message } } }`;
    const body = JSON.stringify({ query, variables: { input } });
    const headers = { "content-type": "application/json" };
    return (await (await fetch("/graphql", { method: "POST", headers, body })).json()).data[name];
  };
  const { bot } = await ask("createBot", "CreateBotInput", "bot { id }", { name, source });
  await ask("updateBotConcurrency", "UpdateBotConcurrencyInput", "bot { id }",
    { botId: bot.id, limit });
  for (const priority of priorities) {
    await ask("startExecution", "StartExecutionInput", "execution { id }",
      { botId: bot.id, input: `Number ${priority}`, priority, concurrencyKey: "customer 7" });
  }
  return bot.id;
}"""


async def filled(page: Any, app: App) -> None:
    """Of each bot as many run as may, and the others wait."""
    rooms = app.rooms
    assert rooms is not None
    await page.evaluate(FILL, ["Nightly report", 2, [5, 5, 3, 9, 1]])
    await page.evaluate(FILL, ["Answers to customers", 1, [5, 5, 7]])
    await until(lambda: rooms.engine.runner.running == 3)


async def test_the_queue_says_what_waits_and_why_and_is_changed_there(
    real: tuple[App, str], watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, url = real
    end, page = answers_held(app, monkeypatch), (await watched()).page
    await sign_in(page, app, url)
    await filled(page, app)
    await page.goto(f"{url}/queue")
    rows = page.locator("[data-execution]")
    await expect(rows).to_have_count(5)
    await expect(rows.first).to_contain_text("The bot's limit")
    await expect(rows.first).to_contain_text("customer 7")
    await expect(rows.first.get_by_role("combobox")).to_have_value("9")
    await rows.last.get_by_role("combobox").select_option("8")
    await expect(rows.nth(1).get_by_role("combobox")).to_have_value("8")
    by_bot = page.get_by_role("navigation", name="By bot")
    await expect(by_bot).to_contain_text("2 of 2 running")
    await by_bot.get_by_role("link", name="Answers to customers").click()
    await expect(rows).to_have_count(2)
    await rows.first.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the execution").click()
    await expect(rows).to_have_count(1)
    await rows.first.get_by_role("link").click()
    await expect(page.get_by_text("Its bot runs as many at once as it may.")).to_be_visible()
    await page.go_back()
    await by_bot.get_by_role("link", name="All bots").click()
    await page.get_by_role("navigation", name="Part of the queue").get_by_text("Running").click()
    await expect(rows).to_have_count(3)
    await page.keyboard.press("j")
    await expect(rows.first.locator("a.cover")).to_be_focused()
    end.set()
    await expect(page.get_by_text("Nothing runs now")).to_be_visible(timeout=20_000)
    await page.get_by_role("navigation", name="Part of the queue").get_by_text("Waiting").click()
    await expect(page.get_by_text("Nothing waits")).to_be_visible()


async def test_the_limit_is_set_in_the_menu_of_the_bot(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    bot_id = await page.evaluate(FILL, ["Limited", 2, []])
    await page.goto(f"{url}/bots/{bot_id}")
    await page.locator("summary[aria-label=More]").click()
    await page.get_by_role("button", name="Run at once…").click()
    field = page.get_by_label("At most so many at once")
    await expect(field).to_have_value("2")
    await field.fill("3")
    await page.get_by_label("At most so many with the same key").fill("1")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The limits are set")).to_be_visible()
    bot = await Bot.get(name="Limited")
    assert (bot.max_running, bot.max_running_per_key) == (3, 1)


STEERED = """async (asked) => {
  for (const [name, type, input] of asked) {
    const query = `mutation($input: ${type}!) { ${name}(input: $input) { errors { message } } }`;
    const body = JSON.stringify({ query, variables: { input } });
    const headers = { "content-type": "application/json" };
    await fetch("/graphql", { method: "POST", headers, body });
  }
}"""
IN_TURN = """writer { "goal": "Write." }
chain { use wait with { event: "{{input}}" } writer }"""


async def test_an_open_page_is_told_that_its_execution_waits_for_a_place(
    real: tuple[App, str], watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waited for an event, and one that was paused: both need a place to go on."""
    app, url = real
    end, page = answers_held(app, monkeypatch), (await watched()).page
    await sign_in(page, app, url)
    bot_id = await page.evaluate(FILL, ["In turn", 1, [], IN_TURN])
    names = ["first", "second", "third"]
    given = [{"botId": bot_id, "input": name} for name in names]
    start = [["startExecution", "StartExecutionInput", one] for one in given]
    await page.evaluate(STEERED, start)
    found = await Execution.all().order_by("id")
    assert [one.input for one in found] == names
    second, third = (public_id("execution", one.id) for one in found[1:])
    other = await page.context.new_page()
    await page.goto(f"{url}/executions/{second}")
    await other.goto(f"{url}/executions/{third}")
    await expect(page.locator(".waiting h2")).to_have_text("Waits for an event")
    await other.get_by_role("button", name="Pause").click()
    await expect(other.locator(".waiting h2")).to_contain_text("Paused")

    emit = [["emitEvent", "EmitEventInput", {"name": name}] for name in names]
    await page.evaluate(STEERED, emit[:1])
    await until(lambda: app.rooms is not None and app.rooms.engine.runner.running == 1)
    await page.evaluate(STEERED, emit[1:2])
    await expect(page.locator(".waiting h2")).to_have_text("Waits for a place")
    await expect(page.get_by_role("button", name="Send this event")).to_have_count(0)
    await other.get_by_role("button", name="Resume").click()
    await expect(other.locator(".waiting h2")).to_have_text("Waits for a place")
    await expect(other.locator(".execution")).to_have_attribute("data-status", "PENDING")

    end.set()
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    await expect(other.locator(".waiting h2")).to_have_text("Waits for an event")
