"""Deciding, as a person does who sees what waits."""

from __future__ import annotations

from typing import Any

from tests.faults.waiting import until
from tests.support.processes import Client

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
