"""From a key to the bill, as one person does it on the first day: key, bot, trial, publish, run,
history, metrics, costs."""

import re

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import Real, Watch, connected, real
from tests.support.model_server import Reply

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SOURCE = 'writer {\n  "goal": "Write a line.",\n  "model": "openai:gpt-4o-mini"\n}\n'
PATIENT = 30_000


async def test_from_a_key_to_the_bill(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    real.models.always("gpt-4o-mini", Reply(text="Tea is older than its name.", gap=0.02))
    await connected(page, real)

    await page.goto(real.url + "/bots/new")
    await page.get_by_label("Name").fill("Tea line")
    await page.get_by_role("button", name="Create").click()
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(SOURCE)
    await expect(page.locator(".save-state")).to_have_text("Saved", timeout=PATIENT)

    await page.get_by_label("Input").fill("Tea.")
    await page.keyboard.press("Control+Enter")
    live = page.locator(".live")
    await expect(live).to_have_attribute("data-status", "COMPLETED", timeout=PATIENT)
    await expect(live.locator("article").first).to_contain_text("Tea is older than its name.")
    tokens = live.locator(".run-facts div", has_text="Tokens").locator("dd")
    assert int(await tokens.inner_text()) > 0
    facts = live.locator(".step-facts")
    await expect(facts).to_contain_text(re.compile(r"first token \d+ ms"))
    await expect(facts).to_contain_text(re.compile(r"[\d.]+ tokens/s"))

    await page.get_by_role("button", name="Publish", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    await expect(page.locator(".bot-head")).to_contain_text("Active", timeout=PATIENT)
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(
        page.locator(".panel", has_text="Last executions").locator("tbody tr")
    ).to_have_count(2, timeout=PATIENT)
    await page.get_by_role("link", name="Executions", exact=True).click()
    await expect(page.locator("tbody tr", has_text="Completed")).to_have_count(2, timeout=PATIENT)

    await page.get_by_role("link", name="Bots", exact=True).click()
    await expect(page.locator(".kpis")).to_contain_text("100%", timeout=PATIENT)
    await page.get_by_role("link", name="Costs", exact=True).click()
    await expect(page.locator("main")).to_contain_text("Tea line", timeout=PATIENT)
    await expect(page.locator("main")).to_contain_text("gpt-4o-mini")
    assert real.models.count() == 2
