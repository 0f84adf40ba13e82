"""What buttons of the page of connections do at once, without a dialog."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.health import cache_card, fallbacks_card
from frontend.format import plural
from frontend.kit.handlers import use_guard
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client

NOBODY = {"viewerCan": {"createConnections": False}}


def use_card_acts(answer: Answer) -> dict[str, Any]:
    """For the cards: `busy` is the id of the connection that is being tested."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    busy, set_busy = use_state("")

    def test(row: dict[str, Any]) -> Any:
        async def clicked() -> None:
            set_busy(row["id"])
            try:
                payload = await client.mutate("test_connection", {"connectionId": row["id"]})
            finally:
                set_busy("")
            outcome = payload["test"]
            tone: Any = "success" if outcome["ok"] else "error"
            messages.say(f"{row['name']}: {outcome['message']}", tone)
            answer.reload()

        return guard.click(clicked)

    def make_default(row: dict[str, Any]) -> Any:
        async def clicked() -> None:
            values = {"connectionId": row["id"], "isDefault": True, "force": True}
            await client.mutate("update_connection", {**values, "expectedVersion": row["version"]})
            messages.say(f"{row['name']} answers where a bot names no model.")
            answer.reload()

        return guard.click(clicked)

    return {"busy": busy, "test": test, "default": make_default}


@component
def Answering(health: Answer, edit_fallbacks: Any) -> Any:
    """Who answers when a model does not, and which answers are kept."""
    client, guard, messages = use_client(), use_guard(), use_messages()

    async def forget() -> None:
        payload = await client.mutate("clear_answer_cache", {})
        messages.say(f"{plural(payload['cleared'], 'answer')} forgotten.")
        health.reload()

    data = health.data
    if data is None:
        return ""
    may_edit = (data["viewer"] or NOBODY)["viewerCan"]["createConnections"]
    return html.div(
        {"className": "answering-cards"},
        fallbacks_card(data["modelFallbacks"], edit_fallbacks if may_edit else None),
        cache_card(data["answerCache"], guard.click(forget) if may_edit else None),
    )
