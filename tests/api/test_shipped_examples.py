"""The examples of the documentation and of the explorer, one after the other as a stranger would
try them, each with the ids of the bot and the execution that were made last."""

from __future__ import annotations

from typing import Any

from tests.house.operations import operations
from tests.support.front import Api, Front, on_a_port, socket_to

# The execution of the examples has ended by itself by then.
LATE = {"10_stop_an_execution": "INVALID_STATE"}


async def test_every_example_works_in_order(front: Front, api: Api) -> None:
    first = await api.bot(name="There before")
    ids = {"BOT": first["id"], "EXECUTION": (await api.start(first["id"], input="x"))["id"]}
    for operation in operations():
        given = operation.given(ids)
        if operation.document.startswith("subscription"):
            await _watch_to_the_end(front, api, operation.document, given)
            continue
        answer = await api.answer(operation.document, **given)
        assert "errors" not in answer, (operation.name, answer)
        for name, found in answer["data"].items():
            assert found is not None, operation.name
            refused = [error["code"] for error in found.get("errors", [])]
            assert refused == ([LATE[operation.name]] if operation.name in LATE else []), answer
            if name == "createBot":
                ids["BOT"] = found["bot"]["id"]
            if name == "startChat":
                ids["SESSION"] = found["session"]["id"]
            if name in ("startExecution", "sendChatMessage"):
                ids["EXECUTION"] = found["execution"]["id"]


async def _watch_to_the_end(front: Front, api: Api, document: str, given: dict[str, Any]) -> None:
    async with (
        on_a_port(front.app) as url,
        socket_to(url, {"authorization": f"Bearer {api.token}"}) as wire,
    ):
        await wire.hello()
        payload = {"query": document, "variables": given}
        await wire.send(type="subscribe", id="1", payload=payload)
        batch: dict[str, Any] = {"done": False}
        while not batch["done"]:
            message = await wire.next()
            assert message["type"] == "next", message
            (batch,) = message["payload"]["data"].values()
        if "events" in batch:
            assert batch["events"][-1]["type"] == "execution.completed"
        else:
            assert (batch["status"], batch["caughtUp"]) == ("COMPLETED", True)
