"""What people decide: at the same moment, too late, and across a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.faults.approvals import asking, decide
from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.rig import Rig

KINDS = ["embedded", "postgres", "mysql"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.fault("F39", "approved and rejected at the same moment", short=("postgres",))
async def test_two_decide_at_once(world: Rig, record: Record) -> None:
    load, asked = await asking(world, world.some(20, 200))
    winners: Counter[str] = Counter()

    async def both(approval: dict[str, Any]) -> None:
        order = [{"approve": {}}, {"reject": {"reason": "no"}}]
        world.random.shuffle(order)
        answers = await asyncio.gather(*(decide(client, approval["id"], **one) for one in order))
        lost = [answer for answer in answers if answer["errors"]]
        assert len(lost) == 1, answers
        assert [error["code"] for error in lost[0]["errors"]] == ["ALREADY_DECIDED"]
        (won,) = [answer["approval"]["status"] for answer in answers if not answer["errors"]]
        winners[won] += 1

    async with world.client() as client:
        gate = asyncio.Semaphore(8)

        async def gated(approval: dict[str, Any]) -> None:
            async with gate:
                await both(approval)

        await asyncio.gather(*map(gated, asked.values()))
    found = await check(world, load)
    note = (
        f"{winners['APPROVED']} were approved, {winners['REJECTED']} rejected; the other was told"
    )
    record(found, note)


@pytest.mark.fault("F39", "decided when the time is up", short=("embedded",))
async def test_too_late(world: Rig, record: Record) -> None:
    load, asked = await asking(world, 3)
    await world.tables.change(
        "UPDATE approvals SET expires_at = created_at WHERE status = 'pending'"
    )
    async with world.client() as client:
        for approval in asked.values():
            answer = await decide(client, approval["id"], approve={})
            assert [error["code"] for error in answer["errors"]] == ["INVALID_STATE"], answer
            assert "expired" in answer["errors"][0]["message"]
    found = await check(world, load, ends="completed failed")
    record(found, "each was told that it expired, and the runs went on without")


@pytest.mark.fault("F39", "decided after a restart of everything", short=())
async def test_after_a_restart(world: Rig, record: Record) -> None:
    load, asked = await asking(world, 6)
    await asyncio.gather(*(world.kill(member) for member in world.members))
    await world.heal()
    async with world.client() as client:
        for number, approval in enumerate(asked.values()):
            answers: list[dict[str, Any]] = [{"approve": {}}, {"reject": {"reason": "no"}}]
            answer = await decide(client, approval["id"], **answers[number % 2])
            assert not answer["errors"], answer
    found = await check(world, load)
    assert found.repeated == 0
    record(found, "waiting costs nothing, and nothing was asked again")
