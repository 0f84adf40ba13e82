"""The inbox of questions: what is asked, the answers to it, and what comes of them."""

from typing import Any

from tests.frontend.screen import Screen
from tests.frontend.world import World


def asked(world: World, **more: Any) -> dict[str, Any]:
    bot = next(iter(world.bots.values()))
    execution = world.add_execution(bot, "WAITING", ago=240)
    return world.ask(execution, "send_mail", {"to": "all@example.com", "count": 2}, **more)


def shown(screen: Screen) -> list[dict[str, Any]]:
    return screen.props("ApprovalInbox")["approvals"] if screen.find("ApprovalInbox") else []


async def sent(world: World, screen: Screen) -> Any:
    await screen.until(lambda s: s.props("Toasts")["last"])
    return [v["input"] for n, v in world.calls if n == "DecideApproval"][-1]


async def test_question_stands_there_with_what_it_is_about(world: World) -> None:
    question = asked(world)
    async with Screen(world, "/approvals") as screen:
        await screen.shows("1 question waiting for a decision")
        first = (await screen.until(shown))[0]
        assert first["arguments"] == {"to": "all@example.com", "count": 2}
        assert first["executionId"] == question["execution"]["id"]


async def test_approved_question_moves_to_what_was_decided(world: World) -> None:
    question = asked(world)
    async with Screen(world, "/approvals") as screen:
        await screen.until(shown)
        values = {"id": question["id"], "verdict": "approve"}
        await screen.tell("ApprovalInbox", "onDecide", values)
        assert await sent(world, screen) == {"approvalId": question["id"], "approve": {}}
        await screen.shows("Nothing waits for you")
        await screen.shows("Decided lately")
        await screen.shows("Approved by Ada Marlow")


async def test_reason_of_a_refusal_reaches_the_bot(world: World) -> None:
    question = asked(world)
    async with Screen(world, "/approvals") as screen:
        await screen.until(shown)
        values = {"id": question["id"], "verdict": "reject", "note": "Not on a Friday."}
        await screen.tell("ApprovalInbox", "onDecide", values)
        answer = await sent(world, screen)
        assert answer["reject"] == {"reason": "Not on a Friday."}


async def test_changed_arguments_are_sent_whole(world: World) -> None:
    question = asked(world)
    async with Screen(world, "/approvals") as screen:
        await screen.until(shown)
        arguments = {"to": "ada@example.com", "count": 1}
        values = {"id": question["id"], "verdict": "modify", "arguments": arguments}
        await screen.tell("ApprovalInbox", "onDecide", values)
        assert (await sent(world, screen))["modify"] == {"arguments": arguments}


async def test_value_goes_with_the_choice_that_needs_one(world: World) -> None:
    question = asked(world, kind="REMEDY", choices=["retry", "skip", "continue", "fail"])
    async with Screen(world, "/approvals") as screen:
        await screen.until(shown)
        values = {"id": question["id"], "verdict": "choose", "action": "continue", "value": None}
        await screen.tell("ApprovalInbox", "onDecide", values)
        assert (await sent(world, screen))["choose"] == {"action": "continue", "value": None}


async def test_somebody_was_faster_is_said_and_the_list_is_read_again(world: World) -> None:
    question = asked(world)
    async with Screen(world, "/approvals") as screen:
        await screen.until(shown)
        question["status"] = "APPROVED"
        values = {"id": question["id"], "verdict": "approve"}
        await screen.tell("ApprovalInbox", "onDecide", values)
        last = await screen.until(lambda s: s.props("Toasts")["last"])
        assert (last["kind"], last["text"]) == ("error", "Grace approved this.")
        await screen.shows("Nothing waits for you")


async def test_new_question_appears_without_a_reload(world: World) -> None:
    async with Screen(world, "/approvals") as screen:
        await screen.shows("Nothing waits for you")
        asked(world)
        await screen.tell("Watch", "onChange")
        await screen.shows("1 question waiting")


async def test_inbox_is_in_the_sidebar_with_its_count(world: World) -> None:
    async with Screen(world, "/approvals") as screen:
        link = await screen.until(lambda s: s.find("a", "Approvals", href="/approvals"))
        assert link["attributes"]["aria-current"] == "page"
        assert screen.find("WaitingCount")


async def test_a_question_of_a_bot_is_answered(world: World) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    question = asked(world, kind="QUESTION", answerSchema=schema, to="operator")
    async with Screen(world, "/approvals") as screen:
        (shown_question,) = await screen.until(shown)
        assert (shown_question["answerSchema"], shown_question["to"]) == (schema, "operator")
        values = {"id": question["id"], "verdict": "answer", "values": {"n": 3}}
        await screen.tell("ApprovalInbox", "onDecide", values)
        assert (await sent(world, screen))["answer"] == {"values": {"n": 3}}
