"""A long list of incidents on the real server: older ones are shown, and a pattern is closed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from playwright.async_api import expect

from server.app import App
from server.core.ids import new_uuid
from server.models.enums import FailureClass
from server.models.tables import Incident, Member
from tests.frontend.test_real_server import Watch, real, sign_in

__all__ = ["real"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
COUNT = 155


async def many(name: str, count: int, bot: UUID) -> None:
    """A step of a bot that is gone failed so often, once a minute."""
    member = await Member.all().first()
    assert member is not None
    now = datetime.now(UTC)
    rows = [
        Incident(
            workspace_id=member.workspace_id,
            bot_id=bot,
            execution_id=new_uuid(),
            step_key=name,
            name=name,
            failure_class=FailureClass.TRANSIENT,
            kind="provider_unavailable",
            message=f"Away, time {number}.",
            action="none",
            created_at=now - timedelta(minutes=count - number),
        )
        for number in range(count)
    ]
    await Incident.bulk_create(rows)


async def test_older_ones_are_shown_and_a_pattern_is_closed_as_one(
    real: tuple[App, str], watched: Watch
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    bot = new_uuid()
    await many("writer", COUNT, bot)
    await many("reader", 2, bot)
    await page.goto(f"{url}/incidents")
    rows, more = page.locator(".incidents li"), page.get_by_role("button", name="Show more")
    await expect(rows).to_have_count(50)
    await expect(page.locator(".pager")).to_contain_text("107 older ones follow")
    await more.click()
    await expect(rows).to_have_count(150)
    await expect(page.locator(".pager")).to_contain_text("7 older ones follow")
    await more.click()
    await expect(rows).to_have_count(157)
    await expect(more).to_have_count(0)
    await expect(rows.last).to_contain_text("Away, time 0.")
    pattern = page.locator(".pattern").filter(has_text="writer")
    await expect(pattern.locator(".pattern-bars i")).to_have_count(30)
    other = page.locator(".pattern").filter(has_text="reader")
    await other.get_by_role("link", name="2 open").click()
    await expect(rows).to_have_count(2)
    await expect(rows.first.get_by_role("link")).to_contain_text("reader")
    await page.get_by_role("link", name="Show all of them").click()
    await expect(rows).to_have_count(50)
    await pattern.get_by_role("button", name="Close all…").click()
    await expect(page.get_by_role("dialog")).to_contain_text("older ones too")
    await page.get_by_label("What was done about it").fill("Renewed the key")
    await page.get_by_role("button", name="Close all", exact=True).click()
    await expect(page.get_by_text("155 incidents closed.")).to_be_visible()
    await expect(rows).to_have_count(2)
    await expect(pattern.get_by_role("button", name="Close all…")).to_have_count(0)
    await page.get_by_role("link", name="Closed").click()
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("Renewed the key")
    await more.click()
    await expect(rows).to_have_count(150)
    assert await Incident.filter(note="Renewed the key").count() == COUNT
