"""A bot asks in the web app, on the real server, and a person answers in the page."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import ASKING, Real, Watch, connected, real
from tests.support.model_server import Reply

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ORDER = """chain { use ask with {
  message: "How many shall I order, and in which colour?",
  fields: { count: "integer(min: 1)", colour: "enum('red', 'blue')", note: "?string" }
} processor ("said") { "result.colour + ' ' + result.count" } }"""


async def test_a_question_is_answered_in_a_form(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    await real.start(page, "Orders", ORDER)
    question = page.locator(".question")
    await expect(question).to_contain_text("A bot asks", timeout=20_000)
    await expect(question).to_contain_text("in which colour?")
    send = question.get_by_role("button", name="Answer", exact=True)
    await expect(send).to_be_disabled()
    await question.get_by_label("count").fill("3")
    await question.get_by_label("colour").select_option("blue")
    await expect(send).to_be_enabled()
    await send.click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=20_000
    )
    await expect(page.locator(".execution")).to_contain_text("blue 3")


BESIDE = """reader { "goal": "Tell the price.", "model": "openai:asking", "can_request": ["wait"] }
slow { "goal": "Take your time.", "model": "openai:slow" }
parallel { reader slow }
"""
AT_ONCE = """new MutationObserver(() => {
  if (window.pressed || !document.querySelector(".question .button")) return;
  window.pressed = true;
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "r", bubbles: true }));
}).observe(document, { childList: true, subtree: true })"""


async def test_a_key_counts_from_the_moment_the_question_is_there(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await connected(page, real)
    opened = asyncio.Event()
    real.models.script("asking", Reply(gate=opened, tool_calls=[("wait", {"seconds": 900})]))
    await page.add_init_script(AT_ONCE)
    await real.start(page, "Asking", ASKING)
    opened.set()
    await expect(page.get_by_label("Why not?")).to_be_focused(timeout=20_000)


async def test_a_reason_stays_when_another_branch_ends_meanwhile(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.script("asking", Reply(tool_calls=[("wait", {"seconds": 900})]))
    real.models.always("asking", Reply(text="Then I do not know."))
    written = asyncio.Event()
    real.models.always("slow", Reply(text="Done.", gate=written))
    await real.start(page, "Beside", BESIDE)
    shown, why = page.locator(".execution"), page.get_by_label("Why not?")
    await expect(page.locator(".question")).to_be_visible(timeout=20_000)
    await expect(shown).to_have_attribute("data-status", "RUNNING")
    await page.keyboard.press("r")
    await why.fill("Not today.")
    written.set()
    await expect(shown).to_have_attribute("data-status", "WAITING", timeout=20_000)
    await expect(why).to_have_value("Not today.")
    await expect(why).to_be_focused()
    await page.get_by_role("button", name="Reject", exact=True).click()
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    assert "Not today." in str(real.models.requests[-1].body)


GONE = """async (id) => {
  for (const name of ["cancelExecutions", "deleteExecutions"]) {
    const kind = name[0].toUpperCase() + name.slice(1);
    const query = `mutation($input: ${kind}Input!) { ${name}(input: $input) { doneCount } }`;
    const body = JSON.stringify({ query, variables: { input: { executionIds: [id] } } });
    const headers = { "content-type": "application/json" };
    await fetch("/graphql", { method: "POST", headers, body });
  }
}"""


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ('use wait with { event: "never" }', "WAITING"),
        ('processor ("one") { "result" }', "COMPLETED"),
    ],
)
async def test_whose_line_was_away_is_told_that_the_execution_was_deleted(
    real: Real, watched: Watch, source: str, status: str
) -> None:
    page = (await watched()).page
    lines: list[Any] = []
    away = False

    async def line(socket: Any) -> None:
        if away:
            await socket.close()
            return
        socket.connect_to_server()
        lines.append(socket)

    await page.route_web_socket(re.compile("/graphql"), line)
    await connected(page, real)
    execution_id = await real.start(page, "Goes", source)
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", status, timeout=20_000)
    away = True
    for socket in lines:
        await socket.close()
    await page.evaluate(GONE, execution_id)
    away = False
    await expect(page.get_by_role("alert")).to_contain_text("was deleted", timeout=30_000)
    for name in ("Cancel", "Rerun…"):
        await expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    await page.reload()
    await expect(page.get_by_text("There is no such execution")).to_be_visible()
