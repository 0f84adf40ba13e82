"""Help of the server in the editor of the real web app: completion, hover, definition."""

from typing import Any

import pytest
from playwright.async_api import expect

from server.app import App
from tests.frontend.conftest import Watched
from tests.frontend.test_real_server import Watch, real, sign_in  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


async def studio(watched: Watch, app: App, url: str) -> tuple[Watched, Any]:
    found = await watched()
    await sign_in(found.page, app, url)
    await found.page.get_by_role("button", name="Run now: Article digest").click()
    # The editor is asked only when the run that the button starts is over and nothing moves.
    live = found.page.locator(".live")
    await expect(live).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    editor = found.page.locator(".cm-content")
    await editor.focus()
    await found.page.keyboard.press("Control+End")
    return found, found.page


async def test_the_server_completes_explains_and_finds_names(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    found, page = await studio(watched, *real)
    offered = page.locator(".cm-tooltip-autocomplete li")
    await page.keyboard.type('\nz { "goal": "Z 😀", "tools": ["sto')
    await expect(offered).to_have_text(["store_memory"])
    await offered.click()
    await page.keyboard.press("End")
    await page.keyboard.type('\nloop ("max": 2) { wri')
    await expect(offered).to_have_text(["writer"])
    await offered.click()
    step = page.locator(".cm-line", has_text="loop (").get_by_text("writer", exact=True)
    # The list of mistakes opens below the text, and the line that was written stays in view.
    await expect(page.get_by_text("is never run", exact=False).last).to_be_visible()
    await expect(step).to_be_in_viewport(ratio=1)
    await step.hover()
    await expect(page.locator(".cm-explain")).to_contain_text("Write a digest")
    await step.click()
    await page.keyboard.press("F12")
    active = page.locator(".cm-activeLine")
    await expect(active).to_have_text("writer {")
    await step.click()
    await expect(active).to_contain_text("loop")
    await step.click(modifiers=["Control"])
    await expect(active).to_have_text("writer {")
    found.check()


async def test_an_entity_is_renamed_wherever_it_stands(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    found, page = await studio(watched, *real)
    text = page.locator(".cm-content")
    await page.keyboard.type("\nspare {\n")
    await page.keyboard.type('"goal": "Spare 🦉"')
    await page.keyboard.press("Control+End")
    await page.keyboard.type('\nloop ("max": 2) { spare')
    await page.keyboard.press("Escape")
    await page.keyboard.press("F2")
    field = page.get_by_label("New name, everywhere it is used")
    await field.fill("writer")
    await field.press("Enter")
    await expect(page.locator("dialog .field-error")).to_contain_text("writer")
    await field.fill("editor")
    await field.press("Enter")
    await expect(field).to_be_hidden()
    await expect(text).to_contain_text("{ editor")
    await expect(text).not_to_contain_text("spare")
    await page.keyboard.press("Control+z")
    await expect(text).to_contain_text("{ spare")
    found.check()


async def test_what_a_tool_takes_is_shown_while_it_is_written(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    found, page = await studio(watched, *real)
    await page.keyboard.type("\nuse store_memory with { ")
    shown = page.locator(".cm-signature")
    await expect(shown).to_contain_text("store_memory(action")
    for _ in range(2):  # the first one is for the list of completions, where that is on its way
        await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()
    await page.keyboard.press("Control+Shift+Space")
    await expect(shown).to_contain_text("store_memory(action")
    found.check()
