"""How long a bot keeps its executions."""

from typing import Any

from reactpy import component

from frontend.format import ENDED, LABELS
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client, use_query
from frontend.pages.connection_dialogs import Closed, sent, use_answer

RULES = [
    {"value": "inherit", "label": "As the installation says"},
    {"value": "own", "label": "A rule of its own"},
]
OWN = {"name": "rule", "values": ["own"]}


@component
def RetentionDialog(bot: dict[str, Any], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    found = use_query("bot_retention", {"id": bot["id"]})
    answer, tell = use_answer()
    if found.data is None:
        return ""
    now = found.data["bot"]

    async def save(form: dict[str, Any]) -> None:
        seen = {"botId": bot["id"], "expectedVersion": (now or {}).get("retentionVersion")}
        values = {**seen, **rule_of(form["values"])}
        await client.mutate("update_bot_retention", values)
        messages.say("The rule is set. Old executions go in small batches from now on.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": f"How long {bot['name']} keeps its executions",
            "text": "Ended executions go with their steps, events and files. What runs or waits "
            "is never deleted; what was spent stays in the costs.",
            "fields": fields_of((now or {}).get("retention")),
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def fields_of(rule: dict[str, Any] | None) -> list[dict[str, Any]]:
    now = rule or {}
    statuses = [{"value": one, "label": LABELS[one]} for one in sorted(ENDED)]
    return [
        {"name": "rule", "label": "Rule", "type": "choice", "options": RULES,
         "value": "own" if rule else "inherit"},
        {"name": "maxAgeDays", "label": "Delete after so many days", "type": "number",
         "value": now.get("maxAgeDays") or "", "when": OWN, "help": "Empty: age is no reason."},
        {"name": "maxCount", "label": "Keep so many of the latest", "type": "number",
         "value": now.get("maxCount") or "", "when": OWN, "help": "Empty: number is no reason."},
        {"name": "statuses", "label": "Only those that are", "type": "checks", "options": statuses,
         "value": now.get("statuses") or sorted(ENDED), "when": OWN},
    ]  # fmt: skip


def rule_of(values: dict[str, Any]) -> dict[str, Any]:
    if values["rule"] == "inherit":
        return {"inherit": True}
    rule: dict[str, Any] = {"statuses": values.get("statuses") or []}
    for name in ("maxAgeDays", "maxCount"):
        if str(values.get(name) or "").strip():
            rule[name] = int(float(values[name]))
    return rule
