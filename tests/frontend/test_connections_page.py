"""AI connections: added when they work, changed without showing a key, deleted with open eyes."""

from typing import Any

from tests.frontend.screen import Screen
from tests.frontend.world import World

GOOD = {"name": "Main", "apiKey": "sk-good-1234", "baseUrl": "", "concurrency": "4"}


def inputs(world: World, name: str) -> list[Any]:
    return [v["input"] for n, v in world.calls if n == name]


def form(**values: Any) -> dict[str, Any]:
    return {"variant": "openai", "values": {**GOOD, "isDefault": False, **values}}


async def test_first_connection_is_one_press_from_its_form(world: World) -> None:
    async with Screen(world, "/connections") as screen:
        await screen.shows("Connect the first provider")
        await screen.click(screen.find("button", "Anthropic"))
        await screen.until(lambda s: s.find("FormDialog"))
        assert screen.props("FormDialog")["variant"] == "anthropic"


async def test_test_tells_the_models_and_keeps_nothing(world: World) -> None:
    async with Screen(world, "/connections") as screen:
        await screen.shows("Connect the first provider")
        await screen.click(screen.find("button", "OpenAI"))
        await screen.tell("FormDialog", "onTest", form())
        answer = await screen.until(
            lambda s: s.props("FormDialog")["answer"]["n"] and s.props("FormDialog")["answer"]
        )
        assert answer["ok"]
        assert answer["models"] == ["gpt-5", "gpt-5-mini"]
        assert world.connections == []


async def test_connection_that_works_is_kept_and_shown(world: World) -> None:
    async with Screen(world, "/connections") as screen:
        await screen.shows("Connect the first provider")
        await screen.click(screen.find("button", "OpenAI"))
        await screen.tell("FormDialog", "onSubmit", form())
        await screen.until(lambda s: s.find("article", "Main"))
        assert screen.find("FormDialog") is None
        assert inputs(world, "CreateConnection") == [
            {
                "kind": "openai",
                "name": "Main",
                "settings": {"concurrency": 4},
                "secrets": {"apiKey": "sk-good-1234"},
                "force": False,
            }
        ]
        words = screen.text(screen.find("article", "Main"))
        assert "Works" in words
        assert "…9f2c" in words
        assert "2 models" in words


async def test_wrong_key_is_said_in_the_dialog_and_may_be_kept_anyway(world: World) -> None:
    async with Screen(world, "/connections") as screen:
        await screen.shows("Connect the first provider")
        await screen.click(screen.find("button", "OpenAI"))
        wrong = form(apiKey="sk-bad")
        await screen.tell("FormDialog", "onSubmit", wrong)
        answer = await screen.until(
            lambda s: s.props("FormDialog")["answer"]["n"] and s.props("FormDialog")["answer"]
        )
        assert answer["canForce"]
        assert "refused the key" in answer["message"]
        await screen.tell("FormDialog", "onSubmit", {**wrong, "force": True})
        card = await screen.until(lambda s: s.find("article", "Main"))
        assert "Does not work" in screen.text(card)


async def test_edit_sends_no_secret_that_was_not_typed(world: World) -> None:
    world.add_connection("Main")
    async with Screen(world, "/connections") as screen:
        await screen.until(lambda s: s.find("button", "Edit"))
        await screen.click(screen.find("button", "Edit"))
        dialog = await screen.until(lambda s: s.find("FormDialog"))
        fields = dialog["attributes"]["variants"][0]["fields"]
        key = next(field for field in fields if field["name"] == "apiKey")
        assert key["value"] == ""
        assert not key["required"]
        assert "9f2c" in key["help"]
        await screen.tell("FormDialog", "onSubmit", form(name="Renamed", apiKey=""))
        await screen.until(lambda s: s.find("article", "Renamed"))
        sent = inputs(world, "UpdateConnection")[0]
        assert "secrets" not in sent
        assert sent["expectedVersion"] == 1


async def test_the_link_of_a_failed_call_opens_the_connection_it_names(world: World) -> None:
    world.add_connection("Main")
    row = world.add_connection("Other")
    async with Screen(world, "/connections", f"connection={row['id']}") as screen:
        dialog = await screen.until(lambda s: s.find("FormDialog"))
        fields = dialog["attributes"]["variants"][0]["fields"]
        assert next(field["value"] for field in fields if field["name"] == "name") == "Other"


async def test_delete_names_the_bots_that_use_it_and_asks_why(world: World) -> None:
    row = world.add_connection("Main")
    use = {"botId": "bot_1", "botName": "Article briefing", "published": True}
    row["usedBy"] = [{**use, "why": "names openai:gpt-5"}]
    async with Screen(world, "/connections") as screen:
        await screen.until(lambda s: s.find("a", "Article briefing"))
        await screen.click(screen.find("button", **{"aria-label": "Delete Main"}))
        dialog = (await screen.until(lambda s: s.find("FormDialog")))["attributes"]
        assert "Article briefing (names openai:gpt-5)" in dialog["text"]
        assert [field["required"] for field in dialog["fields"]] == [True]
        values = {"values": {"reason": "A new provider."}}
        await screen.tell("FormDialog", "onSubmit", values)
        await screen.shows("Connect the first provider")
        assert inputs(world, "DeleteConnection") == [
            {"connectionId": row["id"], "force": True, "reason": "A new provider."}
        ]


async def test_delete_names_the_fallbacks_of_the_workspace_that_go_through_it(
    world: World,
) -> None:
    row = world.add_connection("Main")
    row["inFallbacks"] = ["openai:gpt-5"]
    async with Screen(world, "/connections") as screen:
        await screen.shows("the fallbacks of this workspace")
        await screen.click(screen.find("button", **{"aria-label": "Delete Main"}))
        dialog = (await screen.until(lambda s: s.find("FormDialog")))["attributes"]
        assert "fallbacks of this workspace go through it: openai:gpt-5" in dialog["text"]
        assert [field["required"] for field in dialog["fields"]] == [True]


async def test_provider_that_is_left_alone_can_be_asked_again(world: World) -> None:
    circuit = {"provider": "openai", "model": "gpt-5", "connectionId": None, "state": "open"}
    world.circuits = [{**circuit, "failures": 5, "retryIn": 22.4, "why": "It is overloaded."}]
    async with Screen(world, "/connections") as screen:
        await screen.shows("openai:gpt-5 is left alone for now")
        await screen.click(screen.find("button", "Ask again now"))
        await screen.until(lambda s: not s.find("button", "Ask again now"))
        asked = {"provider": "openai", "model": "gpt-5", "connectionId": None}
        assert inputs(world, "ResetCircuit") == [asked]


PROVIDER = {
    "provider": "openai",
    "requests": 12,
    "failures": 3,
    "leftAlone": 2,
    "cached": 4,
    "failuresByKind": {"rate_limited": 2, "timeout": 1},
    "medianMs": 400,
    "p95Ms": 900,
    "p99Ms": 1500,
    "firstTokenMs": 120,
    "models": [{"model": "gpt-5", "answers": 9, "firstTokenMs": 130, "firstTokenP95Ms": 640}],
    "tokens": 900,
    "cost": "0.12",
    "lastError": "Too many calls.",
    "lastErrorAt": "2026-11-03T09:30:00.000Z",
    "connections": [],
}


async def test_health_tells_failures_by_kind_and_how_long_answers_take(world: World) -> None:
    world.add_connection("Main")
    world.health = [PROVIDER]
    world.repairs = [
        {
            "failureClass": "RATE_LIMIT",
            "action": "retry",
            "provider": "openai",
            "count": 4,
            "healed": 3,
            "successRate": 75.0,
        }
    ]
    async with Screen(world, "/connections") as screen:
        row = await screen.until(lambda s: s.find("tr", **{"data-provider": "openai"}))
        words = screen.text(row)
        assert "+4 cached" in words
        assert "2 too many calls, 1 too slow, left alone 2 times" in words
        assert "400 ms, 900 ms, 1.50 s" in words
        speed = screen.text(screen.find("tr", **{"data-model": "gpt-5"}))
        assert "130 ms" in speed
        assert "640 ms" in speed
        await screen.shows("Asked again after a wait")
        await screen.shows("3 of 4 (75%)")


async def test_two_connections_to_one_provider_are_told_apart(world: World) -> None:
    main, spare = world.add_connection("Main"), world.add_connection("Spare")
    each = {**PROVIDER, "lastError": None, "requests": 10, "failures": 0, "failuresByKind": {}}
    through = [
        {**each, "connectionId": main["id"], "requests": 9},
        {**each, "connectionId": spare["id"], "requests": 2, "failures": 1},
        {**each, "connectionId": None, "requests": 1},
    ]
    world.health = [{**PROVIDER, "connections": through}]
    async with Screen(world, "/connections") as screen:
        card = await screen.until(lambda s: s.find("article", "Spare"))
        assert "2, 1 failed" in screen.text(card)
        row = screen.find("tr", **{"data-provider": f"openai-{main['id']}"})
        assert screen.text(row).startswith("through Main 9")
        assert "key of the environment" in screen.text(screen.find("table"))


async def test_the_chain_of_the_workspace_is_set_on_the_page(world: World) -> None:
    world.add_connection("Main")
    async with Screen(world, "/connections") as screen:
        await screen.shows("Fallbacks of this workspace")
        await screen.click(screen.find("button", "Edit fallbacks"))
        models = "anthropic:claude-haiku-4-5\nopenai:gpt-5-mini, "
        await screen.tell("FormDialog", "onSubmit", {"values": {"models": models}})
        await screen.until(lambda s: s.find("FormDialog") is None)
        wanted = ["anthropic:claude-haiku-4-5", "openai:gpt-5-mini"]
        assert inputs(world, "SetModelFallbacks") == [{"models": wanted}]
        await screen.shows("openai:gpt-5-mini")


async def test_kept_answers_are_forgotten_on_demand(world: World) -> None:
    world.add_connection("Main")
    world.kept = 3
    async with Screen(world, "/connections") as screen:
        await screen.shows("3 answers kept (6 KiB)")
        await screen.click(screen.find("button", "Forget them"))
        await screen.shows("Nothing is kept.")
