"""Decisions of people, shared by the inbox and the page of an execution."""

from typing import Any

from frontend.client import Client

SAID = {
    "approve": "Approved. The execution goes on.",
    "reject": "Rejected. The bot is told.",
    "modify": "Approved with your changes. The execution goes on.",
    "choose": "Decided. The execution goes on.",
    "answer": "Answered. The execution goes on.",
}


def question_of(node: dict[str, Any]) -> dict[str, Any]:
    """An approval in the form that the browser draws."""
    execution = node.get("execution") or {}
    return {**node, "executionId": execution.get("id")}


def answer_of(found: dict[str, Any]) -> dict[str, Any]:
    match found.get("verdict"):
        case "approve":
            return {"approve": {}}
        case "reject":
            return {"reject": {"reason": found.get("note")}}
        case "modify":
            return {"modify": {"arguments": found.get("arguments")}}
        case "answer":
            return {"answer": {"values": found.get("values") or {}}}
        case _:
            chosen: dict[str, Any] = {"action": found.get("action")}
            if "value" in found:
                chosen["value"] = found["value"]
            return {"choose": chosen}


async def decide(client: Client, found: dict[str, Any]) -> str:
    """What to say when it worked; ClientError tells who was faster."""
    await client.mutate("decide_approval", {"approvalId": found["id"], **answer_of(found)})
    return SAID.get(str(found.get("verdict")), SAID["choose"])
