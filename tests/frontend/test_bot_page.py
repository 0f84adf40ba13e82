"""One bot: the draft is saved as it is typed, never over somebody else's, and can be run."""

from typing import Any

from tests.frontend.screen import Screen
from tests.frontend.world import World


def first_bot(world: World) -> dict[str, Any]:
    return next(iter(world.bots.values()))


async def open_bot(world: World) -> Screen:
    return Screen(world, f"/bots/{first_bot(world)['id']}")


def saved(screen: Screen) -> dict[str, Any]:
    return screen.props("Studio")["saved"]


async def test_typed_text_is_saved_and_checked(world: World) -> None:
    async with await open_bot(world) as screen:
        text = 'writer {\n  "goal": "x"\n}\nchain { oops }\n'
        await screen.tell("Studio", "onText", {"text": text, "seq": 4})
        await screen.until(lambda s: saved(s) == {"seq": 4, "state": "saved"})
        await screen.until(lambda s: (s.props("Studio")["checked"] or {}).get("seq") == 4)
        assert first_bot(world)["source"] == text
        mark = screen.props("Studio")["checked"]["items"][0]
        assert (mark["line"], mark["column"]) == (4, 9)
        assert mark["hint"]


async def test_older_text_that_comes_late_is_dropped(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.tell("Studio", "onText", {"text": "newer", "seq": 9})
        await screen.until(lambda s: saved(s)["seq"] == 9)
        await screen.tell("Studio", "onText", {"text": "older", "seq": 8})
        await screen.tell("Studio", "onText", {"text": "newest", "seq": 10})
        await screen.until(lambda s: saved(s)["seq"] == 10)
        written = [v["input"]["source"] for n, v in world.calls if n == "SaveBotDraft"]
        assert written == ["newer", "newest"]


async def test_change_in_another_place_is_a_conflict_and_mine_can_be_kept(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.until(lambda s: s.find("Studio"))
        first_bot(world).update(source="theirs", draftVersion=7)
        await screen.tell("Studio", "onText", {"text": "mine", "seq": 1})
        await screen.until(lambda s: saved(s)["state"] == "conflict")
        assert first_bot(world)["source"] == "theirs"
        await screen.tell("Studio", "onKeep", {"text": "mine", "seq": 1})
        await screen.until(lambda s: saved(s)["state"] == "saved")
        assert first_bot(world)["source"] == "mine"


async def test_text_of_the_other_place_can_be_taken(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.until(lambda s: s.find("Studio"))
        rev = screen.props("Studio")["rev"]
        first_bot(world).update(source="theirs", draftVersion=7)
        await screen.tell("Studio", "onText", {"text": "mine", "seq": 1})
        await screen.until(lambda s: saved(s)["state"] == "conflict")
        await screen.tell("Studio", "onTake")
        await screen.until(lambda s: s.props("Studio")["source"] == "theirs")
        assert screen.props("Studio")["rev"] == rev + 1
        await screen.tell("Studio", "onText", {"text": "theirs and mine", "seq": 2})
        await screen.until(lambda s: saved(s) == {"seq": 2, "state": "saved"})


async def test_format_answers_with_the_text_and_the_number_it_was_made_from(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.tell("Studio", "onFormat", {"text": "a {\n\n\n\n}", "seq": 3})
        await screen.until(lambda s: s.props("Studio")["base"] == 3)
        assert screen.props("Studio")["source"] == "a {\n\n}\n"


async def test_text_with_errors_is_not_formatted_and_says_why(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.tell("Studio", "onFormat", {"text": "oops", "seq": 1})
        last = await screen.until(lambda s: s.props("Toasts")["last"])
        assert last["kind"] == "error"
        assert "Correct the errors first" in last["text"]


async def test_run_saves_the_newest_text_before_it_starts(world: World) -> None:
    async with await open_bot(world) as screen:
        draft = {"text": "fresh", "seq": 2}
        await screen.tell("RunPanel", "onRun", {"input": {"n": 1}, "draft": draft})
        await screen.until(
            lambda s: (
                s.props("RunPanel")["executionId"]
                and world.executions[s.props("RunPanel")["executionId"]]["input"] == {"n": 1}
            )
        )
        order = [name for name, _ in world.calls if name in {"SaveBotDraft", "StartExecution"}]
        assert order == ["SaveBotDraft", "StartExecution"]
        assert first_bot(world)["source"] == "fresh"


async def test_run_that_is_refused_says_why_and_can_be_pressed_again(world: World) -> None:
    async def refuse(_: Any) -> Any:
        raise PermissionError("Your role may not run bots.")

    world.do_StartExecution = refuse  # type: ignore[method-assign]
    async with await open_bot(world) as screen:
        await screen.until(lambda s: s.find("RunPanel"))
        before = screen.props("RunPanel")["answer"]
        await screen.tell("RunPanel", "onRun", {"input": "x", "draft": None})
        last = await screen.until(lambda s: s.props("Toasts")["last"])
        assert last["text"] == "Your role may not run bots."
        await screen.until(lambda s: s.props("RunPanel")["answer"] > before)


async def test_publish_says_which_version_is_live(world: World) -> None:
    async with await open_bot(world) as screen:
        await screen.shows("Version 3 is live")
        await screen.click(screen.find("button", "Publish"))
        await screen.until(lambda s: s.find("FormDialog"))
        values = {"name": "", "note": "Shorter answers."}
        await screen.tell("FormDialog", "onSubmit", {"values": values})
        await screen.shows("Version 4 is live")
        asked = next(v["input"] for n, v in world.calls if n == "PublishBot")
        assert asked == {"botId": first_bot(world)["id"], "note": "Shorter answers."}


async def test_delete_asks_first_and_then_leads_back(world: World) -> None:
    bot = first_bot(world)
    async with await open_bot(world) as screen:
        await screen.until(lambda s: s.find("button", "Delete"))
        await screen.click(screen.find("button", "Delete"))
        question = await screen.until(lambda s: s.find("Dialog"))
        assert question["attributes"]["title"] == f"Delete {bot['name']}?"
        assert bot["id"] in world.bots
        await screen.tell("Dialog", "onConfirm")
        await screen.shows("5 bots")
        assert bot["id"] not in world.bots


async def test_unknown_bot_says_what_may_have_happened(world: World) -> None:
    async with Screen(world, "/bots/bot_nothing") as screen:
        await screen.shows("There is no such bot")


async def test_run_without_an_input_leaves_it_to_the_text_of_the_bot(world: World) -> None:
    async with await open_bot(world) as screen:
        message = {"input": None, "empty": True, "draft": None, "key": "press-1"}
        await screen.tell("RunPanel", "onRun", message)
        await screen.until(lambda s: s.props("NavBridge")["goto"]["n"] == 1)
        asked = [v["input"] for n, v in world.calls if n == "StartExecution"]
        bot_id = first_bot(world)["id"]
        assert asked == [{"botId": bot_id, "mode": "LIVE", "idempotencyKey": "press-1"}]


async def test_input_form_follows_the_draft_and_stays_while_the_text_is_broken(
    world: World,
) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    async with await open_bot(world) as screen:
        await screen.until(lambda s: s.find("RunPanel"))
        first_bot(world)["inputSchema"] = schema
        await screen.tell("Studio", "onText", {"text": "fine", "seq": 1})
        await screen.until(lambda s: s.props("RunPanel")["schema"] == schema)
        first_bot(world)["inputSchema"] = None
        await screen.tell("Studio", "onText", {"text": "oops", "seq": 2})
        await screen.until(lambda s: saved(s)["seq"] == 2)
        assert screen.props("RunPanel")["schema"] == schema
