"""A run that rests, and one that failed after it had caught something, as a person sees them."""

from typing import Any

import pytest
from playwright.async_api import expect

from server.app import App
from tests.frontend.test_real_control import START, Watch
from tests.frontend.test_real_server import real, sign_in

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

RESTS = """chain { processor ("kinds") { "['ink', 'pens']" } map (result) { parallel {
  "ask": use ask with { message: "How many?" }
  "later": use wait with { seconds: 4000 }
} } }"""
CAUGHT = """chain {
  try { use spawn_baleybot with { baleybot: "Nobody" } } catch { select { e: error.message } }
  map (result.e) { use wait with { seconds: 1 } }
}"""


async def started(page: Any, url: str, name: str, source: str) -> Any:
    execution_id = await page.evaluate(START, [name, source])
    await page.goto(f"{url}/executions/{execution_id}")
    return page.locator(".execution")


async def test_what_rests_does_not_look_as_if_it_ran(real: tuple[App, str], watched: Watch) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    shown = await started(page, url, "Rests", RESTS)
    rows, detail = page.locator(".wf-row"), page.locator(".detail")
    for status in ("WAITING", "PAUSED"):
        await expect(shown).to_have_attribute("data-status", status, timeout=20_000)
        await expect(rows.filter(has_text="Waiting")).to_have_count(8)
        await expect(page.locator(".wf-row .spin, .bar[data-status=RUNNING]")).to_have_count(0)
        await rows.filter(has_text="later").first.click()
        words = "Waits with the execution" if status == "WAITING" else "Paused with the execution."
        await expect(detail).to_contain_text(words)
        await expect(detail.get_by_role("heading")).to_have_text("wait item 1, later")
        if status == "WAITING":
            await page.get_by_role("button", name="Pause").click()


async def test_the_queue_says_when_something_is_due(real: tuple[App, str], watched: Watch) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    shown = await started(page, url, "Later", "chain { use wait with { seconds: 4000 } }")
    await expect(shown).to_have_attribute("data-status", "WAITING", timeout=20_000)
    await page.goto(f"{url}/queue")
    row = page.locator("[data-execution]")
    await expect(row).to_contain_text("Not due yet, for another 1 h 6 min")


async def test_a_failed_run_opens_the_step_that_it_failed_at(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    shown = await started(page, url, "Caught", CAUGHT)
    await expect(shown).to_have_attribute("data-status", "FAILED", timeout=20_000)
    await expect(page.locator(".failure").first).to_contain_text("Failed at map")
    await expect(page.locator(".detail").get_by_role("heading")).to_have_text("map")
    await expect(page.locator(".wf-row[aria-current]")).to_contain_text("map")
