"""A bot asks in the web app, on the real server, and a person answers in the page."""

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import Real, Watch, connected, real

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
