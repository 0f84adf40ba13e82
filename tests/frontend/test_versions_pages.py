"""Drafts, versions, bundles and many bots at once, in a real browser on the real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from server.app import App
from server.bots import drafts, exporting, publishing
from server.bots import service as bots
from server.bots.bundle import BundledBot, Contents, pack
from server.bots.publishing import Words
from server.core.ids import public_id
from server.models.tables import Bot, Member, User
from server.workspaces.access import Viewer, scopes_of
from tests.frontend.test_real_server import Watch, real, sign_in  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WRITER = 'writer {\n  "goal": "Sum up the text."\n}\n'
LATER = WRITER.replace("Sum up", "Translate")


async def owner() -> Viewer:
    member = await Member.get()
    user = await User.get(id=member.user_id)
    scopes = scopes_of(member.role)
    return Viewer(user.id, member.workspace_id, member.role, user.name, user.email, scopes=scopes)


async def saved(page: Any) -> None:
    await expect(page.locator(".save-state")).to_have_attribute("data-state", "saved")


async def test_undo_goes_on_where_the_last_visit_ended(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    bot = await bots.create(await owner(), WRITER, "Undone")
    await page.goto(f"{url}/bots/{public_id('bot', bot.id)}")
    text = page.locator(".cm-content")
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("# yesterday")
    await saved(page)
    await page.reload()
    await expect(text).to_contain_text("# yesterday")
    await text.click()
    await page.keyboard.press("Control+z")
    await expect(text).not_to_contain_text("# yesterday")
    await saved(page)
    assert (await Bot.get(id=bot.id)).source == WRITER
    await page.get_by_role("button", name="Redo").click()
    await expect(text).to_contain_text("# yesterday")

    await page.keyboard.press("Control+End")
    await page.keyboard.type(" and today")
    await saved(page)
    await page.keyboard.press("Control+z")
    await expect(text).not_to_contain_text("and today")
    await expect(text).to_contain_text("# yesterday")


async def test_who_saves_second_looks_at_the_difference_and_decides(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    viewer = await owner()
    bot = await bots.create(viewer, WRITER, "Both")
    await page.goto(f"{url}/bots/{public_id('bot', bot.id)}")
    text = page.locator(".cm-content")
    await expect(text).to_contain_text("Sum up")
    await drafts.save(viewer, bot.id, LATER, 1)
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("# mine")
    conflict = page.locator(".conflict")
    await expect(conflict).to_contain_text("Owner changed this bot just now")
    await conflict.get_by_role("button", name="See the difference").click()
    await expect(page.locator("dialog .diff mark")).to_have_text(["Translate", "Sum up"])
    await page.locator("dialog").get_by_role("button", name="Keep mine").click()
    await expect(conflict).to_be_hidden()
    assert (await Bot.get(id=bot.id)).source == WRITER + "# mine"
    undone = await drafts.undo(viewer, bot.id, (await Bot.get(id=bot.id)).draft_version)
    assert undone.source == LATER


async def test_versions_are_published_compared_and_restored(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    viewer = await owner()
    bot = await bots.create(viewer, WRITER, "Told")
    await publishing.publish(viewer, bot.id, words=Words("First", "It sums up."))
    await drafts.save(viewer, bot.id, LATER, 1)
    await page.goto(f"{url}/bots/{public_id('bot', bot.id)}/versions")
    await expect(page.locator(".diff-changes")).to_have_text("writer has a new goal")
    await page.locator(".bot-head").get_by_role("button", name="Publish").click()
    await page.get_by_label("What is new").fill("It translates.")
    await page.locator("dialog").get_by_role("button", name="Publish").click()
    live = page.locator(".version-list li", has_text="Live")
    await expect(live).to_contain_text("It translates.")
    await page.locator(".version-list li", has_text="It sums up.").locator("a").click()
    await page.locator(".version-detail").get_by_role("button", name="Publish").click()
    await page.locator("dialog").get_by_role("button", name="Publish").click()
    await expect(live).to_contain_text("First")
    assert (await Bot.get(id=bot.id)).source == LATER
    await page.locator(".version-detail").get_by_role("button", name="Restore").click()
    await expect(page.locator(".cm-content")).to_contain_text("Sum up")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+z")
    await expect(page.locator(".cm-content")).to_contain_text("Translate")


async def test_a_bundle_is_looked_at_decided_and_applied(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
    tmp_path: Path,
) -> None:
    app, url = real
    found = await watched()
    found.forgive("400 (Bad Request)")
    page = found.page
    await sign_in(page, app, url)
    await bots.create(await owner(), WRITER, "Mine")
    theirs = [BundledBot("Mine", LATER), BundledBot("New one", WRITER, ("weekly",))]
    (tmp_path / "bots.zip").write_bytes(pack(Contents(tuple(theirs))))
    (tmp_path / "wrong.zip").write_text("no zip")
    await page.goto(f"{url}/bots")
    await page.get_by_role("link", name="Import").click()
    chooser = page.get_by_label("Choose a bundle")
    await chooser.set_input_files(tmp_path / "wrong.zip")
    await expect(page.get_by_role("alert")).to_contain_text("not a zip file")
    await chooser.set_input_files(tmp_path / "bots.zip")
    apply = page.get_by_role("button", name="Import")
    await expect(apply).to_be_disabled()
    conflict = page.locator("[data-status=CONFLICT]")
    await conflict.get_by_role("button", name="+1 −1").click()
    await expect(conflict.locator(".diff mark")).to_have_text(["Sum up", "Translate"])
    await conflict.get_by_role("combobox").select_option(label="Take it as a copy")
    await apply.click()
    await expect(page.locator(".bot-card h2")).to_have_text(["New one", "Mine 2", "Mine"])
    bundle = await exporting.contents(await owner())
    assert [bot.name for bot in bundle.bots] == ["Mine", "Mine 2", "New one"]


async def test_many_bots_are_chosen_tagged_and_put_away_by_key(
    real: tuple[App, str],  # noqa: F811
    watched: Watch,
) -> None:
    app, url = real
    page = (await watched()).page
    await sign_in(page, app, url)
    viewer = await owner()
    for name in ("C", "B", "A"):
        await bots.create(viewer, WRITER, name)
    await page.goto(f"{url}/bots?sort=name")
    cards = page.locator("[data-choosable] [data-bot]")
    await cards.nth(0).locator("a").first.focus()
    await page.keyboard.press("x")
    await cards.nth(1).locator("a").first.focus()
    await page.keyboard.press("Shift+X")
    bar = page.get_by_role("toolbar", name="Chosen bots")
    await expect(bar).to_contain_text("2 chosen")
    await bar.get_by_role("button", name="Tag").click()
    await page.get_by_label("Tags").fill("weekly, old")
    await page.locator("dialog").get_by_role("button", name="Tag").click()
    await expect(cards.nth(1)).to_contain_text("weekly")
    await page.get_by_role("combobox", name="Tag").select_option("weekly")
    await expect(page.locator(".bot-card h2")).to_have_text(["A", "B"])
    await page.get_by_role("checkbox", name="Choose B").click()
    async with page.expect_download() as download:
        await bar.get_by_role("link", name="Export").click()
    assert (await download.value).suggested_filename == "bots.zip"
    await bar.get_by_role("button", name="Archive").click()
    await expect(page.locator(".bot-card h2")).to_have_text(["A"])
    await page.goto(f"{url}/bots?view=archived")
    await expect(page.locator(".bot-card h2")).to_have_text(["B"])
    await page.get_by_role("checkbox", name="Choose B").click()
    await bar.get_by_role("button", name="Take back").click()
    await expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()
