"""Doing again what failed, and from a tool call inside an entity, on the page of an execution."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.frontend.test_real_repairs import Open, Watch, ends, opened
from tests.support.model_server import Reply

__all__ = ["opened"]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LIST = """second { "goal": "Say two.", "model": "openai:two", "retries": 0, "fallbacks": [] }
chain { processor ("three") { "['a', 'b', 'c']" } map (result, errors: collect) { second } }
"""
KEEPER = """second { "goal": "Keep it.", "model": "openai:one", "tools": ["shared_storage"] }
"""
REFUSED = Reply(status=400, error="this prompt is refused")


def said(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


async def test_only_the_items_that_failed_are_done_again(opened: Open, watched: Watch) -> None:
    models = opened.real.models
    models.always("two", lambda asked: REFUSED if said(asked) == "b" else Reply(text=said(asked)))
    page = await opened.start(watched, LIST)
    await ends(page)
    models.always("two", lambda asked: Reply(text=f"again {said(asked)}"))
    await page.get_by_role("button", name="Redo what failed").click()
    dialog = page.locator("dialog[open]")
    await expect(dialog.locator(".estimate")).to_contain_text("2 calls")
    await expect(dialog.locator(".estimate dd").last).to_contain_text("1 call")
    await dialog.get_by_role("button", name="Rerun").click()
    await page.wait_for_url("**/executions/*")
    await expect(page.locator(".family")).to_contain_text("Rerun of")
    await ends(page)
    await expect(page.locator(".wf-row", has_text="reused, no cost")).to_have_count(2)
    await expect(page.get_by_role("button", name="Redo what failed")).to_have_count(0)


async def test_a_tool_call_of_a_model_is_done_again_with_other_arguments(
    opened: Open, watched: Watch
) -> None:
    def asks(asked: dict[str, Any]) -> Reply:
        told = [one for one in asked["messages"] if one["role"] == "tool"]
        if len(told) == 2:
            return Reply(text="Kept.")
        key = "first" if not told else "then"
        given = {"action": "write", "key": key, "value": 1}
        return Reply(tool_calls=[("shared_storage", given)])

    models = opened.real.models
    models.always("one", asks)
    page = await opened.start(watched, KEEPER)
    await ends(page)
    before = len(models.requests)
    await page.locator(".wf-row", has_text="shared_storage").last.click()
    await page.get_by_role("button", name="Rerun from here").click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_role("button", name="Edit Arguments of shared_storage").click()
    field = dialog.get_by_label("Arguments of shared_storage")
    await field.fill('{"action": "write", "key": "other", "value": 2}')
    await dialog.get_by_role("button", name="Rerun").click()
    await expect(page.locator(".family")).to_contain_text("Rerun of")
    await ends(page)
    assert len(models.requests) - before == 1
    rows = page.locator(".wf-row", has_text="shared_storage")
    await expect(rows.first).to_contain_text("reused, no cost")
    await rows.last.click()
    await page.get_by_role("tab", name="Arguments").click()
    await expect(page.locator(".detail-body")).to_contain_text("other")
