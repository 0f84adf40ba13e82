"""Executions, one execution, and the pages at the edge."""

from datetime import UTC, datetime
from typing import Any

import pytest

from frontend.components.incidents import every_period, rates_in_order
from tests.frontend.screen import Screen
from tests.frontend.world import World


async def test_executions_are_listed_newest_first(world: World) -> None:
    async with Screen(world, "/executions") as screen:
        await screen.until(lambda s: s.all("tr"))
        shown = [row["attributes"]["data-execution"] for row in screen.all("tr")[1:]]
        newest = sorted(world.executions.values(), key=lambda e: e["createdAt"], reverse=True)
        assert shown == [entry["id"] for entry in newest[:50]]


async def test_filter_lives_in_the_address(world: World) -> None:
    async with Screen(world, "/executions", "status=failed") as screen:
        await screen.until(lambda s: len(s.all("tr")) > 1)
        words = screen.text(screen.find("tbody"))
        assert "Failed" in words
        assert "Completed" not in words
        assert screen.find("a", "Failed", **{"aria-current": "true"})
        bot = list(world.bots.values())[4]
        await screen.tell("Select", "onChange", {"value": bot["id"]})
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        assert screen.props("NavBridge")["goto"]["query"] == f"status=failed&bot={bot['id']}"


async def test_filter_without_a_match_offers_to_clear_it(world: World) -> None:
    async with Screen(world, "/executions", "status=cancelled") as screen:
        await screen.shows("Nothing matches this filter")
        assert screen.find("a", "Clear the filter", href="/executions")


async def test_older_executions_are_one_press_away(world: World) -> None:
    async with Screen(world, "/executions") as screen:
        await screen.shows("Page 1")
        await screen.click(screen.find("button", "Older"))
        await screen.shows("Page 2")
        rest = len(world.executions) - 50
        await screen.until(lambda s: len(s.all("tr")) == rest + 1)
        await screen.click(screen.find("button", "Newer"))
        await screen.until(lambda s: len(s.all("tr")) == 51)


@pytest.mark.parametrize("everything", [False, True])
async def test_chosen_executions_are_cancelled_after_a_question(
    world: World, everything: bool
) -> None:
    running = world.add_execution(next(iter(world.bots.values())), "RUNNING")
    async with Screen(world, "/executions", "status=running") as screen:
        await screen.until(lambda s: s.find("BulkBar"))
        item = next(i for i in screen.props("BulkBar")["items"] if i["id"] == running["id"])
        assert (item["open"], item["ended"]) == (True, False)
        chosen = {"action": "CANCEL", "ids": [running["id"]], "everything": everything}
        await screen.tell("BulkBar", "onAct", chosen)
        await screen.tell("Dialog", "onConfirm")
        last = await screen.until(lambda s: s.props("Toasts")["last"])
        assert last["text"].endswith("cancelled.")
    (sent,) = [values["input"] for name, values in world.calls if name == "CancelExecutions"]
    if everything:
        assert sent["filter"]["status"]["in"][0] == "PENDING"
        assert set(sent["filter"]["createdAt"]) == {"lte"}
    else:
        assert sent == {"executionIds": [running["id"]]}


async def test_an_ended_execution_is_deleted_from_its_page(world: World) -> None:
    old = next(e for e in world.executions.values() if e["status"] == "COMPLETED")
    async with Screen(world, f"/executions/{old['id']}") as screen:
        await screen.tell("ExecutionView", "onDelete")
        await screen.tell("Dialog", "onConfirm")
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        assert screen.props("NavBridge")["goto"]["path"] == "/executions"
    assert old["id"] not in world.executions


async def test_failed_row_says_why(world: World) -> None:
    async with Screen(world, "/executions", "status=failed") as screen:
        await screen.shows("The provider has no model named")


async def test_run_again_uses_the_same_version_and_input(world: World) -> None:
    old = next(iter(world.executions.values()))
    async with Screen(world, f"/executions/{old['id']}") as screen:
        await screen.tell("ExecutionView", "onAgain", {"id": old["id"]})
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        asked: Any = [v["input"] for n, v in world.calls if n == "StartExecution"][-1]
        assert asked == {
            "botId": old["bot"]["id"],
            "versionId": old["version"]["id"],
            "input": old["input"],
            "mode": "LIVE",
        }


async def test_run_in_demo_asks_for_the_demo_model(world: World) -> None:
    old = next(iter(world.executions.values()))
    async with Screen(world, f"/executions/{old['id']}") as screen:
        await screen.tell("ExecutionView", "onAgain", {"id": old["id"], "mode": "DEMO"})
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        assert [v["input"]["mode"] for n, v in world.calls if n == "StartExecution"] == ["DEMO"]


@pytest.mark.parametrize(
    ("action", "status"), [("CANCEL", "CANCELLED"), ("PAUSE", "PAUSED"), ("RESUME", "RUNNING")]
)
async def test_control_reaches_the_server_and_is_confirmed(
    world: World, action: str, status: str
) -> None:
    running = world.add_execution(next(iter(world.bots.values())), "RUNNING")
    async with Screen(world, f"/executions/{running['id']}") as screen:
        await screen.tell("ExecutionView", "onControl", {"action": action})
        await screen.until(lambda s: s.props("Toasts")["last"])
        assert running["status"] == status


async def test_rerun_leads_to_the_new_execution(world: World) -> None:
    old = next(iter(world.executions.values()))
    async with Screen(world, f"/executions/{old['id']}") as screen:
        asked = {"fromStep": "editor", "version": "DRAFT", "outputs": {"critic": "All is well."}}
        await screen.tell("ExecutionView", "onRerun", asked)
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        sent: Any = [v["input"] for n, v in world.calls if n == "RerunExecution"][-1]
        assert sent == {"executionId": old["id"], **asked}
        new = next(reversed(world.executions.values()))
        assert screen.props("NavBridge")["goto"]["path"] == f"/executions/{new['id']}"


async def test_rerun_that_is_refused_says_why_and_may_be_tried_again(world: World) -> None:
    old = next(iter(world.executions.values()))

    async def refuse(_: Any) -> Any:
        error = {"code": "BAL_INVALID", "message": "The draft has a mistake in line 3.", "path": []}
        return {"rerunExecution": {"execution": None, "errors": [error]}}

    world.do_RerunExecution = refuse  # type: ignore[method-assign]
    async with Screen(world, f"/executions/{old['id']}") as screen:
        await screen.tell("ExecutionView", "onRerun", {"fromStep": "editor", "version": "DRAFT"})
        last = await screen.until(lambda s: s.props("Toasts")["last"])
        assert last["text"] == "The draft has a mistake in line 3."
        await screen.until(lambda s: s.props("ExecutionView")["refused"] == 1)


async def test_question_of_an_execution_is_shown_beside_it(world: World) -> None:
    waiting = world.add_execution(next(iter(world.bots.values())), "WAITING")
    other = world.add_execution(next(iter(world.bots.values())), "WAITING")
    question = world.ask(waiting, "send_mail", {"to": "all"})
    world.ask(other, "send_mail", {"to": "nobody"})
    async with Screen(world, f"/executions/{waiting['id']}") as screen:
        await screen.until(lambda s: s.find("ExecutionView"))
        await screen.until(lambda s: s.props("ExecutionView")["approvals"])
        assert [q["id"] for q in screen.props("ExecutionView")["approvals"]] == [question["id"]]
        await screen.tell("ExecutionView", "onDecide", {"id": question["id"], "verdict": "approve"})
        await screen.until(lambda s: s.props("ExecutionView")["answer"] == 1)
        assert question["status"] == "APPROVED"


async def test_unknown_execution_and_page_lead_on(world: World) -> None:
    async with Screen(world, "/executions/exe_nothing") as screen:
        await screen.shows("There is no such execution")
    async with Screen(world, "/nowhere") as screen:
        await screen.shows("There is no such page")


async def test_links_move_without_a_new_socket(world: World) -> None:
    async with Screen(world, "/bots") as screen:
        await screen.shows("6 bots")
        await screen.tell("NavBridge", "onNavigate", {"path": "/executions", "query": "status=x"})
        await screen.until(lambda s: s.find("h1", "Executions"))


async def test_socket_without_a_session_is_shown_the_way_in(world: World) -> None:
    async with Screen(world, "/bots", viewer=None) as screen:
        await screen.shows("You are signed out")
        assert "Support triage" not in screen.text()
        assert world.calls == []


async def test_page_that_cannot_be_read_offers_another_try(world: World) -> None:
    real = world.do_Bots
    answers = iter([PermissionError("The database is away."), None])

    async def sometimes(variables: dict[str, Any]) -> Any:
        if error := next(answers):
            raise error
        return await real(variables)

    world.do_Bots = sometimes  # type: ignore[method-assign]
    async with Screen(world, "/bots") as screen:
        await screen.shows("The database is away.")
        await screen.click(screen.find("button", "Try again"))
        await screen.shows("6 bots")


def test_repairs_stand_class_by_class_in_the_order_in_which_they_are_tried() -> None:
    rates = [
        {"failureClass": name, "action": action, "priority": priority, "count": count}
        for name, action, priority, count in (
            ("TRANSIENT", "fallback", 2, 9),
            ("TOOL", "skip", 2, 11),
            ("TRANSIENT", "retry", 1, 3),
        )
    ]
    actions = [rate["action"] for rate in rates_in_order(rates)]
    assert actions == ["retry", "fallback", "skip"]


def test_the_bars_of_a_pattern_stand_for_every_period() -> None:
    """Also for those in which nothing failed, so that a gap is seen as one."""
    now = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    months = every_period("MONTH", now)
    assert [at.month for at in months] == [4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3]
    assert all((at.day, at.hour) == (1, 0) for at in months)
    weeks = every_period("WEEK", now)
    assert all(at.weekday() == 0 for at in weeks)
    assert (len(weeks), weeks[-1]) == (26, datetime(2026, 2, 23, tzinfo=UTC))
    assert every_period("DAY", now)[-2:] == [
        datetime(2026, 2, 28, tzinfo=UTC),
        now.replace(hour=0, minute=0),
    ]
    assert every_period("HOUR", now)[0] == datetime(2026, 2, 27, 11, tzinfo=UTC)
