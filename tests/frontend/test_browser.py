"""What a person does, in a real browser under the real content policy."""

import asyncio
import os
import re
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from frontend import mount
from tests.frontend.conftest import OpenSite, Site, Watched
from tests.frontend.scripts import CRITIQUE
from tests.frontend.slow_line import SlowLine
from tests.frontend.world import World
from tests.support.waiting import until

pytestmark = pytest.mark.browser

Watch = Callable[..., Awaitable[Watched]]
JS = Path(mount.__file__).parent / "js"
PHONE = {"width": 360, "height": 760}
TYPED = 'scribe {\n"goal": "Note what is said, word for word."\n'


def bot_of(world: World) -> dict[str, Any]:
    return next(iter(world.bots.values()))


def pages_of(world: World) -> list[str]:
    failed = next(e for e in world.executions.values() if e["status"] == "FAILED")
    return [
        "/bots",
        "/bots/new",
        f"/bots/{bot_of(world)['id']}",
        "/executions",
        "/approvals",
        "/connections",
        "/costs",
        f"/executions/{failed['id']}",
    ]


async def settled(page: Any) -> None:
    await expect(page.locator("main h1").first).to_be_attached()
    await expect(page.locator("[aria-busy]")).to_have_count(0)


async def eventually(read: Callable[[], Any], wanted: Any) -> None:
    await until(lambda: read() == wanted)


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The accessibility checker; from the lock file when it is not there yet."""
    file = JS / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        from tests.house.test_bundle import NODE, NPM

        path = f"{NODE}{os.pathsep}{os.environ['PATH']}"
        command = [*NPM, "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=JS, check=True, env={**os.environ, "PATH": path})
    return file.read_text(encoding="utf-8")


def furnished(world: World) -> None:
    """Every kind of thing that the pages can show."""
    waiting = world.add_execution(bot_of(world), "WAITING", ago=240)
    world.ask(waiting, "send_mail", {"to": "all@example.com", "urgent": False, "tries": 2})
    choices = ["retry", "skip", "continue", "fail"]
    reason = "The provider refused the content."
    world.ask(waiting, "send_mail", None, kind="REMEDY", choices=choices, reason=reason)
    world.ask(waiting, "send_mail", {"to": "me"}, status="REJECTED", decidedBy="Grace", note="No.")
    world.add_connection("Main")
    world.add_connection("Spare", "anthropic", ok=False)
    circuit = {"provider": "openai", "model": "gpt-5", "connectionId": None, "state": "open"}
    world.circuits = [{**circuit, "failures": 5, "retryIn": 22.4, "why": "It is overloaded."}]
    world.spend()
    world.add_budget("100", "Everything", percent=92.5)
    world.add_budget("5", "Small", percent=12)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_pages_have_no_accessibility_fault(
    site: Site, watched: Watch, axe_source: str, theme: str
) -> None:
    page = (await watched(color_scheme=theme, reduced_motion="reduce")).page
    furnished(site.world)
    for path in pages_of(site.world):
        await page.goto(site.url + path)
        await settled(page)
        await page.evaluate(axe_source)
        found = await page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
        )
        told = [
            (v["id"], node["target"], node["failureSummary"])
            for v in found["violations"]
            for node in v["nodes"]
        ]
        assert told == [], f"{path} in {theme}"


async def test_nothing_scrolls_sideways_on_a_phone(site: Site, watched: Watch) -> None:
    page = (await watched(viewport=PHONE)).page
    furnished(site.world)
    for path in pages_of(site.world):
        await page.goto(site.url + path)
        await settled(page)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path


@pytest.mark.parametrize("pause", [0, 25])
async def test_no_typed_character_is_lost_on_a_slow_line(
    site: Site, watched: Watch, pause: int
) -> None:
    async with SlowLine(site.port) as line:
        page = (await watched()).page
        await page.goto(line.url + "/bots")
        field = page.get_by_label("Filter bots")
        await field.press_sequentially("Invoice matcher", delay=pause)
        await expect(page.locator("article")).to_have_count(1)
        await expect(field).to_have_value("Invoice matcher")

        bot = site.world.add_bot("Blank", "")
        await page.goto(f"{line.url}/bots/{bot['id']}")
        await page.locator(".cm-content").click()
        await page.keyboard.type(TYPED, delay=pause)
        await expect(page.locator(".save-state")).to_have_text("Saved")
        shown = await page.locator(".cm-line").all_inner_texts()
        assert bot["source"].split() == TYPED.split() + ["}"]
        assert " ".join(shown).split() == bot["source"].split()


async def test_mistake_is_marked_while_typing_and_leads_to_its_place(
    site: Site, watched: Watch
) -> None:
    page = (await watched()).page
    await page.goto(f"{site.url}/bots/{bot_of(site.world)['id']}")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("oops")
    await expect(page.locator(".cm-lintRange-error")).to_have_text("oops")
    problem = page.locator(".problems li")
    await expect(problem).to_contain_text("There is no entity named “oops”.")
    await expect(problem).to_contain_text("Define it, or use one of the names above.")
    await page.keyboard.press("Control+Home")
    await problem.locator("button").click()
    await page.keyboard.type("!")
    await expect(page.locator(".cm-content")).to_contain_text("!oops")


async def test_run_streams_live_and_ends_with_the_result(site: Site, watched: Watch) -> None:
    page = (await watched()).page
    await page.goto(f"{site.url}/bots/{bot_of(site.world)['id']}")
    await expect(page.locator(".cm-content")).to_be_visible()
    await page.get_by_label("Input").fill("An article about small grids.")
    site.world.pace = 0.03
    await page.keyboard.press("Control+Enter")
    live = page.locator(".live")
    await expect(live.locator("article", has_text="summarizer")).to_be_visible()
    await expect(live).to_have_attribute("data-status", "COMPLETED")
    await expect(live.locator(".result")).to_contain_text("Grids that can fall apart")
    await expect(live.locator(".run-facts")).to_contain_text("1,730")
    assert list(site.world.executions.values())[-1]["input"] == "An article about small grids."


async def test_reload_in_the_middle_shows_every_word_once(site: Site, watched: Watch) -> None:
    page, world, gate = (await watched()).page, site.world, asyncio.Event()
    words = [f"word{number}" for number in range(120)]

    async def in_two_halves(_: World, execution: dict[str, Any]) -> None:
        execution.update(status="RUNNING", startedAt=execution["createdAt"])
        await world.tell(execution, "execution.started")
        await world.tell(execution, "step.started", "poet", name="poet", type="entity", position=0)
        for number, word in enumerate(words):
            if number == len(words) // 2:
                await gate.wait()
            await world.tell(execution, "step.delta", "poet", text=f"{word} ")
        gate.clear()
        await gate.wait()
        execution.update(status="COMPLETED", finishedAt=execution["createdAt"])
        await world.tell(execution, "execution.completed")

    world.script = in_two_halves
    started = await world.do_StartExecution({"input": {"botId": bot_of(world)["id"]}})
    execution = started["startExecution"]["execution"]
    await page.goto(f"{site.url}/executions/{execution['id']}")
    text = page.locator(".live-scroll .prose")
    await expect(text).to_contain_text("word59")
    await page.reload()
    await expect(text).to_contain_text("word59")
    gate.set()
    await expect(text).to_contain_text("word119")
    assert (await text.inner_text()).split() == words
    gate.set()
    shown = page.locator(".execution")
    await expect(shown).to_have_attribute("data-status", "COMPLETED")
    await expect(shown).to_have_attribute("data-seq", str(len(world.events[execution["id"]])))


async def test_tries_of_a_tool_are_bars_of_their_own_while_it_runs(
    site: Site, watched: Watch
) -> None:
    page, world, gate = (await watched()).page, site.world, asyncio.Event()

    async def stumbling(_: World, execution: dict[str, Any]) -> None:
        execution.update(status="RUNNING", startedAt=execution["createdAt"])
        await world.tell(execution, "execution.started")
        await world.tell(execution, "step.started", "pay", name="pay", type="tool", position=0)
        await world.tell(execution, "tool.failed", "pay", message="Too busy.", retryIn=0.05)
        await gate.wait()
        await world.tell(execution, "step.completed", "pay", output="paid")

    world.script = stumbling
    started = await world.do_StartExecution({"input": {"botId": bot_of(world)["id"]}})
    await page.goto(f"{site.url}/executions/{started['startExecution']['execution']['id']}")
    tries = page.locator(".wf-row", has_text="pay").locator(".attempt")
    await expect(tries).to_have_count(2)
    await expect(tries.first).to_have_attribute("title", re.compile(r"^Attempt 1: failed .*busy"))
    await expect(tries.last).to_have_attribute("data-status", "RUNNING")
    gate.set()
    await expect(tries.last).to_have_attribute("title", re.compile("^Attempt 2: answered after"))


AT_THE_END = """() => {
  const box = document.querySelector(".live-scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}"""


# A wheel moves the text bit by bit, for as long as the machine takes for it.
AT_REST = """async (box) => {
  for (let frames = 0, last = -1; frames < 20; frames += 1) {
    if (box.scrollTop !== last) frames = 0;
    last = box.scrollTop;
    await new Promise(requestAnimationFrame);
  }
  return box.scrollTop;
}"""


@pytest.mark.timeout(90)
async def test_server_that_restarts_loses_no_text_and_no_event(
    world: World, site_of: OpenSite, watched: Watch
) -> None:
    site = await site_of(world)
    guest = await watched()
    guest.forgive("WebSocket connection", "ERR_CONNECTION_REFUSED", "net::")
    page = guest.page
    await page.goto(f"{site.url}/bots/{bot_of(world)['id']}")
    await page.locator(".cm-content").click()
    await expect(page.locator(".save-state")).to_have_text("Saved")
    world.pace = 0.08
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".live .prose").first).to_contain_text("article")
    await site.stop()
    await expect(page.locator("#offline")).to_be_visible()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("# kept\n")
    started = len(world.executions)
    await page.get_by_role("button", name="Publish").click()
    await site.start()
    await expect(page.locator("#offline")).to_be_hidden(timeout=15_000)
    await eventually(lambda: bot_of(world)["source"].startswith("# kept\n"), True)
    live = page.locator(".live")
    await expect(live).to_have_attribute("data-status", "COMPLETED", timeout=20_000)
    text = await live.locator("article", has_text="critic").inner_text()
    assert text.count("Ask for the figures") == CRITIQUE.count("Ask for the figures")
    assert bot_of(world)["published"]["number"] == 3, "a click made while offline was replayed"
    assert len(world.executions) == started


async def test_reader_who_scrolls_up_is_left_alone(site: Site, watched: Watch) -> None:
    page = (await watched(viewport={"width": 1280, "height": 520})).page
    world, more = site.world, asyncio.Event()

    async def long(_: World, execution: dict[str, Any]) -> None:
        execution.update(status="RUNNING", startedAt=execution["createdAt"])
        await world.tell(execution, "execution.started")
        await world.tell(execution, "step.started", "poet", name="poet", type="entity", position=0)
        for number in range(140):
            if number in (41, 91):
                await more.wait()
                more.clear()
            await world.tell(execution, "step.delta", "poet", text=f"Line {number}.\n\n")
        await asyncio.Event().wait()

    world.script = long
    started = await world.do_StartExecution({"input": {"botId": bot_of(world)["id"]}})
    await page.goto(f"{site.url}/executions/{started['startExecution']['execution']['id']}")
    box = page.locator(".live-scroll")
    await expect(box).to_contain_text("Line 40.")
    await page.wait_for_function(AT_THE_END)
    await box.hover()
    await page.mouse.wheel(0, -400)
    jump = page.get_by_role("button", name="Jump to live")
    await expect(jump).to_be_visible()
    place = await box.evaluate(AT_REST)
    more.set()
    await expect(box).to_contain_text("Line 90.")
    assert abs(await box.evaluate("e => e.scrollTop") - place) < 5
    await jump.click()
    await expect(jump).to_be_hidden()
    more.set()
    await expect(box).to_contain_text("Line 139.")
    await page.wait_for_function(AT_THE_END)
    for task in world.tasks:
        task.cancel()


async def test_failed_execution_opens_at_the_step_that_failed(site: Site, watched: Watch) -> None:
    page = (await watched()).page
    await page.goto(site.url + pages_of(site.world)[-1])
    await expect(page.locator(".failure").first).to_contain_text("has no model named")
    await expect(page.locator(".failure").first).to_contain_text("Name a model that the provider")
    await expect(page.locator(".wf-row[aria-current]")).to_contain_text("editor")
    await expect(page.get_by_role("tab", name="Error")).to_have_attribute("aria-selected", "true")
    await page.get_by_role("tab", name="Model").click()
    await expect(page.locator(".facts")).to_contain_text("openai:gpt-5-mini")
    await expect(page).to_have_url(re.compile("tab=facts"))


async def test_answer_of_a_model_cannot_run_script_or_load_pictures(
    site: Site, watched: Watch
) -> None:
    page = (await watched()).page
    evil = (
        '<img src=x onerror="window.hit=1"> ![p](https://example.com/p.png) <script>hit=1</script>'
    )
    execution = site.world.add_execution(bot_of(site.world), "COMPLETED", 9, 900, output=evil)
    await page.goto(f"{site.url}/executions/{execution['id']}")
    await expect(page.locator(".detail-body a")).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    assert await page.locator(".detail-body img").count() == 0
    assert await page.evaluate("window.hit") is None


async def test_links_back_button_and_palette_keep_one_socket(site: Site, watched: Watch) -> None:
    page = (await watched()).page
    sockets: list[str] = []
    page.on("websocket", lambda line: sockets.append(line.url))
    await page.goto(site.url + "/bots")
    await page.get_by_role("link", name="Support triage").click()
    await expect(page).to_have_title("Support triage · Baleybots")
    await expect(page.locator("h1")).to_be_focused()
    await page.go_back()
    await expect(page.locator("article")).to_have_count(6)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("failed")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(site.url + "/executions?status=failed")
    await expect(page.locator("tbody .pill").first).to_have_text("Failed")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()
    assert len([url for url in sockets if "/reactpy/" in url]) == 1


async def test_heading_of_a_page_that_comes_late_is_read_out_all_the_same(
    site: Site, watched: Watch
) -> None:
    page, came, read = (await watched()).page, asyncio.Event(), site.world.do_Bot

    async def late(variables: dict[str, Any]) -> dict[str, Any]:
        await came.wait()
        return await read(variables)

    site.world.do_Bot = late  # type: ignore[method-assign]
    await page.clock.install()
    await page.goto(site.url + "/bots")
    await page.get_by_role("link", name="Support triage").click()
    await expect(page.locator("main h1")).to_have_count(0)
    await page.clock.fast_forward(5_000)
    came.set()
    await expect(page.locator("main h1")).to_be_focused()


# A frame begins with this and ends with a paint; there is none before the style sheet is there.
FIRST_FRAME = """const look = () => {
  if (!document.body) return requestAnimationFrame(look);
  const theme = document.documentElement.dataset.theme;
  window.first = [theme, getComputedStyle(document.body).backgroundColor];
};
requestAnimationFrame(look);"""


async def test_chosen_theme_is_there_before_the_first_paint(site: Site, watched: Watch) -> None:
    page = (await watched(color_scheme="light")).page
    await page.goto(site.url + "/bots")
    await page.get_by_role("radio", name="Dark").click()
    await page.add_init_script(FIRST_FRAME)
    await page.reload()
    await page.wait_for_function("window.first")
    assert await page.evaluate("window.first") == ["dark", "rgb(13, 14, 18)"]


async def test_list_follows_what_runs(site: Site, watched: Watch) -> None:
    page = (await watched()).page
    await page.goto(site.url + "/executions")
    await expect(page.locator("tbody tr").first).to_contain_text("Completed")
    seen = asyncio.Event()

    async def until_seen(world: World, execution: dict[str, Any]) -> None:
        execution.update(status="RUNNING", startedAt=execution["createdAt"])
        await world.tell(execution, "execution.started")
        await seen.wait()
        execution.update(status="COMPLETED", finishedAt=execution["createdAt"])
        await world.tell(execution, "execution.completed")

    site.world.script = until_seen
    await site.world.do_StartExecution({"input": {"botId": bot_of(site.world)["id"]}})
    await expect(page.locator("tbody tr").first).to_contain_text("Running")
    seen.set()
    await expect(page.locator("tbody tr").first).to_contain_text("Completed")


# How many elements the client library looks at while it sends a click.
LOOKED_AT = """(button) => {
  const main = document.querySelector("main");
  getSelection().setBaseAndExtent(main, 0, main, 1);
  const native = Object.getOwnPropertyDescriptor(Element.prototype, "firstElementChild");
  const seen = new Set();
  const get = function () { seen.add(this); return native.get.call(this); };
  Object.defineProperty(Element.prototype, "firstElementChild", { ...native, get });
  button.click();
  Object.defineProperty(Element.prototype, "firstElementChild", native);
  return seen.size;
}"""


async def test_a_click_does_not_walk_through_what_is_selected(site: Site, watched: Watch) -> None:
    page = (await watched()).page
    await page.goto(f"{site.url}/costs")
    await settled(page)
    button = page.get_by_role("button", name="Add budget").first
    assert await button.evaluate(LOOKED_AT) < 20
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate("getSelection().type") == "Range"
