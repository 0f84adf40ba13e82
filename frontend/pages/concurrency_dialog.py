"""How many executions of a bot run at once."""

from typing import Any

from reactpy import component

from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client, use_query
from frontend.pages.connection_dialogs import Closed, sent, use_answer


@component
def ConcurrencyDialog(bot: dict[str, Any], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    found = use_query("bot_concurrency", {"id": bot["id"]})
    answer, tell = use_answer()
    if found.data is None:
        return ""
    now = found.data["bot"] or {}

    async def save(form: dict[str, Any]) -> None:
        seen = {"botId": bot["id"], "expectedVersion": now.get("concurrencyVersion")}
        values = {**seen, **limits_of(form["values"])}
        await client.mutate("update_bot_concurrency", values)
        messages.say("The limits are set. What runs goes on.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": f"How many of {bot['name']} run at once",
            "text": "The others wait in the queue; what waits for a person or a time takes no "
            "place. Empty fields set no limit.",
            "fields": fields_of(now.get("concurrency") or {}),
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def fields_of(now: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": "limit", "label": "At most so many at once", "type": "number",
         "value": now.get("limit") or ""},
        {"name": "perKey", "label": "At most so many with the same key", "type": "number",
         "value": now.get("perKey") or "",
         "help": "A key is given at the start (concurrencyKey), such as the number of a customer."},
    ]  # fmt: skip


def limits_of(values: dict[str, Any]) -> dict[str, int]:
    """An empty field is none."""
    found = {name: str(values.get(name) or "").strip() for name in ("limit", "perKey")}
    return {name: int(float(text)) for name, text in found.items() if text}
