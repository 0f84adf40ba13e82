"""What is finished beside something long is durable, and seen, long before the long one ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from server.models.enums import StepStatus
from server.models.tables import Approval, Event, ModelCall, Step
from tests.support.rooms import open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

QUICK = 5
BRANCHES = " ".join(f'"{number}": quick' for number in range(QUICK))
SIDE_BY_SIDE = f"""quick {{ "goal": "Say", "model": "quick" }}
parallel {{ {BRANCHES} "slow": use slow }}
"""
CALLING = 'a { "goal": "Do", "model": "m", "tools": ["quick", "slow"] }'


async def test_finished_branches_are_durable_while_another_one_works(
    tmp_path: Path, database_url: str
) -> None:
    gateway, go_on = ScriptedGateway(), asyncio.Event()
    slow = Counted("slow", gate=go_on)
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[slow.tool]
    ) as home:
        started = await home.start(await home.bot(SIDE_BY_SIDE), {"text": "x"})
        await slow.entered.wait()

        async def finished() -> bool:
            done = Step.filter(execution_id=started.id, type="entity", status=StepStatus.COMPLETED)
            return await done.count() == QUICK

        await until(finished)
        assert await ModelCall.filter(execution_id=started.id).count() == QUICK
        told = Event.filter(execution_id=started.id, type="step.completed")
        assert await told.count() == QUICK
        go_on.set()
        await home.ended(started)
    assert gateway.calls["quick"] == QUICK


async def test_a_finished_tool_is_durable_while_another_one_of_the_same_turn_works(
    tmp_path: Path, database_url: str
) -> None:
    gateway, go_on = ScriptedGateway(), asyncio.Event()
    tools = [Counted("quick").tool, Counted("slow", gate=go_on).tool]
    gateway.answers["m"] = [asks(("quick", {"text": "1"}), ("slow", {"text": "2"})), "Done."]
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, tools=tools) as home:
        started = await home.start(await home.bot(CALLING), "x")

        async def row() -> Any:
            done = Step.filter(execution_id=started.id, name="quick", status=StepStatus.COMPLETED)
            return await done.get_or_none()

        assert (await until(row)).output == "1"
        go_on.set()
        await home.ended(started)


async def test_what_must_not_be_repeated_and_has_ended_is_not_asked_about(
    tmp_path: Path, database_url: str
) -> None:
    """The process is lost while another tool of the same turn works."""
    gateway, go_on = ScriptedGateway(), asyncio.Event()
    quick, slow = Counted("quick", idempotent=False), Counted("slow", gate=go_on)
    tools = [quick.tool, slow.tool]
    gateway.answers["m"] = [asks(("quick", {"text": "1"}), ("slow", {"text": "2"})), "Done."]
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, tools=tools) as home:
        started = await home.start(await home.bot(CALLING), "x")
        done = Step.filter(execution_id=started.id, name="quick", status=StepStatus.COMPLETED)
        await until(done.exists)
        await slow.entered.wait()
    go_on.set()
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, tools=tools) as home:
        ended = await home.ended(started)
        assert not await Approval.filter(execution_id=started.id).exists()
    assert ended.output == "Done."
    assert (len(quick.calls), len(slow.calls)) == (1, 2)
