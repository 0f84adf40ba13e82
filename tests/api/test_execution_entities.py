"""What an execution says about the entities it goes on with, and the events it waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.front import Api, Front, open_front
from tests.support.waiting import until

WAITING = """writer { "goal": "Sum up", "tools": ["wait"] }
chain { use wait with { event: "order.paid", seconds: 600 } writer }"""
LOOK = """query($id: ID!) { execution(id: $id) {
  status entities { name goal tools notes changed } awaitedEvents { name stepKey } } }"""


@pytest_asyncio.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(tmp_path) as opened:
        yield opened


async def waiting(api: Api) -> str:
    bot = await api.bot(WAITING)
    execution_id = (await api.start(bot["id"], input="x", mode="DEMO"))["id"]

    async def waits() -> bool:
        found = (await api.data(LOOK, id=execution_id))["execution"]
        return found["status"] == "WAITING" and bool(found["awaitedEvents"])

    await until(waits)
    return execution_id


async def test_an_execution_shows_what_was_changed_and_what_it_waits_for(front: Front) -> None:
    api = await front.caller()
    execution_id = await waiting(api)
    before = (await api.data(LOOK, id=execution_id))["execution"]
    assert before["entities"] == [
        {"name": "writer", "goal": "Sum up", "tools": ["wait"], "notes": None, "changed": []}
    ]
    assert [event["name"] for event in before["awaitedEvents"]] == ["order.paid"]
    done = await api.change(
        "modifyExecution",
        "execution { id }",
        executionId=execution_id,
        entity="writer",
        notes="Be brief.",
        tools=[],
    )
    assert done["errors"] == []
    after = (await api.data(LOOK, id=execution_id))["execution"]
    assert after["entities"] == [
        {
            "name": "writer",
            "goal": "Sum up",
            "tools": [],
            "notes": "Be brief.",
            "changed": ["tools", "notes"],
        }
    ]
    told = await api.change("emitEvent", "event { woken }", name="order.paid")
    assert told["event"] == {"woken": 1}
    assert (await api.data(LOOK, id=execution_id))["execution"]["awaitedEvents"] == []


async def test_limits_name_the_products_own_beside_those_of_the_workspace(front: Front) -> None:
    api = await front.caller()
    await api.change("setExecutionLimits", "limits { steps }", steps=5)
    found = await api.data("{ executionLimits { steps own defaults { steps own } } }")
    assert found["executionLimits"] == {
        "steps": 5,
        "own": ["steps"],
        "defaults": {"steps": 1_000_000, "own": []},
    }
