"""Moments of an execution: found by name, marked, and begun again from, on the real server."""

import re

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import PAIR, Real, Watch, connected, real
from tests.support.model_server import Reply

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

# Goes to the bookmark and presses "Rerun from this moment" twice, faster than the address follows.
QUICK = """async () => {
  const named = (text) => [...document.querySelectorAll(".moments button")]
    .find((one) => one.textContent.trim() === text);
  named("Before the second").click();
  await new Promise(requestAnimationFrame);
  named("Rerun from this moment").click();
  named("Rerun from this moment").click();
}"""


async def test_a_moment_is_marked_found_again_and_begun_from(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    real.models.always("one", Reply(text="One."))
    real.models.always("two", Reply(text="Two."))
    old = await real.start(page, "Pair", PAIR)
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    await page.get_by_role("button", name="Time travel").click()
    moments = page.get_by_label("Go to a moment")
    await expect(moments.locator("option", has_text="first completed")).to_have_count(1)
    words = await moments.locator("option", has_text="first completed").inner_text()
    await moments.select_option(label=words)
    await expect(shown).to_have_attribute("data-status", "RUNNING")
    await page.get_by_role("button", name="Bookmark").click()
    await page.get_by_label("Name of the bookmark").fill("Before the second")
    await page.keyboard.press("Enter")
    mark = page.get_by_role("list", name="Bookmarks")
    await expect(mark).to_contain_text("Before the second")
    await page.reload()
    await expect(mark).to_contain_text("Before the second")
    await page.get_by_role("button", name="Event after").click()
    await page.evaluate(QUICK)
    await expect(page).not_to_have_url(re.compile(old))
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    await expect(page).not_to_have_url(re.compile("at="))
    await expect(page.locator(".wf-row", has_text="first")).to_contain_text("reused, no cost")
    assert (real.models.count("one"), real.models.count("two")) == (1, 2)
    await page.goto(f"{real.url}/executions/{old}?at=3")
    await mark.get_by_role("button", name="Remove the bookmark").click()
    await expect(mark).to_have_count(0)
