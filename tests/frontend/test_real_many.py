"""Several executions chosen in the list, cancelled and deleted, on the real server."""

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import START, Real, Watch, connected, real

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

WAITS = 'use wait with { event: "never" }'


async def test_chosen_ones_are_cancelled_and_deleted(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await connected(page, real)
    for number in range(3):
        await page.evaluate(START, [f"Waits {number}", WAITS])
    await page.goto(f"{real.url}/executions")
    rows, bar = page.locator("[data-execution]"), page.locator(".bulk-bar")
    await expect(rows.filter(has_text="Waiting")).to_have_count(3, timeout=20_000)
    await rows.nth(0).get_by_role("checkbox").click()
    await rows.nth(1).get_by_role("checkbox").click(modifiers=["Shift"])
    await expect(bar).to_contain_text("2 chosen")
    await rows.nth(1).hover()
    await page.keyboard.press("x")
    await expect(bar).to_contain_text("1 chosen")
    await page.keyboard.press("x")
    await expect(bar.get_by_role("button", name="Delete")).to_be_disabled()
    await bar.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel them").click()
    await expect(rows.filter(has_text="Cancelled")).to_have_count(2, timeout=15_000)
    await expect(rows.filter(has_text="Waiting")).to_have_count(1)
    await expect(bar).to_have_count(0)
    await rows.nth(0).get_by_role("checkbox").click()
    await bar.get_by_role("button", name="All 3").click()
    await bar.get_by_role("button", name="Delete 2").click()
    await page.get_by_role("button", name="Delete them").click()
    await expect(rows).to_have_count(1, timeout=15_000)
    await expect(rows).to_contain_text("Waiting")
