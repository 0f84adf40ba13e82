"""The list of bots, and the way from nothing to a running bot."""

from tests.frontend.screen import Screen
from tests.frontend.world import World


async def test_card_says_what_a_bot_does_and_how_it_last_went(world: World) -> None:
    async with Screen(world, "/bots") as screen:
        await screen.shows("Invoice matcher")
        card = screen.find("article", "Invoice matcher")
        words = screen.text(card)
        assert "Matches bank lines with open invoices" in words
        assert "matcher" in words
        assert "Failed" in words
        assert "14 runs" in words


async def test_numbers_of_the_day_count_what_ran(world: World) -> None:
    async with Screen(world, "/bots") as screen:
        await screen.shows("Success rate")
        strip = screen.text(screen.find("dl", className="kpis"))
        assert f"Executions {len(world.executions)} last 24 h" in strip
        assert "failed" in strip


async def test_running_bots_are_counted_in_the_head(world: World) -> None:
    world.add_execution(next(iter(world.bots.values())), "RUNNING", ago=3)
    async with Screen(world, "/bots") as screen:
        await screen.shows("6 bots, 1 running now")


async def test_filter_that_hides_everything_says_so(world: World) -> None:
    async with Screen(world, "/bots") as screen:
        await screen.shows("Docs writer")
        await screen.tell("TextField", "onChange", {"value": "invoice"})
        await screen.until(lambda s: len(s.all("article")) == 1)
        await screen.tell("TextField", "onChange", {"value": "zebra"})
        await screen.shows("No bot matches “zebra”")
        await screen.shows("The filter hides 6 bots")


async def test_one_click_on_a_template_makes_the_bot_and_runs_it(empty_world: World) -> None:
    async with Screen(empty_world, "/bots") as screen:
        await screen.shows("Run your first bot now")
        await screen.click(screen.find("button", **{"aria-label": "Run now: Article briefing"}))
        panel = await screen.until(lambda s: s.find("RunPanel") and s.props("RunPanel"))
        execution = next(iter(empty_world.executions.values()))
        assert execution["input"] == empty_world.templates[0]["sampleInput"]
        await screen.until(lambda s: s.props("RunPanel")["executionId"] == execution["id"])
        bot_id = next(iter(empty_world.bots))
        assert panel["botId"] == bot_id
        goto = screen.props("NavBridge")["goto"]
        assert (goto["path"], goto["query"]) == (f"/bots/{bot_id}", f"run={execution['id']}")


async def test_template_whose_name_is_taken_gets_the_next_number(empty_world: World) -> None:
    empty_world.add_bot("Article briefing", "a {}")
    async with Screen(empty_world, "/bots/new") as screen:
        await screen.shows("Support triage")
        await screen.click(screen.find("button", **{"aria-label": "Run now: Article briefing"}))
        await screen.until(lambda s: s.find("RunPanel"))
        assert [bot["name"] for bot in empty_world.bots.values()][-1] == "Article briefing 2"


async def test_new_bot_gets_the_name_that_was_typed(empty_world: World) -> None:
    async with Screen(empty_world, "/bots/new") as screen:
        await screen.shows("A bot is a text")
        await screen.tell("TextField", "onChange", {"value": " Tide table "})
        await screen.click(screen.find("button", "Create"))
        await screen.until(lambda s: s.find("Studio"))
        bot = next(iter(empty_world.bots.values()))
        assert bot["name"] == "Tide table"
        assert "goal" in bot["source"]


async def test_list_is_read_again_when_an_execution_changes(world: World) -> None:
    async with Screen(world, "/bots") as screen:
        await screen.shows("6 bots")
        world.add_bot("Seventh", "a {}")
        await screen.tell("Watch", "onChange")
        await screen.shows("7 bots")
