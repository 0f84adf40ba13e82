"""The settings on the real server: a person gets a password, asks somebody in, makes a token, goes
from one workspace to another."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from frontend.pages.audit import changes
from server.app import App, build_app
from server.core.settings import load_settings
from server.models.enums import Role
from server.workspaces import accounts
from tests.frontend.conftest import Watched
from tests.support.front import on_a_port

Watch = Callable[..., Awaitable[Watched]]
PASSWORD = "nine green lanterns"


@pytest_asyncio.fixture
async def real(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    app = build_app(load_settings({}, data_dir=str(tmp_path)))
    async with app.running(), on_a_port(app) as url:
        yield app, url


async def enter(page: Any, url: str, path: str = "/settings/members") -> None:
    await page.goto(f"{url}/signin?token={await accounts.make_link()}")
    await page.goto(f"{url}{path}")


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_a_password_is_set_and_signs_in(real: tuple[App, str], watched: Watch) -> None:
    _, url = real
    page = (await watched()).page
    await enter(page, url, "/settings/account")
    await page.get_by_role("button", name="Set a password").click()
    await page.get_by_label("New password").fill("short")
    await page.get_by_role("button", name="Set it").click()
    await expect(page.get_by_text("A password has 12 to 200 characters")).to_be_visible()
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_role("button", name="Set it").click()
    await expect(page.get_by_role("button", name="Change it")).to_be_visible()
    await page.get_by_role("button", name="Change", exact=True).click()
    await page.get_by_label("E-mail").fill("ada@example.org")
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".page-note")).to_have_text("ada@example.org")
    await page.locator(".person-menu summary").click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_label("E-mail").fill("ada@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("link", name="Baleybots, all bots")).to_be_visible()


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_somebody_is_asked_in_and_joins(real: tuple[App, str], watched: Watch) -> None:
    _, url = real
    page = (await watched()).page
    await enter(page, url)
    await page.get_by_role("button", name="Invite somebody").click()
    await page.get_by_label("E-mail").fill("bo@example.org")
    await page.get_by_label("Role", exact=True).select_option("OPERATOR")
    await page.get_by_role("button", name="Make the link").click()
    link = await page.get_by_label("Link").input_value()
    assert link.startswith(f"{url}/join?token=")
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator("[data-invitation='bo@example.org']")).to_be_visible()
    guest = (await watched()).page
    await guest.goto(link)
    await guest.get_by_label("Your name").fill("Bo Lindqvist")
    await guest.get_by_label("Password").fill(PASSWORD)
    await guest.get_by_role("button", name="Join").click()
    await expect(guest.get_by_role("link", name="Baleybots, all bots")).to_be_visible()
    await page.reload()
    row = page.locator("[data-member='bo@example.org']")
    await expect(row.get_by_label("Role of Bo Lindqvist")).to_have_value("OPERATOR")
    await row.get_by_label("Role of Bo Lindqvist").select_option("VIEWER")
    await expect(page.get_by_text("Bo Lindqvist is viewer from now on.")).to_be_visible()
    await row.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    await expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_a_token_is_made_used_and_revoked(real: tuple[App, str], watched: Watch) -> None:
    app, url = real
    assert app.rooms is not None
    page = (await watched()).page
    await enter(page, url, "/settings/tokens")
    await expect(page.locator("[data-points]")).to_contain_text("points for requests in a minute")
    await page.get_by_role("button", name="New token").first.click()
    await page.get_by_label("Name").fill("Nightly")
    await page.get_by_label("It may").select_option("some")
    await page.get_by_label("executions:run").check()
    await page.get_by_role("button", name="Make the token").click()
    token = await page.get_by_label("Token", exact=True).input_value()
    await page.get_by_role("button", name="Done").click()
    found = await app.rooms.recogniser.by_token(token)
    assert found is not None
    assert found[0].scopes == {"executions:run"}
    row = page.locator("[data-token='Nightly']")
    await expect(page.get_by_label("Token", exact=True)).to_have_count(0)
    assert token not in await page.content()
    await row.get_by_role("button", name="Revoke").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    await expect(row).to_have_count(0)
    assert await app.rooms.recogniser.by_token(token) is None


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_from_one_workspace_to_another_in_every_tab(
    real: tuple[App, str], watched: Watch
) -> None:
    _, url = real
    page = (await watched()).page
    await enter(page, url, "/settings/workspace")
    other = await page.context.new_page()
    await other.goto(f"{url}/settings/workspace")
    await expect(other.locator(".page-note")).to_have_text("My workspace")
    await page.get_by_role("button", name="New workspace").click()
    await page.get_by_label("Name").fill("Second home")
    await page.get_by_role("button", name="Make it").click()
    await page.get_by_role("button", name="Go to Second home").click()
    await expect(page.locator(".person small")).to_have_text("Second home")
    await expect(other.locator(".page-note")).to_have_text("Second home")
    await page.locator(".person-menu summary").click()
    await page.get_by_role("button", name="My workspace", exact=True).click()
    await expect(page.locator(".person small")).to_have_text("My workspace")


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_the_audit_log_is_narrowed_and_taken_along(
    real: tuple[App, str], watched: Watch
) -> None:
    _, url = real
    page = (await watched()).page
    await accounts.add_user("ada@example.org", "Ada", Role.EDITOR)
    await enter(page, url, "/settings/audit")
    await expect(page.locator("[data-action='member.added']")).to_be_visible()
    await page.get_by_label("What").select_option("member")
    await expect(page.locator("[data-action='session.started']")).to_have_count(0)
    await page.locator("[data-action='member.added'] summary").click()
    await expect(page.locator(".diff-table ins", has_text="ada@example.org")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="JSON lines").click()
    path = await (await downloading.value).path()
    lines = await asyncio.to_thread(Path(path).read_text)
    assert {json.loads(line)["subjectKind"] for line in lines.splitlines()} == {"member"}
    await page.get_by_label("Search names").fill("nobody of this name")
    await expect(page.get_by_text("Nothing matches")).to_be_visible()
    await expect(page).to_have_url(re.compile("text=nobody"))


def test_changes_are_what_is_not_the_same() -> None:
    before = {"name": "A", "same": 1, "tags": ["x"], "deep": {"on": True}, "gone": "y"}
    after = {"name": "B", "same": 1, "tags": ["x", "z"], "deep": {"on": False}, "new": None}
    assert changes(before, after) == [
        ("name", "A", "B"),
        ("tags", "x", "x, z"),
        ("deep.on", "yes", "no"),
        ("gone", "y", None),
    ]
    assert changes(None, {"a": "b"}) == [("a", None, "b")]
    assert changes(None, None) == []
