"""The forms around a bot: publish with a note, name a version, rename, tag, copy."""

import json
from typing import Any

from reactpy import component

from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import use_client
from frontend.pages.connection_dialogs import Closed, sent, use_answer

NAME = {"name": "name", "label": "Name", "type": "text"}
NOTE = {"name": "note", "label": "What is new", "type": "long", "help": "For whoever looks later."}


@component
def BotForm(form: dict[str, Any], closed: Closed) -> Any:
    """`form`: what the dialog shows, the operation it sends, what is sent with it, and `said`,
    which makes the sentence afterwards of the answer."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()
    nav = use_nav()

    async def save(found: dict[str, Any]) -> None:
        values = {**form["values"], **form.get("read", dict)(found["values"])}
        payload = await client.mutate(form["operation"], values)
        messages.say(form["said"](payload))
        closed(True)
        if "then" in form:
            nav.go(form["then"](payload))

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": form["title"],
            "text": form["text"],
            "fields": form["fields"],
            "confirm": form["confirm"],
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Only what was filled in."""
    return {key: value for key, value in values.items() if str(value or "").strip()}


def publish_form(bot: dict[str, Any], version: dict[str, Any] | None = None) -> dict[str, Any]:
    which = f"Version {version['number']}" if version else "The draft"
    values = {"botId": bot["id"], **({"versionId": version["id"]} if version else {})}
    return {
        "title": f"Publish version {version['number']}" if version else "Publish the draft",
        "text": f"{which} becomes what triggers start. Executions that run keep their version.",
        "fields": [
            {**NAME, "value": (version or {}).get("name", ""), "placeholder": "Such as 2.1"},
            {**NOTE, "value": (version or {}).get("note", "")},
        ],
        "confirm": "Publish",
        "operation": "publish_bot",
        "values": values,
        "read": given,
        "said": lambda payload: f"Version {payload['bot']['published']['number']} is live.",
    }


def name_draft_form(bot: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": "Keep the draft as a version",
        "text": "The text as it is now is frozen under a name. What is live stays.",
        "fields": [{**NAME, "required": True, "placeholder": "Before the rewrite"}, NOTE],
        "confirm": "Keep it",
        "operation": "save_bot_version",
        "values": {"botId": bot["id"]},
        "read": given,
        "said": lambda payload: f"Version {payload['version']['number']} is kept.",
    }


def annotate_form(version: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": f"Name and note of version {version['number']}",
        "text": "They can be changed at any time; the text of a version never changes.",
        "fields": [{**NAME, "value": version["name"]}, {**NOTE, "value": version["note"]}],
        "confirm": "Save",
        "operation": "annotate_bot_version",
        "values": {"versionId": version["id"]},
        "said": lambda payload: f"Version {payload['version']['number']} is described.",
    }


def run_form(bot: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    modes = [
        {"value": "LIVE", "label": "Live: with the models it names"},
        {"value": "DEMO", "label": "Demo: offline and free"},
    ]
    given_input = {
        "name": "input",
        "label": "Input",
        "type": "long",
        "placeholder": "Text or JSON. Leave it empty to use the run(…) line of the bot.",
    }
    return {
        "title": f"Run version {version['number']}",
        "text": "The draft and what is live stay as they are.",
        "fields": [
            given_input,
            {"name": "mode", "label": "Mode", "type": "choice", "options": modes},
        ],
        "confirm": "Run",
        "operation": "start_execution",
        "values": {"botId": bot["id"], "versionId": version["id"]},
        "read": lambda values: {"mode": values["mode"], **input_of(values.get("input"))},
        "said": lambda payload: f"Version {version['number']} runs.",
        "then": lambda payload: f"/executions/{payload['execution']['id']}",
    }


def input_of(text: str | None) -> dict[str, Any]:
    """JSON where it is JSON, else the text; nothing when it is empty: null would be an input."""
    if not (text or "").strip():
        return {}
    try:
        return {"input": json.loads(text or "")}
    except ValueError:
        return {"input": text}


def rename_form(bot: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": f"Rename {bot['name']}",
        "text": "Bots that call this one by its name must be changed too.",
        "fields": [{**NAME, "value": bot["name"], "required": True}],
        "confirm": "Rename",
        "operation": "rename_bot",
        "values": {"botId": bot["id"]},
        "said": lambda payload: f"It is called {payload['bot']['name']} now.",
    }


def tags_form(bot: dict[str, Any]) -> dict[str, Any]:
    field = {
        "name": "tags",
        "label": "Tags",
        "type": "text",
        "value": ", ".join(bot.get("tags") or []),
        "placeholder": "nightly, customers",
        "help": "Words to find it by, with commas between them.",
    }
    return {
        "title": f"Tags of {bot['name']}",
        "text": "The list of bots can be narrowed to a tag.",
        "fields": [field],
        "confirm": "Save",
        "operation": "tag_bot",
        "values": {"botId": bot["id"]},
        "read": lambda values: {"tags": words_of(values["tags"])},
        "said": lambda payload: tagged(payload["bot"]["tags"]),
    }


def duplicate_form(bot: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": f"Duplicate {bot['name']}",
        "text": "The new bot has the same draft and tags. It is not published.",
        "fields": [{**NAME, "placeholder": f"{bot['name']} copy"}],
        "confirm": "Duplicate",
        "operation": "duplicate_bot",
        "values": {"botId": bot["id"]},
        "read": given,
        "said": lambda payload: f"{payload['bot']['name']} was made.",
        "then": lambda payload: f"/bots/{payload['bot']['id']}",
    }


def words_of(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def tagged(tags: list[str]) -> str:
    return f"Tagged {', '.join(tags)}." if tags else "It has no tags now."
