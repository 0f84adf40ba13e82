"""Deciding, as a person does who sees what waits."""

from __future__ import annotations

from typing import Any

from tests.faults.load import Load
from tests.faults.oracle import program
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply
from tests.support.processes import Client

SOURCE = program(1, ', "can_request": ["store_memory"]')
REMEMBERS = Reply(tool_calls=[("store_memory", {"action": "set", "key": "k", "value": "v"})])

PENDING = """query($filter: ApprovalFilter!) {
  approvals(first: 10, filter: $filter) { nodes {
    id kind choices tool stepKey status decidedBy execution { status waitingReason } } } }"""
DECIDE = """mutation($input: DecideApprovalInput!) {
  decideApproval(input: $input) { approval { status action } errors { code message } } }"""


async def waiting_for(client: Client, execution: str, seconds: float) -> dict[str, Any]:
    """What this execution asks of a person, as soon as it asks."""
    found: list[dict[str, Any]] = []

    async def asked() -> bool:
        answer = await client.ask(PENDING, filter={"executionId": execution})
        found[:] = [one for one in answer["approvals"]["nodes"] if one["status"] == "PENDING"]
        return bool(found) and found[0]["execution"]["status"] == "WAITING"

    await until(f"{execution} asks a person", asked, seconds)
    return found[0]


async def decide(client: Client, approval: str, **answer: Any) -> dict[str, Any]:
    data = await client.ask(DECIDE, input={"approvalId": approval, **answer})
    return data["decideApproval"]


async def asking(world: Rig, count: int) -> tuple[Load, dict[str, dict[str, Any]]]:
    """So many runs that want to use a tool, and what each of them asks."""
    load = await Load.make(world, steps=1, source=SOURCE)
    for number in range(count):
        world.oracle.at(load.run(number), 1, REMEMBERS)
    await load.start(*range(count))
    async with world.client() as client:
        asked = {run: await waiting_for(client, name, 60) for run, name in load.accepted.items()}
    return load, asked
