"""Costs: what was spent on what, limits, and prices that are missing."""

from typing import Any

import pytest

from frontend.client import ClientError
from frontend.pages.cost_dialogs import dollars
from tests.frontend.screen import Screen
from tests.frontend.world import World


def inputs(world: World, name: str) -> list[Any]:
    return [v["input"] for n, v in world.calls if n == name]


async def test_spend_is_shown_by_day_bot_and_model(world: World) -> None:
    world.spend()
    async with Screen(world, "/costs") as screen:
        await screen.shows("$4.64")
        assert len(screen.find("ul", className="day-bars")["children"]) == 30  # type: ignore[index]
        assert screen.find("a", "Article briefing", href="/bots/bot_1")
        chart = next(node for node in screen.all("div", role="img"))
        assert "in 30 days" in chart["attributes"]["aria-label"]


async def test_spend_is_shown_by_agent_operation_and_provider(world: World) -> None:
    world.spend()
    async with Screen(world, "/costs") as screen:
        await screen.shows("By agent")
        for words in ("writer · Article briefing", "Model calls", "search"):
            assert screen.find("li", words), words
        for panel in ("By agent", "By operation", "By provider"):
            assert screen.find("section", **{"aria-label": panel}), panel


async def test_time_lives_in_the_address(world: World) -> None:
    async with Screen(world, "/costs", "days=7") as screen:
        await screen.until(lambda s: s.find("a", "7 days", **{"aria-current": "true"}))
        await screen.shows("No limit is set")
        assert [v["days"] for n, v in world.calls if n == "Costs"] == [7]


async def test_calls_without_a_price_are_never_shown_as_nothing(world: World) -> None:
    world.spend()
    async with Screen(world, "/costs") as screen:
        await screen.shows("7 calls of models without a known price are not in these sums")
        row = await screen.until(lambda s: s.find("li", "openai:own-model"))
        assert "not known" in screen.text(row)
        await screen.click(screen.find("button", "7 unpriced: set a price"))
        dialog = await screen.until(lambda s: s.find("FormDialog"))
        model = dialog["attributes"]["fields"][0]
        assert model["value"] == "openai:own-model"
        typed = {"model": "openai:own-model", "inputPrice": "$0.40", "outputPrice": "1,000"}
        await screen.tell("FormDialog", "onSubmit", {"values": typed})
        await screen.until(lambda s: s.find("button", "Use the shipped one"))
        assert inputs(world, "SetModelPrice") == [
            {"model": "openai:own-model", "inputPrice": "0.40", "outputPrice": "1000"}
        ]


async def test_budget_is_made_from_the_empty_state(world: World) -> None:
    async with Screen(world, "/costs") as screen:
        await screen.shows("No limit is set")
        await screen.click(screen.find("button", "Add budget"))
        typed = {"name": "All", "limit": "25", "scope": "WORKSPACE", "period": "MONTH"}
        await screen.tell("FormDialog", "onSubmit", {"values": {**typed, "action": "ASK"}})
        card = await screen.until(lambda s: s.find("article", "All"))
        assert "Executions wait for you" in screen.text(card)
        assert inputs(world, "CreateBudget") == [{**typed, "action": "ASK"}]


async def test_amount_that_is_none_is_said_at_its_field(world: World) -> None:
    async with Screen(world, "/costs") as screen:
        await screen.shows("No limit is set")
        await screen.click(screen.find("button", "Add budget"))
        await screen.tell("FormDialog", "onSubmit", {"values": {"limit": "much"}})
        answer = await screen.until(
            lambda s: s.props("FormDialog")["answer"]["n"] and s.props("FormDialog")["answer"]
        )
        assert answer["path"] == ["limit"]
        assert inputs(world, "CreateBudget") == []


async def test_meter_says_how_much_is_spent_and_changes_at_the_thresholds(world: World) -> None:
    world.add_budget("100", "Half", percent=50)
    world.add_budget("100", "Nearly", percent=92.5)
    async with Screen(world, "/costs") as screen:
        meters = await screen.until(lambda s: s.all("div", role="meter"))
        assert [m["attributes"]["data-level"] for m in meters] == ["50", "90"]
        assert "$92.50 of $100.00 spent" in meters[1]["attributes"]["aria-label"]


async def test_delete_of_a_budget_asks_first(world: World) -> None:
    world.add_budget("5", "Small")
    async with Screen(world, "/costs") as screen:
        await screen.until(lambda s: s.find("button", **{"aria-label": "Delete Small"}))
        await screen.click(screen.find("button", **{"aria-label": "Delete Small"}))
        await screen.tell("Dialog", "onConfirm")
        await screen.shows("No limit is set")


@pytest.mark.parametrize(("typed", "read"), [("25", "25"), (" $1,250.50 ", "1250.50")])
def test_amounts_are_read_as_people_write_them(typed: str, read: str) -> None:
    assert dollars(typed, "limit") == read


@pytest.mark.parametrize("typed", ["", "much", None])
def test_what_is_no_amount_is_refused(typed: Any) -> None:
    with pytest.raises(ClientError, match="amount in US dollars"):
        dollars(typed, "limit")


async def test_a_budget_of_one_person(world: World) -> None:
    async with Screen(world, "/costs") as screen:
        await screen.until(
            lambda s: (
                any(n == "BudgetPeople" for n, _ in world.calls) and s.find("button", "Add budget")
            )
        )
        await screen.click(screen.find("button", "Add budget"))
        dialog = await screen.until(lambda s: s.find("FormDialog"))
        fields = {one["name"]: one for one in dialog["attributes"]["fields"]}
        assert "USER" in [one["value"] for one in fields["scope"]["options"]]
        assert fields["userId"]["options"] == [{"value": "usr_1", "label": "Ada Marlow"}]
        typed = {"name": "Hers", "limit": "5", "scope": "USER", "userId": "usr_1", "period": "WEEK"}
        await screen.tell("FormDialog", "onSubmit", {"values": {**typed, "action": "STOP"}})
        card = await screen.until(lambda s: s.find("article", "Hers"))
        assert "Ada Marlow, a week" in screen.text(card)


async def test_who_may_only_look_is_offered_nothing_to_press(world: World) -> None:
    world.spend()
    world.add_budget("25", "Mine", percent=10)
    world.spent["viewerCan"] = {"setPrices": False, "setBudgets": False}  # type: ignore[index]
    async with Screen(world, "/costs") as screen:
        await screen.shows("Dearest executions")
        assert screen.find("a", "20 Nov, 09:00", href="/executions/exe_1")
        await screen.shows("Key of the environment · openai")
        for words in ("Add budget", "Edit", "Set a price", "Change", "unpriced: set a price"):
            assert screen.find("button", words) is None, words


async def test_every_price_can_be_found(world: World) -> None:
    world.old_models = 150
    for n in range(103):
        world.add_price(f"own:{n:03}")
    async with Screen(world, "/costs") as screen:
        await screen.shows("40 of 254 models")
        await screen.click(screen.find("button", "Show more"))
        await screen.shows("own:102")
        await screen.shows("140 of 254 models")
        assert "openai:old-149" not in screen.text()
        await screen.tell("TextField", "onChange", {"value": " OLD-14 "})
        await screen.until(lambda s: "own:000" not in s.text())
        names = [screen.text(code) for code in screen.all("code")]
        assert names == [f"openai:old-{n}" for n in range(140, 150)]
        await screen.tell("TextField", "onChange", {"value": "nothing"})
        await screen.shows("No such model")


async def test_budgets_behind_the_first_hundred_are_shown_on_demand(world: World) -> None:
    for n in range(103):
        world.add_budget("5", f"Budget {n:03}")
    async with Screen(world, "/costs") as screen:
        await screen.shows("100 of 103")
        assert screen.find("article", "Budget 100") is None
        await screen.click(screen.find("button", "Show more"))
        await screen.until(lambda s: s.find("article", "Budget 102"))
        assert "100 of 103" not in screen.text()
