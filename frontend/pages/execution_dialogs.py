"""What is told to an execution under way: an entity changed for the rest of it, an event."""

import json
from typing import Any

from reactpy import component

from frontend.client import ClientError
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_dialogs import Closed, sent, use_answer

CHANGED = "Changed already: {parts}. "
TEXTS = ("goal", "description", "notes")
MODEL = "As provider:model. Empty: as it is."


@component
def ModifyDialog(execution_id: str, entity: str | None, closed: Closed) -> Any:
    """Shows what each entity has now and sends only what was changed."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    found = use_query("execution_entities", {"id": execution_id})
    models = use_query("models")
    answer, tell = use_answer()
    if found.data is None:
        return ""
    entities: list[dict[str, Any]] = (found.data["execution"] or {}).get("entities", [])

    async def save(form: dict[str, Any]) -> None:
        now = next(one for one in entities if one["name"] == form["variant"])
        changes = changes_of(now, form["values"])
        if not changes:
            raise ClientError("Nothing is changed yet.")
        values = {"executionId": execution_id, "entity": now["name"], **changes}
        await client.mutate("modify_execution", values)
        messages.say(f"{now['name']} is changed for the rest of this execution.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    names = [one["name"] for one in entities]
    return FormDialog(
        {
            "title": "Change an entity for this execution",
            "text": "It holds from the entity's next call on, and only in this execution: what it "
            "answered stays, and so does the bot."
            if entities
            else "This execution has no entity that could be changed.",
            "variants": [_variant(one, _names(models)) for one in entities] or None,
            "variant": entity if entity in names else None,
            "variantLabel": "Entity",
            "fields": [],
            "confirm": "Change it",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def _names(models: Answer) -> list[str]:
    return [one["id"] for one in models.data["models"]] if models.data else []


def _variant(one: dict[str, Any], models: list[str]) -> dict[str, Any]:
    done = CHANGED.format(parts=", ".join(one["changed"])) if one["changed"] else ""
    model = f"Asks {one['model']}." if one["model"] else "Asks the default model."
    return {
        "value": one["name"],
        "label": one["name"],
        "help": done + model,
        "fields": [
            {"name": "goal", "label": "Goal", "type": "long", "value": one["goal"],
             "required": True},
            {"name": "notes", "label": "Notes", "type": "long", "value": one["notes"] or "",
             "help": "Added below the goal, such as “Leave out the prices”."},
            {"name": "model", "label": "Model", "type": "text", "value": one["model"] or "",
             "placeholder": "The default model", "suggestions": models, "help": MODEL},
            {"name": "tools", "label": "Tools", "type": "text", "value": ", ".join(one["tools"]),
             "help": "Names with commas between them; empty: none."},
            {"name": "description", "label": "Description", "type": "text",
             "value": one["description"] or ""},
        ],
    }  # fmt: skip


def changes_of(now: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Only what differs: an untouched field must not undo what somebody else changes meanwhile."""
    changes: dict[str, Any] = {
        name: values.get(name) or ""
        for name in TEXTS
        if (values.get(name) or "") != (now[name] or "")
    }
    tools = [tool.strip() for tool in (values.get("tools") or "").split(",") if tool.strip()]
    if tools != now["tools"]:
        changes["tools"] = tools
    model = (values.get("model") or "").strip()
    if model and model != now["model"]:
        changes["model"] = model
    return changes


@component
def EventDialog(event: str, closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def send(form: dict[str, Any]) -> None:
        values: dict[str, Any] = {"name": event}
        if text := (form["values"].get("data") or "").strip():
            values["data"] = data_of(text)
        payload = await client.mutate("emit_event", values)
        woken = payload["event"]["woken"]
        ran = "one execution goes" if woken == 1 else f"{woken} executions go"
        messages.say(f"{event} is told: {ran} on.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": f"Send the event {event}",
            "text": f"Everything in this workspace that waits for `{event}` goes on with it.",
            "fields": [
                {"name": "data", "label": "Data", "type": "long", "placeholder": '{"id": 7}',
                 "help": "JSON or a text. Whoever waited finds it in the result, under event."},
            ],
            "confirm": "Send it",
            "answer": answer,
            "onSubmit": sent(guard, tell, send),
            "onClose": guard.js(close),
        }
    )  # fmt: skip


def data_of(text: str) -> Any:
    """What looks like JSON must be JSON: a half typed object would travel as a text unnoticed."""
    try:
        return json.loads(text)
    except ValueError:
        if text[0] in '{["':
            message = "This is no JSON. Mend it, or write a text without braces."
            raise ClientError(message, errors=[{"path": ["data"], "message": message}]) from None
        return text
