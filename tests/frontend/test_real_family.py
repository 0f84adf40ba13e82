"""Sub-bots in their parent's timeline, an event that is sent from the page, a comparison."""

import re

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_control import START, Real, Watch, real

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

CHILD = 'chain { processor ("half") { "result" } use wait with { event: "go.on", seconds: 600 } }'
PARENT = 'chain { use spawn_baleybot with { baleybot: "Child", input: "x" } }'
ASKS = 'use ask with { message: "Shall it go on?", choices: ["yes", "no"] }'
CALLS = 'use spawn_baleybot with { baleybot: "%s", input: "x" }'
EDITED = 'chain { processor ("one") { "result" } processor ("two") { "result + \'!\'" } }'

DELETE = """async (id) => {
  const query = `mutation($input: DeleteExecutionsInput!) {
    deleteExecutions(input: $input) { errors { message } } }`;
  const body = JSON.stringify({ query, variables: { input: { executionIds: [id] } } });
  const headers = { "content-type": "application/json" };
  await fetch("/graphql", { method: "POST", headers, body });
}"""


async def signed_in(page: object, real: Real) -> None:
    assert real.app.first_link is not None
    token = real.app.first_link.rpartition("token=")[2]
    await page.goto(f"{real.url}/signin?token={token}")  # type: ignore[attr-defined]


async def test_a_sub_bot_is_seen_in_its_parent_and_goes_on_by_an_event(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await signed_in(page, real)
    await page.evaluate(START, ["Child", CHILD])
    await real.start(page, "Parent", PARENT)
    nested = page.locator(".wf-nested")
    await expect(nested.locator(".wf-row", has_text="half")).to_be_visible(timeout=20_000)
    await nested.locator(".wf-row", has_text="half").click()
    await expect(page.locator(".detail h2")).to_have_text("half")
    await page.get_by_role("link", name="Open", exact=True).click()
    await expect(page.locator(".crumbs")).to_contain_text("Parent")
    await expect(page.locator("h1")).to_contain_text("sub-bot, level 1")
    await expect(page.locator(".waiting")).to_contain_text("go.on")
    await page.get_by_role("button", name="Send this event").click()
    await page.get_by_label("Data").fill('{"paid": 12}')
    await page.get_by_role("button", name="Send it").click()
    await page.locator(".crumb-bot").click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=20_000
    )
    await expect(page.locator(".fact-strip")).to_contain_text("1 sub-bot")


async def test_what_a_bot_far_below_asks_is_decided_on_the_page_of_the_first(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await signed_in(page, real)
    await page.evaluate(START, ["Asker", ASKS])
    await page.evaluate(START, ["Between", CALLS % "Asker"])
    await real.start(page, "First", CALLS % "Between")
    question = page.locator(".waiting .question", has_text="Shall it go on?")
    await expect(question).to_have_count(1, timeout=20_000)
    await expect(question).to_contain_text("Asker")
    await expect(page.locator(".waiting")).to_contain_text("waits for the decision below")
    await question.get_by_role("button", name="yes").click()
    await expect(page.locator(".execution")).to_have_attribute(
        "data-status", "COMPLETED", timeout=20_000
    )
    await expect(question).to_have_count(0)


async def test_a_page_of_an_ended_execution_is_told_when_it_is_deleted(
    real: Real, watched: Watch
) -> None:
    page = (await watched()).page
    await signed_in(page, real)
    await real.start(page, "Short", 'processor ("one") { "result" }')
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    await page.reload()
    await expect(page.get_by_role("button", name="Rerun…")).to_be_visible(timeout=20_000)
    await page.evaluate(DELETE, page.url.rpartition("/")[2])
    await expect(page.get_by_role("alert")).to_contain_text("was deleted", timeout=10_000)
    await expect(page.get_by_role("button", name="Rerun…")).to_have_count(0)


async def test_a_rerun_says_what_it_takes_over_and_is_compared(real: Real, watched: Watch) -> None:
    page = (await watched()).page
    await signed_in(page, real)
    await real.start(page, "Edited", EDITED)
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    first = page.url
    await page.get_by_role("button", name="Rerun…").click()
    await expect(page.locator(".estimate")).to_contain_text("Made anew")
    await page.get_by_role("button", name="Edit Input of the execution").click()
    await page.get_by_label("Input of the execution").fill('"End."')
    await page.get_by_role("button", name="Rerun", exact=True).click()
    await expect(page).not_to_have_url(re.compile(first.rpartition("/")[2]))
    await expect(shown).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    await page.get_by_role("link", name="Compare").click()
    await expect(page.locator("h1")).to_have_text("Edited, compared")
    await expect(page.locator(".comparison del").first).to_have_text("Begin.!")
    await expect(page.locator(".comparison ins").first).to_have_text("End.!")
