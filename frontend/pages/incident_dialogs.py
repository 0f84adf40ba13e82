"""Closing an incident, or all of a pattern: what was done about it is kept with each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reactpy import component

from frontend.format import plural
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client
from frontend.pages.connection_dialogs import Closed, sent, use_answer

LONGEST_NAME = 32


@dataclass(frozen=True)
class Closing:
    """What is to be closed: `operation` does it, `said` is told of its answer."""

    key: str
    title: str
    text: str
    operation: str
    values: dict[str, Any]
    said: Callable[[dict[str, Any]], str]


def one(incident: dict[str, Any]) -> Closing:
    return Closing(
        key=incident["id"],
        title="Close the incident",
        text="Closing says that somebody dealt with it. The execution stays as it is.",
        operation="resolve_incident",
        values={"incidentId": incident["id"]},
        said=lambda _payload: "The incident is closed.",
    )


def every(pattern: dict[str, Any]) -> Closing:
    same = {name: pattern[name] for name in ("botId", "name", "kind")}
    return Closing(
        key=" ".join(same.values()),
        title="Close all of these incidents",
        text=f"Closes every open one of {_short(pattern['name'])} with {pattern['kind']}, older "
        "ones too. The executions stay as they are.",
        operation="resolve_incidents",
        values=same,
        said=lambda payload: f"{plural(payload['count'], 'incident')} closed.",
    )


def _short(name: str) -> str:
    """One word as long as a name may be does not fit into a dialog."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


@component
def CloseDialog(closing: Closing, closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        note = (found["values"].get("note") or "").strip()
        payload = await client.mutate(closing.operation, {**closing.values, "note": note or None})
        messages.say(closing.said(payload))
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": closing.title,
            "text": closing.text,
            "fields": [
                {
                    "name": "note",
                    "label": "What was done about it",
                    "type": "long",
                    "placeholder": "Renewed the key",
                }
            ],
            "confirm": "Close it" if closing.operation == "resolve_incident" else "Close all",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )
